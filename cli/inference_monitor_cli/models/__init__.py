"""The verb `models`."""
