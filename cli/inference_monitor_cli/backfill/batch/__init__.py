"""Judging in Amazon Bedrock batch inference jobs."""
