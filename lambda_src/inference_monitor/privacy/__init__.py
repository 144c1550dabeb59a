"""Redaction: personal and secret text is replaced before an inference is scored or written."""
