"""The engine: what a run judges, in which turn, and how one clause is judged on its cases."""
