"""What could have been declared: a convention or a precision, proposed only where the adapter passes with it."""

from types import SimpleNamespace

import pytest

from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.diagnosis.attempts import Attempts
from assay.conformance.diagnosis.diagnosis import diagnose
from assay.conformance.diagnosis.precision import fitting_precision
from assay.conformance.judging.judging import judge_clause
from assay.conformance.variants import find


def failure(clause, dtype="float32", **adapter):
    """Judge one clause on an adapter that offers one function; the result is None if it passes."""
    opened = open_object(SimpleNamespace(dtypes=("float64", "float32", "bfloat16"), **adapter), "mine")
    (component,) = adapter.keys() & {"attention", "softmax", "feed_forward"}
    return judge_clause(opened, CLAUSES[clause], component, dtype, PROFILES["quick"], seed=0)


def test_an_undeclared_convention_is_told():
    result = failure("ALL-1", attention=find("attention-bottom-right").function)

    assert result.failure.message.endswith("it would pass with causal_alignment = bottom-right declared")
    assert result.failure.looks_like == "causal-bottom-right"


def test_an_undeclared_convention_of_gradients_is_told():
    variant = find("feed-forward-gradient-one-at-zero")
    result = failure("FFN-7", feed_forward=variant.function, feed_forward_vjp=variant.vjp)

    assert result.failure.message.endswith("it would pass with relu_at_zero = one declared")
    assert result.failure.looks_like == "relu-gradient-one-at-zero"


def test_what_is_no_more_than_a_refuted_convention_is_no_name():
    """One query sees every key, as with a mask that ends in the last one; two queries do not."""

    def attention(query, key, value, *, causal=False, **options):
        return find("attention-plain").function(query, key, value, causal=causal and query.shape[2] > 1, **options)

    opened = open_object(SimpleNamespace(attention=attention, dtypes=("float32",)), "mine")
    component = COMPONENTS["attention"]
    case = component.plainest("float32", 2).but(mask="causal", L_q=1)
    told = diagnose(opened, CLAUSES["ALL-1"], component, [case])

    assert told.variant is not find("causal-bottom-right")
    assert "no causal_alignment fits: with bottom-right declared this case would pass" in told.remark


def test_no_convention_is_told_where_none_helps():
    assert "declared" not in failure("ALL-1", attention=find("zeros-returned").function).failure.message


def test_a_convention_that_leaves_a_gradient_open_is_not_told_where_the_values_do_not_follow_it():
    """With NaN declared for rows that see no key, nothing is known of the gradients of keys and values."""

    def attention_vjp(cotangent, *arrays, mask=None, **options):
        dq, dk, dv = find("attention-gradient-plain").vjp(cotangent, *arrays, mask=mask, **options)
        return dq, dk, dv if mask is None or mask.any(-1).all() else dv * 1.01

    result = failure("GRAD-1", attention=find("attention-plain").function, attention_vjp=attention_vjp)

    assert "gradient of value" in result.failure.message
    assert "declared" not in result.failure.message


def test_what_allows_anything_explains_no_wrong_class():
    """The bound of a sum of a thousand classes in bfloat16 is infinite: any gradient is within it."""

    def cross_entropy(logits, targets, **options):
        return find("cross-entropy-plain").function(logits, targets // 2 * 2, **options)

    opened = open_object(SimpleNamespace(cross_entropy=cross_entropy, dtypes=("bfloat16",)), "mine")
    component, clause = COMPONENTS["cross_entropy"], CLAUSES["ALL-1"]
    case = component.plainest("bfloat16", 0).but(V=1000, N=8)
    assert not fitting_precision(
        Attempts(opened, clause, component, [case], backward=False), "bfloat16", [], named=False
    )


def test_an_undeclared_shift_is_told():
    result = failure("ALL-1", softmax=find("softmax-scaled-first").function)

    assert result.failure.message.endswith("it would pass with shift = rounded declared in numerics")
    assert result.failure.looks_like == "softmax-scaled-first"


@pytest.mark.parametrize(
    ("name", "clause", "declared"),
    [
        ("statistics-narrow", "ALL-1", "statistics = bfloat16"),
        ("log-softmax-narrow-sum", "ALL-1", "statistics = bfloat16"),
        ("embedding-gradient-sum-narrow", "GRAD-1", "gradient_chunks = 64"),
        ("logits-accumulator-narrow", "ALL-1", "accumulate = bfloat16"),
    ],
)
def test_an_undeclared_precision_is_told(name, clause, declared):
    variant = find(name)
    adapter = open_object(variant.adapter(), "mine")
    result = judge_clause(adapter, CLAUSES[clause], variant.component, "bfloat16", PROFILES["quick"], seed=0)

    assert result.failure.message.endswith(f"it would pass with {declared} declared in numerics")
    assert result.failure.looks_like == name


@pytest.mark.parametrize("name", ["feed-forward-units-beyond-256", "log-softmax-of-softmax", "softmax-without-max"])
def test_what_is_lost_is_no_precision(name):
    """Bounds under other formats are infinite where these overflow, and wide enough for what shows rarely."""
    variant = find(name)
    adapter = open_object(variant.adapter(), "mine")
    result = judge_clause(adapter, CLAUSES["ALL-1"], variant.component, "bfloat16", PROFILES["quick"], seed=0)

    assert result.status == "fail"
    assert "declared" not in result.failure.message


def test_advice_does_not_lead_in_a_circle():
    """With NaN declared for rows that see no key, the rows that are zeros would fail, and so back again."""
    right = find("attention-plain").function

    def attention(query, key, value, **options):
        return right(query, key, value, **options) + (0 if key.shape[2] else query.dtype.type("nan"))

    result = failure("ALL-1", attention=attention)

    assert "it would pass" not in result.failure.message
    assert "no masked_row fits: with nan declared this case would pass, and attention?" in result.failure.message
    assert result.failure.message.endswith("to refuse L_k = 0 (NotImplementedError) is a way out")
