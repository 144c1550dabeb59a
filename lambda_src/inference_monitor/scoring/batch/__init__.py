"""Judge calls as records of Bedrock's batch jobs."""
