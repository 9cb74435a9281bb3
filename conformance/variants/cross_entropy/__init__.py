"""Right and wrong variants of cross-entropy."""
