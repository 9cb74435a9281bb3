"""The bounds on gradients: right implementations within, larger errors outside; and the tape that they are made by."""

import contextlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from assay import oracle
from assay.adapters.in_process import open_object
from assay.adapters.library import torch as library
from assay.conformance.cases.drawing import covering_cases, evenly_spaced
from assay.conformance.cases.profiles import Profile
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.judging.judging import judge_clause
from assay.conformance.terms.comparison import ratios
from assay.conformance.terms.subject import Subject
from assay.conformance.terms.trial import Trial
from assay.conformance.terms.verdict import Unsupported
from assay.oracle.rounding.bound import Z
from assay.oracle.rounding.computed import Common, Computed, added, bounded, product, scaled, stored_in, times, total
from assay.oracle.rounding.numerics import precision_classes
from assay.oracle.rounding.tape import Tape, add, affine, matmul, relu

FLOAT32 = precision_classes("float32")[0][1]
STORED = precision_classes("bfloat16")[1][1]
DIFFERENTIABLE = [name for name, component in COMPONENTS.items() if component.gradient and name != "dropout"]
"""Of the clauses' generic cases, dropout has none: in evaluation it rounds nothing (tests/test_oracle_dropout.py)."""

TORCH = open_object(library, "torch")


SMALL = {"d_model": 4, "L": 2, "L_q": 2, "L_k": 2, "L_m": 2, "n": 3, "d": 4, "V": 3}
"""Below these a gradient may be zero by the formula: that of a norm of two channels, or of a softmax of one."""


def trials(name, count, dtype="float32"):
    """Draw generic cases of a component, spread over its covering set."""
    component = COMPONENTS[name]
    generic = [case for case in covering_cases(component, dtype, 0) if component.generic(case)]
    large = [case for case in generic if all(case.get(key, least) >= least for key, least in SMALL.items())]
    for case in evenly_spaced([case for case in large or generic if component.differentiated(case)], count):
        trial = Trial(Subject(TORCH), component, case)
        if trial.cotangent.size:
            yield trial


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_torch_in_float32_is_within_and_an_error_of_a_hundredth_is_not(name):
    """W and S of every gradient; in float32 rounding is some 1e-6, and through a stack of layers some 1e-4."""
    judged, caught, found = 0, 0, []
    for trial in trials(name, 8):
        with contextlib.suppress(Unsupported):
            found.append((trial, trial.gradients()))
    for trial, gradients in found:
        for argument, actual in gradients.items():
            bound = trial.gradient_bounds()[argument]
            assert ratios(actual, bound, "float32", statistical=False).max(initial=0) <= 1
            assert ratios(actual, bound, "float32", statistical=True).max(initial=0) <= 1
            judged += 1
            off = actual * (1 + 2.0**-7)
            caught += bool(ratios(off, bound, "float32", statistical=True).max(initial=0) > 1)
    assert judged > 0
    assert caught > judged / 2


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_bound_is_about_the_gradient_itself(name):
    """The tape and the formula of `NAME_vjp` are two ways to one value."""
    component = COMPONENTS[name]
    for trial in trials(name, 3):
        arrays = {key: array for key, array in trial.inputs.arrays.items() if not key.startswith("weights.")}
        weights = {key[8:]: array for key, array in trial.inputs.arrays.items() if key.startswith("weights.")}
        given = {**arrays, **({"weights": weights} if weights else {}), **trial.inputs.options}
        found = getattr(oracle, f"{name}_vjp")(trial.cotangent, **given)
        every = list(found) if isinstance(found, tuple) else [found]
        named = {f"weights.{key}": each for key, each in every.pop().items()} if weights else {}
        real = [key for key, array in arrays.items() if array.dtype.kind == "f"]
        named |= dict(zip(real, every, strict=True))
        bounds = component.gradient(trial.inputs, trial.cotangent, FLOAT32, trial.conventions)
        assert set(named) == set(bounds)
        for key, bound in bounds.items():
            assert bound.expected.shape == named[key].shape
            scale = np.abs(named[key]).max(initial=1e-300)
            assert np.abs(bound.expected - named[key]).max(initial=0) <= 1e-11 * scale + 1e-3 * bound.worst.max(
                initial=0
            )


def computed(shape, seed, off):
    """Draw a tensor and its errors, and one that is off by them."""
    generator = np.random.default_rng(seed)
    value, sign = generator.standard_normal(shape), generator.choice([-1.0, 1.0], shape)
    return Computed(value, np.full(shape, off), np.full(shape, off**2)), value + off * sign


OPERATIONS = {
    "product": (lambda a, b, n: product(a, b, n), lambda a, b: a @ b),
    "times": (lambda a, b, n: times(a, b, n), lambda a, b: a * b),
    "added": (lambda a, b, n: added(a, b, n), lambda a, b: a + b),
    "scaled": (lambda a, b, n: scaled(a, 0.3, n), lambda a, b: 0.3 * a),
    "total": (lambda a, b, n: total(a, 0, n), lambda a, b: a.sum(0, keepdims=True)),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("off", [2.0**-20, 0.5])
def test_an_operation_carries_the_errors_of_its_arguments(name, off):
    """Whatever their signs, beyond the first order too; and half of that is not enough."""
    carried, formula = OPERATIONS[name]
    a, a_off = computed((6, 6), 1, off)
    b, b_off = computed((6, 6), 2, off)
    result = carried(a, b, FLOAT32)
    error = np.abs(formula(a_off, b_off) - formula(a.value, b.value))
    assert np.allclose(result.value, formula(a.value, b.value), rtol=1e-15)
    assert (error <= result.error).all()
    worst = np.abs(formula(a.value + off * np.sign(a.value), b.value + off * np.sign(b.value)) - result.value)
    assert name in ("product", "total") or (worst > 0.5 * result.error).any()


def test_a_common_error_is_seen_as_one_by_a_sum():
    """weight delta on each of many elements of a row: their product with ones is delta sum weight."""
    weight = np.array([[0.5, -0.5, 0.25, -0.25]])
    a = Computed(np.zeros((1, 4)), 0.0, 0.0, common=Common(weight, np.array([[1.0]]), np.array([[1.0]])))
    ones = Computed(np.ones((4, 1)))
    apart = Computed(a.value, *a.errors)
    assert product(a, ones, FLOAT32).error.item() < 1e-30
    assert product(apart, ones, FLOAT32).error.item() >= 1.5


def test_a_tensor_that_passes_between_steps_is_stored():
    """Where `hidden` says so: half an ulp of bfloat16; what came in exactly is not."""
    x, exact = computed((3, 3), 5, 2.0**-30)[0], Computed(np.ones((3, 3)))
    assert Tape(FLOAT32).read(x).error is x.error
    assert (Tape(STORED).read(x).error >= 2.0**-9 * np.abs(x.value) * 0.99).all()
    assert Tape(STORED).read(exact) is exact
    assert np.isinf(stored_in(Computed(np.array([70000.0])), "float16").error).all()


def test_a_gradient_of_a_hidden_unit_near_zero_may_be_either():
    """A unit that may lie on either side of zero passes the gradient or not: both are within; twice it is not."""
    tape = Tape(FLOAT32)
    x, w, b = Computed(np.ones((1, 1))), Computed(np.array([[1.0]])), Computed(np.array([-1.0]))
    h = relu(tape, affine(tape, x, w, b))
    bound = tape.bounds(h, np.array([[3.0]]), {"x": x})["x"]
    assert bound.expected.item() == 0
    assert bound.statistical.item() >= 3.0
    assert bound.worst.item() < 3.1


def test_a_hidden_unit_that_opens_by_rounding_leaves_room_for_four_deviations_of_all_other_roundings():
    """The first of 64 positions has a unit at zero: what opens it adds 0.2, all of its gradient, to their roundings."""
    x, g = np.full((64, 1), 1.9), np.full((64, 1), 1.1)
    x[0], g[0] = 1.0, 0.2

    def of_w(first):
        tape, w = Tape(replace(STORED, output="float32")), Computed(np.ones((1, 1)))
        h = relu(tape, affine(tape, Computed(x[first:]), w, Computed(np.array([-1.0]))))
        y = affine(tape, h, Computed(np.ones((1, 1))), Computed(np.zeros(1)))
        return tape.bounds(y, g[first:], {"w": w})["w"]

    with_first, others = of_w(0), of_w(1)
    assert 0.1 * 0.2 < others.sigma < 0.4 * 0.2  # so that neither of the two hides the other
    assert 0.2 + 4 * others.sigma + others.half_ulp < with_first.statistical
    assert with_first.statistical < np.sqrt(2) * (0.2 + 6 * others.sigma) + 2 * others.half_ulp


def test_an_argument_that_is_used_twice_gets_the_sum():
    tape = Tape(FLOAT32)
    x, w = Computed(np.array([[2.0, 3.0]])), Computed(np.array([[1.0, 0.0], [0.0, 1.0]]))
    y = add(tape, matmul(tape, x, w), x)
    found = tape.bounds(y, np.array([[5.0, 7.0]]), {"x": x, "unused": Computed(np.ones(2))})
    assert found["x"].expected.tolist() == [[10.0, 14.0]]
    assert found["unused"].expected.tolist() == [0.0, 0.0]
    assert 0 < found["x"].worst.max() < 1e-5


def test_the_rounding_of_a_sum_is_within_six_deviations():
    """Products of float32 in the order of torch: never outside W, and S is not far above what comes."""
    generator = np.random.default_rng(3)
    a, b = (generator.standard_normal((64, 64)).astype(np.float32) for _ in range(2))
    bound = bounded(product(Computed(a.astype(np.float64)), Computed(b.astype(np.float64)), FLOAT32), FLOAT32)
    actual = (torch.from_numpy(a) @ torch.from_numpy(b)).double().numpy()
    largest = ratios(actual, bound, "float32", statistical=True).max()
    assert 1 / Z / 2 < largest <= 1


def test_partial_sums_in_sixteen_bits_are_within_where_they_are_declared():
    """Four blocks, each added to a sum that is kept in bfloat16: outside of float32's bound, within the declared."""
    a, b = (torch.randn(32, 64, generator=torch.Generator().manual_seed(k)).bfloat16() for k in (1, 2))
    b = b.T
    kept = torch.zeros(32, 32).bfloat16()
    for block in range(0, 64, 16):
        kept = (kept.float() + a[:, block : block + 16].float() @ b[block : block + 16].float()).bfloat16()
    exact = Computed(a.double().numpy()), Computed(b.double().numpy())
    strict = precision_classes("bfloat16")[0][1]
    actual = kept.double().numpy()
    assert ratios(actual, bounded(product(*exact, strict), strict), "bfloat16", statistical=False).max() > 2
    declared = bounded(product(*exact, strict, chunks=4), strict)
    assert ratios(actual, declared, "bfloat16", statistical=False).max() <= 1
    assert ratios(actual, declared, "bfloat16", statistical=True).max() <= 1
    assert ratios(actual + 16 * declared.half_ulp, declared, "bfloat16", statistical=True).max() > 1


def attention_with_nan_rows(query, key, value, *, mask=None, causal=False, scale=None):
    """Plain, with -inf for what is masked: a row that sees no key is NaN, and so is all that it meets going back."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    size = query.shape[1] // key.shape[1]
    key, value = (each.repeat_interleave(size, 1) for each in (key, value))
    seen = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool)
    seen = seen.tril() if causal else seen
    seen = seen if mask is None else seen & mask
    return torch.softmax((query @ key.mT * scale).masked_fill(~seen, -torch.inf), -1) @ value


def attention_with_late_nan_rows(query, key, value, *, mask=None, causal=False, scale=None):
    """Let such a row see all keys until its result is made NaN, so that nothing of it goes back."""
    seen = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool)
    seen = (seen.tril() if causal else seen) if mask is None else (seen.tril() if causal else seen) & mask
    blind = ~seen.any(-1, keepdim=True)
    result = attention_with_nan_rows(query, key, value, mask=seen | blind, scale=scale)
    return result.masked_fill(blind, torch.nan)


@pytest.mark.catalogue("attention")
@pytest.mark.parametrize(
    ("function", "harms"), [(attention_with_nan_rows, True), (attention_with_late_nan_rows, False)]
)
def test_rows_of_nan_may_be_but_must_not_harm_others(function, harms):
    """GRAD-1 leaves open what a NaN meets; SDPA-22 wants the rest of the gradients where nothing comes back to it."""
    about = {"framework": "torch", "dtypes": ("float32",), "conventions": {"masked_row": "nan"}}
    adapter = open_object(SimpleNamespace(attention=function, **about), "mine")
    few = Profile(drawn=0, spread=8, drawn_for_properties=0)
    of = {name: judge_clause(adapter, CLAUSES[name], "attention", "float32", few, 0) for name in ("GRAD-1", "SDPA-22")}
    assert (of["GRAD-1"].status, of["GRAD-1"].failure) == ("pass", None)
    assert of["SDPA-22"].status == ("fail" if harms else "pass"), of["SDPA-22"].failure


def test_a_softmax_gradient_of_stored_tensors_is_within_where_scores_are_stored():
    """MLX's dS = P dP - P D, each step in float16, down to its smallest numbers; beyond without the declaration."""
    rng = np.random.default_rng(0)
    largest = dict.fromkeys(("stored", "not stored"), 0.0)
    for size in np.repeat([0.3, 1.0, 3.0, 6.0], 12):
        query, key, value, g = (
            _kept(scale * rng.standard_normal((n, 8))) for n, scale in ((2, size), (63, size), (63, 1.0), (2, 1.0))
        )
        scaled = _kept(query * np.float32(8**-0.5))
        scores = _kept(scaled @ key.T)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        p = _kept(p / p.sum(-1, keepdims=True))
        of_p = _kept(g @ value.T)
        terms = _kept(p * of_p)
        of_scores = _kept(terms - _kept(p * _kept(terms.sum(-1, keepdims=True))))
        of_key = _kept(of_scores.T @ scaled).astype(np.float64)
        arguments = [each[None, None] for each in (g, query, key, value)]
        for words, declared in (("stored", {"scores": "float16", "operands": "float16"}), ("not stored", {})):
            numerics = precision_classes("float16", declared)[-1][1]
            bound = oracle.attention_vjp_bound(*arguments, numerics=numerics)["key"]
            largest[words] = max(largest[words], np.max(np.abs(of_key - bound.expected[0, 0]) / bound.worst[0, 0]))

    assert largest["not stored"] > 1
    assert 0.25 < largest["stored"] <= 1


def _kept(a):
    """Keep the values in float16, for arithmetic in float32."""
    return np.asarray(a).astype(np.float16).astype(np.float32)
