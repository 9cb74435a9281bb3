"""Clauses that several components share: the check stands once, each component has an id and words of its own."""
