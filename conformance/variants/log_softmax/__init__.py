"""Right and wrong variants of log-softmax."""
