"""The verb `reconcile`."""
