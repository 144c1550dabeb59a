"""Which scorers apply to an inference, and what the judge says."""
