"""Cross-entropy with label smoothing: its cases. Its clauses are in `clauses.py` and `target_clauses.py`."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ....oracle.rounding.bound import Bound
from ...cases.logits import HIDDEN, OFFSETS, with_hidden, with_offset
from ...cases.values import draw, generator_of, hidden
from ...terms.at_size import AtSize
from ...terms.case import Case
from ...terms.component import GENERIC, Array, Component, Conventions, Inputs, factor, register
from ...terms.rounding import rounded

_SCALES = {"normal": 1.0, "uniform": 3.0, "logits-1e2": 1e2, "logits-1e4": 1e4}
_OWN = ("confident", "saturated", "masked", "limit")

# Their difference, 2^15, is within float16, and far enough above exp's limit in every format.
_LIMIT = 2.0**14

IGNORED = -100
"""torch's value for a target that does not count; no class has it."""


def _make(case: Case) -> Inputs:
    targets = _targets(case)
    arrays = {"logits": _logits(case, targets), "targets": targets}
    options: dict[str, object] = {"label_smoothing": case["smoothing"]} if case["smoothing"] else {}
    if case["reduction"] != "mean":
        options["reduction"] = case["reduction"]
    if case["ignored"] != "none":
        # Padding may have a class of its own: 0.
        value = 0 if case["ignored"] == "padding" else IGNORED
        away = generator_of(case, "ignored").random(case["N"]) < 0.4
        away[:1] = False  # a mean over no target is another matter
        targets[away] = value
        if case["ignored"] == "padding":
            targets[:1] = np.maximum(targets[:1], 1)
            arrays["logits"] = _logits(case, targets)
        options["ignore_index"] = value
    return Inputs(arrays, options)


def _targets(case: Case) -> Array:
    tokens, vocabulary, kind = case["N"], case["V"], case["targets"]
    generator = generator_of(case, "targets")
    if kind == "smallest":
        targets = np.minimum(generator.integers(0, 2, tokens), vocabulary - 1)
    elif kind == "largest":
        targets = np.maximum(vocabulary - 1 - np.arange(tokens) % 3, 0)
    elif kind == "repeated":
        targets = np.full(tokens, generator.integers(0, vocabulary))
    else:
        targets = generator.integers(0, vocabulary, tokens)
    if case["layout"] == "expanded":
        targets[...] = targets[:1]
    return np.asarray(targets, np.int64)


def _logits(case: Case, targets: Array) -> Array:
    regime, dtype, shape = case["regime"], case["dtype"], (case["N"], case["V"])
    is_target = np.arange(case["V"]) == targets[:, None]
    generator = generator_of(case, "logits", "places")
    if regime in _SCALES:
        kind = "uniform" if regime == "uniform" else "normal"
        logits = rounded(_SCALES[regime] * draw(case, "logits", shape, kind, dtype), dtype)
    elif regime == "confident":
        # A loss that is far below an ulp of the sum of exponentials.
        logits = rounded(draw(case, "logits", shape, "normal", dtype) + 10.0 * is_target, dtype)
    elif regime == "saturated":
        # Any exponential of -2^10 is below the smallest number of every format.
        logits = np.where(is_target, 0.0, -(2.0**10))
    elif regime == "masked":
        seen = is_target | (generator.random(shape) < 0.6)
        logits = np.where(seen, draw(case, "logits", shape, "normal", dtype), hidden(dtype))
    elif regime == "limit":
        logits = generator.choice([-_LIMIT, 0.0, _LIMIT], shape)
    else:
        logits = draw(case, "logits", shape, regime, dtype)
    logits = with_hidden(case, with_offset(case, np.asarray(logits)), kept=is_target)
    if case.get("hidden") == "target":
        logits = np.where(is_target & (np.arange(case["N"]) % 2 == 0)[:, None], -np.inf, logits)
    return logits


def _admissible(case: Case) -> bool:
    """Rule out a mean over nothing, which no formula settles, and smoothing over hidden logits, which would rule it."""
    if case["N"] == 0 and case["reduction"] == "mean":
        return False
    if case["V"] == 1 and (case["smoothing"] or case["ignored"] == "padding"):
        return False
    if case["layout"] == "expanded" and case["ignored"] == "padding":
        return False
    return case["V"] > 0 and not (case["regime"] == "masked" and case["smoothing"]) and case["N"] * case["V"] <= 2**16


def _exact(case: Case, inputs: Inputs, bound: Bound, conventions: Conventions) -> Array:
    """Mark a loss of nothing, where the target has all of the probability."""
    return np.asarray(bound.expected == 0)


def _variations(case: Case) -> Mapping[str, tuple[Inputs, Inputs]]:
    """Take targets of which some are class 0, which may be one that does not count."""
    plain = case.but(N=4, V=5, regime="normal", layout="contiguous", smoothing=0.0, ignored="none", reduction="mean")
    inputs = _make(plain)
    inputs = inputs.but(targets=np.array([3, 0, 4, 0]))
    return {
        "label_smoothing": (inputs, inputs.but(label_smoothing=0.1)),
        "ignore_index": (inputs, inputs.but(ignore_index=0)),
    }


def _dependents(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    """Mark the token's loss and the mean, unless its target is ignored."""
    targets, ignored = inputs.arrays["targets"], inputs.options.get("ignore_index")
    counts = np.array(ignored is None or targets[where[0]] != ignored)
    if inputs.options.get("reduction") == "none":
        return np.asarray((np.arange(len(targets)) == where[0]) & counts)
    return counts


def _probes(dtype: str) -> list[Case]:
    """Give sums that are long: over the classes of a real vocabulary, with smoothing, and over many tokens.

    And logits that are -inf, or far from zero.
    """
    plain = CROSS_ENTROPY.plainest(dtype)
    special = (
        CROSS_ENTROPY.with_optional(
            plain.but(N=tokens, V=classes, reduction=reduction, smoothing=eps, targets=_elsewhere(options)), **options
        )
        for tokens, classes, reduction, eps, options in _SPECIAL
    )
    return [plain.but(N=2, V=32001, smoothing=0.1), plain.but(N=2048, V=3), *special]


def _elsewhere(options: Mapping[str, str]) -> str:
    """Say where targets are that lie in no tile of -inf."""
    word = options.get("hidden", "").partition("-")[0]
    return {"first": "largest", "last": "smallest"}.get(word, "random")


_SPECIAL: Final[Sequence[tuple[int, int, str, float, Mapping[str, str]]]] = (
    (1, 5, "mean", 0.0, {"hidden": "one"}),
    (3, 17, "none", 0.0, {"hidden": "first"}),
    (3, 33, "none", 0.0, {"hidden": "half"}),
    (3, 129, "mean", 0.0, {"hidden": "top-8"}),
    (3, 8, "none", 0.0, {"hidden": "all-but-one"}),
    (3, 65, "mean", 0.0, {"hidden": "every-16th"}),
    (3, 64, "none", 0.0, {"hidden": "first-16"}),
    (3, 64, "none", 0.0, {"hidden": "last-16"}),
    (3, 129, "mean", 0.0, {"hidden": "tiles-of-16"}),
    (2, 1000, "mean", 0.0, {"hidden": "first-128"}),
    (2, 1000, "none", 0.0, {"hidden": "tiles-of-128"}),
    (1, 4225, "mean", 0.0, {"hidden": "first-4096"}),
    (1, 4225, "mean", 0.0, {"hidden": "last-4096"}),
    (5, 8, "none", 0.0, {"hidden": "target"}),
    (3, 8, "none", 0.1, {"hidden": "target"}),
    (3, 17, "none", 0.1, {"hidden": "half"}),
    (3, 17, "none", 0.0, {"hidden": "half", "offset": "-2^20"}),
    (3, 17, "none", 0.0, {"offset": "2^10"}),
    (3, 17, "mean", 0.1, {"offset": "2^20"}),
)
"""Tokens, classes, the reduction, the smoothing, and what is special about the logits."""


CROSS_ENTROPY: Component = register(
    Component(
        name="cross_entropy",
        formula="mean over i of -sum_k q_ik log_softmax(logits_i)_k, q_i = (1 - eps) one_hot(targets_i) + eps / V",
        source="Szegedy et al. 2016, section 7; paper, section 5.4",
        parts=("log_softmax",),
        factors={
            "reduction": factor("reduction", "mean", "none"),
            "ignored": factor("ignored", "none", "some", "padding"),
            "smoothing": factor("smoothing", 0.0, 0.1, 0.3, 1.0),
            "tokens": factor("N", 1, 2, 3, 5, 17, 64, 0),
            "vocabulary": factor("V", 2, 1, 3, 5, 8, 17, 33, 64, 65, 129, 1000),
            "targets": factor("targets", "random", "smallest", "largest", "repeated"),
            "regime": factor("regime", *_SCALES, "zero", "ties", *_OWN, "offset", "tiny"),
            "layout": factor("layout", "contiguous", "transposed", "sliced", "strided", "expanded"),
        },
        inputs=_make,
        coinciding=("N", "V"),
        against=("V", "N"),
        results=lambda inputs: {"result": "N" if inputs.options.get("reduction") == "none" else ""},
        # Rows that are all the same err all the same: their mean is as far off as each.
        generic=lambda case: case["regime"] in (*GENERIC, "logits-1e2", "confident") and case["layout"] != "expanded",
        admissible=_admissible,
        exact=_exact,
        exact_regimes=("saturated",),
        variations=_variations,
        dependents=_dependents,
        probes=_probes,
        optional={"hidden": (*HIDDEN, "target"), "offset": tuple(OFFSETS)},
        at_size=AtSize(
            factor("N V", (1, 2), (5, 300), (3, 700), (4097, 33), (3, 32_000), (2, 50_257), (2, 262_144), (65_537, 3)),
            {
                "reduction": factor("reduction", "mean", "none"),
                "ignored": factor("ignored", "none", "some"),
                "smoothing": factor("smoothing", 0.0, 0.1),
                "targets": factor("targets", "random", "largest"),
                "regime": factor("regime", "normal", "logits-1e2", "confident"),
                "layout": factor("layout", "contiguous", "transposed", "sliced"),
            },
            # Each loss of many rows: a mean of them hides what one has from another.
            always=({"N": 1201, "V": 12, "reduction": "none"},),
        ),
    )
)


def mean_over_all(case: Case) -> Case:
    """Ask for the mean over all targets, as every implementation has it."""
    return case.but(reduction="mean", ignored="none", N=max(case["N"], 1))


def counting(inputs: Inputs) -> Array:
    """Say which targets count."""
    targets, ignored = inputs.arrays["targets"], inputs.options.get("ignore_index")
    return np.ones(targets.shape, bool) if ignored is None else np.asarray(targets != ignored)


def chosen(inputs: Inputs, rows: Array) -> Inputs:
    """Keep some of the tokens."""
    return inputs.but(logits=inputs.arrays["logits"][rows], targets=inputs.arrays["targets"][rows])
