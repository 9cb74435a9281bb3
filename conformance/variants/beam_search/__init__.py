"""Right and wrong variants of beam search."""
