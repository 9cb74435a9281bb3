"""Right and wrong variants of layers and stacks of encoder and decoder."""
