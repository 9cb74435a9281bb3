"""Right and wrong variants of dropout."""
