"""Code that runs in AWS, other than the monitor itself."""
