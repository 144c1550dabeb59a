"""MLflow's third-party scorers with the real packages, each in an environment of its own."""
