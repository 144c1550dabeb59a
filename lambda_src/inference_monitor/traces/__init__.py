"""From an inference to an MLflow trace, written once."""
