"""`inference-monitor load`: send inferences at a rate, and follow each until it is a trace."""
