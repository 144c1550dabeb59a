"""A stand-in for a Bedrock model that judges: the real API, made-up but deterministic verdicts."""
