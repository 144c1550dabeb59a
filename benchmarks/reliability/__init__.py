"""Faults made to happen on the deployed local stack, and what became of every record.

`make reliability` runs them all. Each fault gets capture files of an endpoint of its own; MLflow
itself is asked afterwards, not the ledger, which is checked against it.
"""
