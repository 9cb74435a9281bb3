"""Right and wrong variants of the feed-forward network."""
