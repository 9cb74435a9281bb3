"""The caller's mistakes: what was asked for is not defined by the formulas."""


class SpecError(ValueError):
    """One sentence: which argument, what was wrong, what would be right."""
