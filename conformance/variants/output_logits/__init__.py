"""Right and wrong variants of the output logits."""
