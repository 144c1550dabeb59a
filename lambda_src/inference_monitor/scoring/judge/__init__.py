"""Prompts, calls and verdicts of a judge: a model on Amazon Bedrock."""
