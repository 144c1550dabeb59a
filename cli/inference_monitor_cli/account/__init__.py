"""What the AWS account has: endpoints, MLflow servers and judge models."""
