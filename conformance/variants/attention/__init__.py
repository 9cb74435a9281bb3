"""Right and wrong variants of scaled dot-product attention."""
