"""Turn captured SageMaker inferences into scored MLflow traces."""
