"""The verb `agreement`."""
