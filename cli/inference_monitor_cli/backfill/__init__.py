"""The verb `backfill`."""
