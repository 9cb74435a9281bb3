"""The maximum of logits is taken off first: what they have in common costs nothing, unless it is declared to."""

import numpy as np
import pytest

from assay.conformance.variants import find
from assay.oracle import (
    cross_entropy_bound,
    cross_entropy_vjp_bound,
    log_softmax_bound,
    log_softmax_vjp_bound,
    softmax_bound,
    softmax_vjp_bound,
)
from assay.oracle.rounding.numerics import precision_classes

ROUNDED = {"shift": "rounded"}
TARGETS = np.array([0, 3, 8, 2])
G = np.random.default_rng(1).normal(size=(4, 9)).astype(np.float32)
LOSSES = {"targets": TARGETS, "reduction": "none"}

BOUNDS = {
    "log-softmax": lambda x, numerics: log_softmax_bound(x, numerics=numerics),
    "log-softmax-gradient": lambda x, numerics: log_softmax_vjp_bound(G, x, numerics=numerics)["x"],
    "softmax": lambda x, numerics: softmax_bound(x, numerics=numerics),
    "softmax-gradient": lambda x, numerics: softmax_vjp_bound(G, x, numerics=numerics)["x"],
    "loss": lambda x, numerics: cross_entropy_bound(x, **LOSSES, numerics=numerics),
    "smoothed-loss": lambda x, numerics: cross_entropy_bound(x, **LOSSES, label_smoothing=0.3, numerics=numerics),
    "loss-gradient": lambda x, numerics: cross_entropy_vjp_bound(G[:, 0], x, **LOSSES, numerics=numerics)["logits"],
}


def logits(offset=0.0):
    """Multiples of 1/8 between -8 and 8, so that 2^20 and their sums are numbers of float32."""
    return offset + np.random.default_rng(0).integers(-64, 64, (4, 9)) / 8


def held_to(dtype, **declared):
    return precision_classes(dtype, declared)[-1][1]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("bound", BOUNDS.values(), ids=BOUNDS)
def test_what_logits_have_in_common_costs_nothing(bound, dtype):
    near, far = (bound(logits(offset), held_to(dtype)) for offset in (0.0, 2.0**20))

    np.testing.assert_array_equal(near.worst, far.worst)
    np.testing.assert_array_equal(near.statistical, far.statistical)
    assert near.worst.max() < 2e4 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
@pytest.mark.parametrize("statistics", [None, "bfloat16"])
@pytest.mark.parametrize("offset", [0.0, -3.0, 100.0, 2.0**13])
@pytest.mark.parametrize("bound", BOUNDS.values(), ids=BOUNDS)
def test_a_declared_shift_allows_no_less(bound, dtype, statistics, offset):
    declared = {"statistics": statistics} if statistics else {}
    strict, loose = (bound(logits(offset), held_to(dtype, **declared, **more)) for more in ({}, ROUNDED))

    assert (strict.worst <= loose.worst * (1 + 1e-12)).all()
    assert (strict.statistical <= loose.statistical * (1 + 1e-12)).all()


@pytest.mark.parametrize(
    ("bound", "name"),
    [
        ("log-softmax", "log-softmax-of-log-sum-exp"),
        ("log-softmax", "log-softmax-scaled-first"),
        ("log-softmax", "log-softmax-of-merged-log-sum-exps"),
        ("loss", "cross-entropy-of-log-sum-exp"),
        ("loss", "cross-entropy-of-running-log-sum-exp"),
        ("softmax", "softmax-scaled-first"),
        ("softmax", "softmax-of-log-sum-exp"),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_rounded_shift_is_beyond_the_bound_unless_declared(bound, name, dtype):
    options = LOSSES if bound == "loss" else {}
    for offset in (2.0**10, 2.0**20):
        x = logits(offset).astype(dtype)
        result = find(name).function(x.copy(), **options).astype(float)
        strict, loose = BOUNDS[bound](x, held_to(dtype)), BOUNDS[bound](x, held_to(dtype, **ROUNDED))
        assert (np.abs(result - loose.expected) <= loose.worst).all()
        assert (np.abs(result - strict.expected) > strict.worst).any()


def test_logits_of_a_million_are_judged_as_their_differences():
    """Where lse = m + log l is one number of float32, -0.0625 comes for -0.0486; a whole 0.3 is allowed if declared."""
    x = np.array([[1e6 + 2, 1e6 - 1]])
    bound = log_softmax_bound(x, numerics=held_to("float32"))

    assert bound.worst.max() < 1e-5
    assert log_softmax_bound(x, numerics=held_to("float32", **ROUNDED)).worst.max() > 0.3
