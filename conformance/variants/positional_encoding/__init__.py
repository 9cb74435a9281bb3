"""Right and wrong variants of positional encoding."""
