"""Right and wrong variants of byte-pair encoding."""
