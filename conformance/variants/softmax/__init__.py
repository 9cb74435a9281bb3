"""Right and wrong variants of softmax."""
