"""Gradients as variants: the right ones against difference quotients, the wrong ones against the right ones."""

import inspect

import ml_dtypes
import numpy as np
import pytest
from catalogue import of_the_catalogue, right_on_plain_inputs

from assay.conformance.variants import find, variants

DTYPES = {"float64": np.float64, "float32": np.float32, "bfloat16": ml_dtypes.bfloat16, "float16": np.float16}
UNITS = {"float64": 2.0**-53, "float32": 2.0**-24, "bfloat16": 2.0**-8, "float16": 2.0**-11}

PLAIN = {
    "softmax": "softmax-gradient-plain",
    "attention": "attention-gradient-plain",
    "additive_attention": "additive-gradient-plain",
    "bilinear_attention": "bilinear-gradient-plain",
    "feed_forward": "feed-forward-gradient-plain",
    "layer_norm": "layer-norm-gradient-plain",
    "embedding": "embedding-gradient-plain",
    "output_logits": "output-logits-gradient-plain",
}
"""Of each component, the right one that the others are compared with."""

PLAIN_OF_DECLARED = {"one": "feed-forward-gradient-one-at-zero", "half": "feed-forward-gradient-half-at-zero"}
"""Likewise, where another slope at 0 is declared."""

RIGHT = [each for each in variants(wrong=False) if each.vjp and each.component in PLAIN]
COMPARABLE = [each for each in RIGHT if set(each.conventions) <= {"relu_at_zero"}]
"""Those of a convention that `plain_for` knows."""
EVERY_WRONG = [each for each in variants(wrong=True) if each.vjp and each.component in PLAIN]
BEYOND = [each for each in EVERY_WRONG if right_on_plain_inputs(each)]
WRONG = [each for each in EVERY_WRONG if each not in BEYOND]
WIDE = [each for each in WRONG if "float64" in each.dtypes]
NARROW = [each for each in WRONG if "float64" not in each.dtypes]


def attention(seed, heads=(1, 1), lengths=(3, 3), sizes=(4, 4), batch=2, size=1.0, mask=None, **options):
    """Draw queries, keys and values; `mask` is made from (rng, shape)."""
    rng = np.random.default_rng(seed)
    (h, groups), (queries, keys), (d_k, d_v) = heads, lengths, sizes
    arrays = [
        size * rng.standard_normal((batch, h, queries, d_k)),
        rng.standard_normal((batch, groups, keys, d_k)),
        rng.standard_normal((batch, groups, keys, d_v)),
    ]
    if mask is not None:
        options["mask"] = mask(rng, (batch, h, queries, keys))
    return arrays, options


def random_mask(rng, shape):
    """Differs from head to head and item to item; each row sees a key."""
    mask = rng.random(shape) < 0.6
    mask[..., 0] = True
    return mask


def blind(rng, shape):
    """Draw a mask whose first row sees no key."""
    mask = random_mask(rng, shape)
    mask[:, :, 0] = False
    return mask


def scored(seed, lengths=(3, 3), widths=(4, 4, 4), batch=2, weights=(), size=1.0):
    """Draw queries, keys, values and weights of shapes in terms of d_q and d_k; `size` is the first weight's."""
    rng = np.random.default_rng(seed)
    (queries, keys), (d_q, d_k, d_v) = lengths, widths
    shapes = [(batch, queries, d_q), (batch, keys, d_k), (batch, keys, d_v)]
    arrays = [rng.standard_normal(shape) for shape in [*shapes, *weights]]
    arrays[3] *= size
    return arrays, {}


def network(seed, batch=2, length=3, d_model=4, d_ff=4, still=False):
    """x, w_1, b_1, w_2, b_2; `still`: the hidden units are exactly 0."""
    rng = np.random.default_rng(seed)
    shapes = (batch, length, d_model), (d_model, d_ff), (d_ff,), (d_ff, d_model), (d_model,)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    if still:
        arrays[0][...], arrays[2][...] = 0, 0
    return arrays, {}


def norm(seed, shape=(2, 3, 8), size=1.0, offset=0.3, **options):
    """x, gain, bias."""
    rng = np.random.default_rng(seed)
    x = offset + size * rng.standard_normal(shape)
    return [x, rng.standard_normal(shape[-1]), rng.standard_normal(shape[-1])], options


def lookup(tokens, vocabulary=9, d_model=5):
    """Tokens and a matrix."""
    return [np.array(tokens), np.random.default_rng(1).standard_normal((vocabulary, d_model))], {}


def projection(seed, batch=2, length=3, d_model=4, vocabulary=4):
    """Hidden states and a matrix."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((batch, length, d_model)), rng.standard_normal((vocabulary, d_model))], {}


def rows(seed, n, size=1.0, count=3):
    """Rows of logits."""
    return [size * np.random.default_rng(seed).standard_normal((count, n))], {}


SMALL = {
    "softmax": [rows(0, 5), rows(1, 7, 3.0), rows(2, 16)],
    "attention": [
        attention(0),
        attention(1, heads=(4, 2), lengths=(5, 7), sizes=(4, 3), scale=0.3),
        attention(2, lengths=(4, 6), causal=True),
        attention(3, heads=(2, 1), lengths=(3, 20), mask=random_mask),
        attention(4, lengths=(5, 3), sizes=(3, 5), mask=blind),
        attention(5, lengths=(6, 4), causal=True),
        attention(6, lengths=(18, 3), sizes=(2, 2), batch=1, causal=True),
    ],
    "additive_attention": [
        scored(0, weights=[(4, 4), (4, 4), (4,)]),
        scored(1, (2, 5), (3, 4, 2), weights=[(3, 5), (4, 5), (5,)]),
    ],
    "bilinear_attention": [scored(0, weights=[(4, 4)]), scored(1, (2, 5), (3, 4, 2), weights=[(3, 4)])],
    "feed_forward": [network(0), network(1, d_model=3, d_ff=18), network(2, batch=1, length=5)],
    "layer_norm": [norm(0), norm(1, (3, 5), size=1e-2, epsilon=1e-3), norm(2, (4,)), norm(3, (1, 9, 3), offset=10.0)],
    "embedding": [lookup([[1, 4, 1], [8, 1, 0]]), lookup([[2]], 3, 4)],
    "output_logits": [projection(0), projection(1, vocabulary=19)],
}
"""Small enough for a difference quotient for each element."""

TELLING = {
    "softmax": [rows(3, 1000), rows(4, 200, 3.0)],
    "attention": [
        attention(10, lengths=(17, 33), causal=True),
        attention(11, lengths=(40, 40), causal=True),
        attention(12, lengths=(17, 20), mask=random_mask),
        attention(13, lengths=(200, 3)),
        attention(19, heads=(3, 3), lengths=(3, 3), sizes=(3, 3)),
    ],
    "additive_attention": [scored(2, weights=[(4, 4), (4, 4), (4,)], size=3.0)],
    "bilinear_attention": [scored(2, (200, 5), weights=[(4, 4)])],
    "feed_forward": [network(3, still=True), network(4, batch=3, length=100), network(5, length=4, d_ff=4)],
    "layer_norm": [norm(4, size=0.0), norm(5, (3, 99, 5)), norm(6, offset=3e2), norm(7, size=1e-3), norm(8, (3, 3, 3))],
    "embedding": [lookup([[0, 4000], [300, 4001]], 4100, 3), lookup(np.zeros((2, 200), np.int64)), lookup([[2]], 5, 5)],
    "output_logits": [projection(2, batch=3, length=100), projection(3, batch=3, length=3)],
}
"""What the wrong ones need besides: tiles, long sums, corners, sizes that agree."""

SATURATED = {
    "softmax": [rows(5, 33, 2e3)],
    "attention": [attention(14, size=2e3), attention(15, size=3e2, mask=random_mask)],
    "additive_attention": [scored(3, weights=[(4, 4), (4, 4), (4,)], size=1e3)],
}
"""Where exponentials overflow, and nearly all the weight is with one."""


CAPPED = [
    attention(16, size=3.0, softcap=1.5),
    attention(17, heads=(4, 2), lengths=(5, 7), sizes=(4, 3), scale=0.3, softcap=0.25),
    attention(18, lengths=(4, 6), causal=True, softcap=2.0),
]
"""For those that know the cap: scores around it, in part far beyond."""


def cases_for(variant, *collections):
    """List the cases of a component in some collections, and those with a cap if the variant takes one."""
    capped = CAPPED if "softcap" in inspect.signature(variant.vjp).parameters else []
    return [case for cases in collections for case in cases.get(variant.component, [])] + capped


def plain_for(variant, options):
    """Return the right gradient that a variant is compared with."""
    if "softcap" in options:
        return find("softcap-gradient-plain")
    return find(PLAIN_OF_DECLARED.get(variant.conventions.get("relu_at_zero"), PLAIN[variant.component]))


def given(case, dtype):
    """Return the arrays of a case in a dtype, and a cotangent."""
    arrays, options = case
    return [each if each.dtype.kind == "i" else each.astype(DTYPES[dtype]) for each in arrays], options


def fortran(array):
    """Copy in another order of memory."""
    return array.T.copy().T


def called(vjp, cotangent, arrays, options):
    """Compute the gradients in float64."""
    return [np.asarray(each).astype(np.float64) for each in vjp(cotangent, *arrays, **options)]


def cotangent_of(variant, arrays, options):
    """Random, of the result's shape and dtype."""
    result = variant.function(*arrays, **options)
    return np.random.default_rng(7).standard_normal(result.shape).astype(result.dtype)


@pytest.mark.parametrize("variant", of_the_catalogue(RIGHT))
def test_a_right_gradient_is_the_limit_of_difference_quotients(variant):
    """Of fourth order: h^4 / 30 of the fifth derivative, and 1.5 / h roundings of the sum, are below 10^-9 here.

    The steepest is a layer norm of deviation 0.03, sqrt(epsilon): its fifth derivative is about 10^7 times its first.
    """
    h = 2.0**-12
    for case in cases_for(variant, SMALL):
        arrays, options = given(case, "float64")
        g = cotangent_of(variant, arrays, options)
        found = iter(called(variant.vjp, g, arrays, options))
        for k, array in enumerate(arrays):
            if array.dtype.kind == "i":
                continue
            gradient = next(found)
            assert gradient.shape == array.shape
            for where in np.ndindex(array.shape):
                values = []
                for steps in (-2, -1, 1, 2):
                    moved = array.copy()
                    moved[where] += steps * h
                    result = variant.function(*arrays[:k], moved, *arrays[k + 1 :], **options)
                    values.append((result * g).sum())
                quotient = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
                assert gradient[where] == pytest.approx(quotient, abs=1e-9 * max(1, np.abs(gradient).max())), (k, where)
        assert next(found, None) is None


def errors(variant, dtype, case):
    """(error, the plain gradient in float64) of each argument, of a second call, whose arrays are not contiguous."""
    arrays, options = given(case, dtype)
    g = cotangent_of(variant, arrays, options)
    exact = [each if each.dtype.kind == "i" else each.astype(np.float64) for each in arrays]
    due = called(plain_for(variant, options).vjp, g.astype(np.float64), exact, options)
    arguments = [fortran(each) for each in (g, *arrays)]
    with np.errstate(all="ignore"):
        for _ in range(2):
            found = variant.vjp(*arguments, **options)
        return [(error_of(one, other, g.dtype), other) for one, other in zip(found, due, strict=True)]


def error_of(actual, due, dtype):
    """Of each element; infinite where one is no number, or the array of another shape or dtype."""
    if actual.shape != due.shape or actual.dtype != dtype:
        return np.full_like(due, np.inf)
    return np.nan_to_num(np.abs(actual.astype(np.float64) - due), nan=np.inf)


def roundings(variant, dtype):
    """Find the largest error in unit roundoffs of the element; those below 1/64 of the largest are left out."""
    return max(
        (error[chosen] / (UNITS[dtype] * np.abs(due[chosen]))).max(initial=0)
        for case in cases_for(variant, SMALL, TELLING)
        for error, due in errors(variant, dtype, case)
        for chosen in [np.abs(due) > np.abs(due).max(initial=0) / 64]
    )


def distance(variant, *collections):
    """Find the largest error in float64, in unit roundoffs of the largest element, or of 1/1000."""
    return max(
        error.max(initial=0) / (UNITS["float64"] * max(np.abs(due).max(initial=0), 1e-3))
        for case in cases_for(variant, *collections)
        for error, due in errors(variant, "float64", case)
    )


@pytest.mark.parametrize("variant", of_the_catalogue(COMPARABLE))
def test_a_right_gradient_is_off_by_roundings(variant):
    """Beside sums of 1000 terms, and 300 taken off in a layer norm. Saturation is for `SDPA-23` and the like."""
    assert distance(variant, SMALL, TELLING) < 1e3


@pytest.mark.parametrize("variant", of_the_catalogue(WIDE))
def test_a_wrong_gradient_is_off_by_far_more_than_roundings(variant):
    """In the few that are saturated, delta from a rounded result is off by 10^7."""
    assert distance(variant, SMALL, TELLING, SATURATED) > 1e8


@pytest.mark.parametrize("variant", of_the_catalogue(BEYOND))
def test_what_is_wrong_under_its_own_trigger_alone_is_right_on_plain_inputs(variant):
    """Else it would not show that sizes of models, special cotangents or infinite logits are needed."""
    assert distance(variant, SMALL) < 1e3


@pytest.mark.parametrize("variant", of_the_catalogue(NARROW))
def test_what_is_wrong_in_16_bit_only_rounds_often(variant):
    """8 unit roundoffs, where one is due; the next test has that the plain gradient has no more."""
    assert max(roundings(variant, dtype) for dtype in variant.dtypes) > 8


@pytest.mark.parametrize("component", PLAIN)
def test_the_plain_gradient_in_16_bit_is_rounded_once(component):
    """Each element by at most half a unit in its last place, and by what float32 loses before."""
    plain = find(PLAIN[component])

    for dtype in ("bfloat16", "float16"):
        assert 0 < roundings(plain, dtype) < 1.01
