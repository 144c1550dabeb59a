"""The verbs `compare` and `gate`: two sets of inferences held beside each other."""
