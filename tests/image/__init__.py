"""The function's image, built without a Docker engine and run as Lambda runs it."""
