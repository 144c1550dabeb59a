"""The verb `scorers`."""
