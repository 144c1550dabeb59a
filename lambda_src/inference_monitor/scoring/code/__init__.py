"""Scorers that are code: the project's own and the user's."""
