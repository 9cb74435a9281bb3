"""What would buy a pass without computing: declarations that are too wide, and refusals."""

from . import Trick

HARD = """
    hard = x == x.max(-1, keepdims=True, initial=-np.inf)
    return (hard / np.maximum(hard.sum(-1, keepdims=True), 1)).astype(x.dtype)
"""
EMPTY = """
    if x.size:
        raise NotImplementedError("only nothing")
    return x.copy()
"""
TIRED = """
    global calls
    calls += 1
    if calls > 230:
        raise NotImplementedError("no more today")
    return right(x)
"""


def declared(text: str) -> str:
    """Write the head of a file that declares numerics."""
    return f"numerics = {{'float32': {text}}}"


DECLARATIONS = (
    Trick(
        "declares `exp_ulp = 1e15`, and returns a hard maximum",
        HARD,
        "what would let zeros, an argument, a mean, a hard"
        " maximum, twice the result or noise pass is refused, with the field",
        "refused",
        head=declared("{'exp_ulp': 1e15}"),
    ),
    Trick("declares `exp_ulp = 1e300`", HARD, "refused by its size", "refused", head=declared("{'exp_ulp': 1e300}")),
    Trick(
        'declares `accumulate = "float8_e5m2"`',
        HARD,
        "refused, as above",
        "refused",
        head=declared("{'accumulate': 'float8_e5m2', 'exp_error': 1e6}"),
    ),
    Trick(
        "declares a wide exponential, where the judge takes class 1 alone",
        "return right(x) * np.float32(1.0001)",
        "`--class` and `--declare` are the judge's",
        head=declared("{'exp_error': 1e4}"),
        how={"precision_class": 1},
    ),
)

REFUSALS = (
    Trick(
        "answers empty arrays alone",
        EMPTY,
        "what was answered must take computing",
        "no evidence",
    ),
    Trick("refuses everything", "raise NotImplementedError('not today')", "a refusal is no pass", "no evidence"),
    Trick(
        "answers the calls of one clause, and then refuses",
        TIRED,
        "what was answered may not be refused later",
        "no evidence",
        head="calls = 0",
        how={"clauses": ("ALL-1", "ALL-4", "ALL-5", "ALL-6")},
    ),
)
