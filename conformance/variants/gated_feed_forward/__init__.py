"""Right and wrong variants of the gated feed-forward network."""
