"""Records which AWS calls a run makes, to hold them against the policies that were deployed."""
