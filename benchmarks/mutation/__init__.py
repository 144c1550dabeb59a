"""Mutation tests: which changes of the code no unit test notices."""
