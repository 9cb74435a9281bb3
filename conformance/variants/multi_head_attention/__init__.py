"""Right and wrong variants of multi-head attention."""
