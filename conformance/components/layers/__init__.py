"""Layers of encoder and decoder, and whole stacks of them."""
