"""The clauses that hold for every component."""
