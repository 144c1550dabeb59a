"""Our way to log and score against that of the reference, in one run on the same servers.

`make bench-scoring` measures both and writes docs/scoring-benchmark.md.
"""
