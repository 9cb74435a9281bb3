"""Attention by other scores than dot products: additive and bilinear."""
