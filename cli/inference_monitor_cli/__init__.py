"""The `inference-monitor` command, for people."""
