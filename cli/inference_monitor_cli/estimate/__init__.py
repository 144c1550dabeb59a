"""The verb `estimate`."""
