"""Turn captured SageMaker inferences into scored MLflow traces."""

__version__ = "0.1.0"
