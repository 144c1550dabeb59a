"""One file of 300 MB and 100,000 records through the whole chain, with MLflow stubbed.

A real MLflow server takes some 15 records a second on this machine, which would be hours. What is
measured here is the function: that its memory stays flat and that it accounts for every record.
"""
