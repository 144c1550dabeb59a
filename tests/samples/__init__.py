"""The sample captures as code: `python -m tests.samples` writes the files of `samples/` anew."""
