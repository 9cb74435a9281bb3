"""Right and wrong variants of the embedding."""
