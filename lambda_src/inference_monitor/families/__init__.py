"""What model servers are sent and what they answer: one small reader a family."""
