"""The terms of the judgement: a case, a component, a clause, a trial, and the comparison of two results."""
