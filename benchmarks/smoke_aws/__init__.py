"""One run on a real AWS account: what the local chain cannot tell, in one report.

It stands beside the benchmarks because its report, too, is what figures and limits in the README
come from; `local/` is for what needs no AWS.
"""
