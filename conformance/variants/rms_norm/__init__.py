"""Right and wrong variants of root mean square normalisation."""
