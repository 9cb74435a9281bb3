"""Right and wrong variants of Adam."""
