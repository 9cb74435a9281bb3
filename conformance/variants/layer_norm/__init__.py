"""Right and wrong variants of layer normalisation."""
