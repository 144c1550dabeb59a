"""The documentation: Markdown pages, and the generator of those that follow from the code."""
