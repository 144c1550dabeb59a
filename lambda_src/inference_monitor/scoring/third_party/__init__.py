"""MLflow's third-party scorers (DeepEval, Ragas, Phoenix), made to ask our judge."""
