"""From the bytes of a capture file to inferences: lines, envelope, payloads."""
