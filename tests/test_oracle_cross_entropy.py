"""Cross-entropy, its gradient and their bounds: against 200 bits, corners, right variants, slight bugs."""

import functools
import itertools

import ml_dtypes
import mpmath
import numpy as np
import pytest

from assay.conformance.variants import variants
from assay.oracle.cross_entropy import cross_entropy, cross_entropy_vjp
from assay.oracle.cross_entropy_bound import cross_entropy_bound, cross_entropy_vjp_bound
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.spec_error import SpecError

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
EPS = np.finfo(float).eps
RIGHT = variants("cross_entropy", wrong=False)
REGIMES = {
    "random": lambda x, one_hot: x,
    "equal": lambda x, one_hot: np.zeros_like(x),
    "confident": lambda x, one_hot: x + 10 * one_hot,
    "wrong": lambda x, one_hot: 30 * x - 30 * one_hot,
    "offset": lambda x, one_hot: x + 100,
}
EVERY = [
    {"label_smoothing": eps, "reduction": reduction, "ignore_index": ignored, "smoothing_over": over}
    for eps, reduction, ignored, over in itertools.product(
        (0.0, 0.1, 1.0), ("mean", "none"), (None, -100, 2), ("all", "others")
    )
]


def held_to(dtype, declared=None):
    return precision_classes(dtype, declared)[-1][1]


def case(seed, regime="random", dtype=np.float64, tokens=5, vocabulary=4, ignored=None):
    """Logits and targets, some of which are ignored."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, vocabulary, tokens)
    one_hot = np.arange(vocabulary) == targets[:, None]
    logits = REGIMES[regime](rng.standard_normal((tokens, vocabulary)), one_hot).astype(dtype)
    if ignored is not None:
        targets[1::2] = ignored
        targets[0] = (ignored + 1) % vocabulary if ignored >= 0 else targets[0]
    return logits, targets


def exact_loss(row, target, options):
    """-sum_k q_k (x_k - lse) of a row of mpmath numbers."""
    eps, others, n = options["label_smoothing"], options["smoothing_over"] == "others", len(row)
    lse = mpmath.log(mpmath.fsum(map(mpmath.exp, row)))
    each = mpmath.mpf(eps) / (n - 1 if others else n)
    q = [each] * n
    q[target] = 1 - mpmath.mpf(eps) + (0 if others else each)
    return mpmath.fsum(w * (lse - x) for w, x in zip(q, row, strict=True))


def exact(logits, targets, options):
    """Compute the result in mpmath numbers."""
    counts = [t != options["ignore_index"] for t in targets]
    losses = [
        exact_loss(row, int(t), options) if counted else mpmath.mpf(0)
        for row, t, counted in zip(logits, targets, counts, strict=True)
    ]
    return losses if options["reduction"] == "none" else [mpmath.fsum(losses) / sum(counts)]


def as_mpmath(logits):
    return [[mpmath.mpf(float(x)) for x in row] for row in logits]


@pytest.mark.parametrize("options", EVERY, ids=str)
def test_the_values_are_those_of_200_bits(options):
    for regime in REGIMES:
        logits, targets = case(1, regime, ignored=options["ignore_index"])
        found = np.atleast_1d(cross_entropy(logits, targets, **options))
        with mpmath.workprec(200):
            for due, loss in zip(exact(as_mpmath(logits), targets, options), found, strict=True):
                assert abs(due - float(loss)) <= 100 * EPS * (abs(due) + (10 if options["label_smoothing"] else 0))


def test_a_loss_below_an_ulp_of_the_sum_is_kept():
    """40 ahead: -log(1 - 4e-18) is no 0."""
    assert cross_entropy([[40.0, 0.0]], [0]) == pytest.approx(np.exp(-40.0), rel=1e-14)


def test_the_conventions_differ_and_agree_on_two_classes_as_they_should():
    """eps over the others is eps V / (V - 1) over all."""
    logits, targets = case(3, vocabulary=6)
    over_others = cross_entropy(logits, targets, label_smoothing=0.1, smoothing_over="others")
    assert over_others == pytest.approx(cross_entropy(logits, targets, label_smoothing=0.1 * 6 / 5), rel=1e-14)
    assert abs(over_others - cross_entropy(logits, targets, label_smoothing=0.1)) > 1e-3


def test_corners():
    """One class, masked classes, no token, none that counts."""
    assert cross_entropy([[3.0]], [0]) == 0
    assert cross_entropy([[3.0]], [0], label_smoothing=0.1) == 0
    assert cross_entropy([[0.0, -np.inf, 0.0]], [2]) == pytest.approx(np.log(2), rel=1e-15)
    np.testing.assert_array_equal(cross_entropy_vjp(1.0, [[0.0, -np.inf, 0.0]], [2]), [[0.5, 0, -0.5]])
    assert np.isposinf(cross_entropy([[0.0, -np.inf]], [1]))
    assert np.isnan(cross_entropy([[np.nan, 0.0]], [1]))
    assert np.isnan(cross_entropy([[-np.inf, -np.inf]], [1]))
    assert np.isnan(cross_entropy(np.zeros((0, 3)), np.zeros(0, int)))
    assert np.isnan(cross_entropy([[0.0, 1.0]], [-100], ignore_index=-100))
    assert cross_entropy([[0.0, 1.0]], [-100], ignore_index=-100, reduction="none") == 0
    assert cross_entropy(np.zeros((0, 3)), np.zeros(0, int), reduction="none").shape == (0,)
    bound = cross_entropy_bound(np.zeros((0, 3)), np.zeros(0, int), reduction="none", numerics=held_to("float32"))
    assert bound.worst.shape == (0,)


def test_malformed_arguments_are_refused():
    """The sentence names the argument."""
    logits, targets = case(4)
    for message, changed in {
        "targets holds float64": {"targets": targets + 0.5},
        "targets holds 4, but should hold classes, 0 to 3": {"targets": targets * 0 + 4},
        "targets holds -1": {"targets": targets * 0 - 1},
        "label_smoothing is 1.5": {"label_smoothing": 1.5},
        "reduction is 'sum'": {"reduction": "sum"},
        "smoothing_over is 'target'": {"smoothing_over": "target"},
    }.items():
        with pytest.raises(SpecError, match=message):
            cross_entropy(**{"logits": logits, "targets": targets, **changed})


@functools.cache
def case_and_bounds(dtype, regime, vocabulary, ignored, given, numerics):
    """Compute, once for all variants that declare the same: logits, targets, a cotangent, and both bounds."""
    logits, targets = case(6, regime, DTYPES[dtype], 9, vocabulary, ignored)
    bound = cross_entropy_bound(logits, targets, **dict(given), numerics=numerics)
    g = np.asarray(np.random.default_rng(1).standard_normal(bound.expected.shape)).astype(DTYPES[dtype])
    of_gradient = cross_entropy_vjp_bound(g, logits, targets, **dict(given), numerics=numerics)["logits"]
    return logits, targets, g, bound, of_gradient


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("variant", RIGHT, ids=lambda each: each.name)
def test_right_variants_stay_within_the_bounds(variant, dtype):
    """Values and, where they have one, gradients: within W always, within S on random logits."""
    numerics = held_to(dtype, variant.numerics.get(dtype))
    convention = {"smoothing_over": variant.conventions.get("smoothing_over", "all")}
    plain = variant.name == "cross-entropy-float64-inside"
    for options, regime, vocabulary in itertools.product(EVERY, REGIMES, (4, 70)):
        if options["smoothing_over"] != "all" or (
            plain and (options["ignore_index"] or options["reduction"] != "mean")
        ):
            continue
        given = {name: value for name, value in options.items() if name != "smoothing_over"}
        if plain:
            given = {"label_smoothing": given["label_smoothing"]}
        of_bound = tuple((given | convention).items())
        logits, targets, g, bound, of_gradient = case_and_bounds(
            dtype, regime, vocabulary, options["ignore_index"], of_bound, numerics
        )
        within(variant.function(logits.copy(), targets, **given), bound, regime == "random")
        if variant.vjp:
            within(variant.vjp(g, logits.copy(), targets, **given), of_gradient, regime == "random")


def within(actual, bound, generic):
    assert np.all(np.abs(actual.astype(float) - bound.expected) <= (bound.statistical if generic else bound.worst))


@pytest.mark.parametrize(
    ("dtype", "least"), [("float64", 0.02), ("float32", 0.02), ("bfloat16", 0.8), ("float16", 0.8)]
)
def test_bounds_are_tight(dtype, least):
    """Per token and in the gradient one rounding is nearly all in 16 bits; float32's errors average out."""
    logits, targets = case(7, dtype=DTYPES[dtype], tokens=200, vocabulary=30)
    strict, plain = precision_classes(dtype)[0][1], RIGHT[0]
    bound = cross_entropy_bound(logits, targets, reduction="none", numerics=strict)
    assert ratio(plain.function(logits, targets, reduction="none"), bound) > least
    g = np.random.default_rng(1).standard_normal(200).astype(DTYPES[dtype])
    bound = cross_entropy_vjp_bound(g, logits, targets, reduction="none", numerics=strict)["logits"]
    assert ratio(plain.vjp(g, logits, targets, reduction="none"), bound) > least


def ratio(actual, bound):
    return np.max(np.abs(actual.astype(float) - bound.expected) / bound.statistical)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_slight_bug_is_beyond_the_bound(dtype):
    """Smoothing of 1e-3 for none; one count more; the last class lost; the other convention: on a confident model."""
    logits, targets = case(8, "confident", DTYPES[dtype], tokens=20, vocabulary=12)
    logits = logits.astype(float)
    plain = cross_entropy_bound(logits, targets, numerics=held_to(dtype))
    smoothed = cross_entropy_bound(logits, targets, label_smoothing=0.3, numerics=held_to(dtype))
    wrong = {
        "smoothing left on": (cross_entropy(logits, targets, label_smoothing=1e-3), plain),
        "one token more": (plain.expected * 20 / 21, plain),
        "the last class lost": (cross_entropy(logits[:, :-1], np.minimum(targets, 10)), plain),
        "over others": (cross_entropy(logits, targets, label_smoothing=0.3, smoothing_over="others"), smoothed),
    }
    for what, (loss, bound) in wrong.items():
        assert abs(loss - bound.expected) > bound.worst, what


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_slightly_wrong_gradient_is_beyond_the_bound(dtype):
    """No smoothing, one count more, the other convention: nearly every element shows it, or the targets do."""
    logits, targets = case(9, dtype=DTYPES[dtype], tokens=20, vocabulary=5)
    logits = logits.astype(float)
    bound = cross_entropy_vjp_bound(1.0, logits, targets, label_smoothing=0.3, numerics=held_to(dtype))["logits"]
    wrong = (
        cross_entropy_vjp(1.0, logits, targets),
        bound.expected * 20 / 21,
        cross_entropy_vjp(1.0, logits, targets, label_smoothing=0.3, smoothing_over="others"),
    )
    for gradient in wrong:
        assert np.mean(np.abs(gradient - bound.expected) > bound.worst) > 0.5


def test_a_sum_that_overflows_is_not_excused():
    """1000 log-probabilities of -80 sum to more than float16 holds, and the loss is 8."""
    logits = np.zeros((1, 1000))
    logits[0, 0] = 80
    bound = cross_entropy_bound(logits, [0], label_smoothing=0.1, numerics=held_to("float16"))
    assert bound.expected == pytest.approx(7.992)
    assert bound.worst < 0.05


def test_an_ignored_row_has_no_error():
    """Whatever its logits."""
    logits, targets = case(10, "wrong", ignored=-100)
    bound = cross_entropy_vjp_bound(1.0, logits, targets, ignore_index=-100, numerics=held_to("bfloat16"))["logits"]
    assert not cross_entropy_vjp(1.0, logits, targets, ignore_index=-100)[targets == -100].any()
    assert bound.worst[targets == -100].max() < 1e-40
    assert bound.worst[targets != -100].min() > 1e-30
