"""Right and wrong variants of additive and bilinear attention."""
