"""Configuration files and settings, read and checked. No module here imports boto3 or MLflow."""
