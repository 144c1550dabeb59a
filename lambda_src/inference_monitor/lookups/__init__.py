"""What a deployment needs to know of its account, and is not told: captures, MLflow, their keys.

Runs in AWS Lambda as a custom resource, with nothing but boto3 beside it. Field names and error
codes are those of botocore 1.44.5's models of SageMaker and S3.
"""
