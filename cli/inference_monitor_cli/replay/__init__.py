"""The verb `replay`."""
