"""Smoke first: an adapter that is wired wrongly is told so in one sentence, and what is merely wrong is judged."""

import textwrap

import numpy as np
import pytest

from assay.adapters import open_object
from assay.conformance import judge
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.judging.plan import Line
from assay.conformance.judging.smoke import smoke, smoke_cases
from assay.conformance.variants import find, variants

ATTENTION = textwrap.dedent(
    """
    import numpy as np

    calls = []

    def attention(query, key, value, mask=None, causal=False, scale=None):
        groups = query.shape[1] // key.shape[1]
        key, value = np.repeat(key, groups, 1), np.repeat(value, groups, 1)
        scores = query @ key.swapaxes(-1, -2) * query.dtype.type(scale or query.shape[-1] ** -0.5)
        seen = np.ones(scores.shape, bool) if mask is None else mask
        if causal:
            seen = seen & np.tri(*scores.shape[-2:], dtype=bool)
        weights = np.exp(np.where(seen, scores, -np.inf))
        return weights / weights.sum(-1, keepdims=True) @ value
    """
)


def wired(change):
    """Give an attention whose adapter calls the right one as the lines say."""
    space = {}
    exec(ATTENTION, space)
    right = space["attention"]

    def attention(query, key, value, mask=None, causal=False, scale=None):
        return change(right, query, key, value, mask=mask, causal=causal, scale=scale)

    return attention


def said(adapter, component, dtype="float32"):
    """Return what the smoke cases say of it."""
    opened = open_object(adapter, "mine", None if hasattr(adapter, component) else component, "numpy")
    (found,) = smoke(opened, [Line(CLAUSES["ALL-1"], component, dtype, offered=True)], 0).values() or [None]
    return found and found.failure.message


def swapped(array):
    return array.swapaxes(1, 2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f, q, k, v, **rest: f(q, v, k, **rest), "hand key and value over in each other's place"),
        (
            lambda f, q, k, v, **rest: f(swapped(q), swapped(k), swapped(v), **rest),
            "exchange the axes H and L_q of the arg",
        ),
        (lambda f, q, k, v, **rest: f(q, k, v, **rest).swapaxes(2, 3), "exchange the axes L_q and d_v of the result"),
        (
            lambda f, q, k, v, mask, **rest: f(q, k, v, None if mask is None else ~mask, **rest),
            "hand mask over with the wrong polarity",
        ),
        (
            lambda f, q, k, v, **rest: f(q / np.sqrt(q.shape[-1]), k, v, **rest),
            "let the default scale come on top of every scale",
        ),
    ],
)
def test_a_wrong_wire_of_attention_is_named(change, says):
    assert f"the adapter seems to {says}" in said(wired(change), "attention")


NAMED = {
    "attention": {
        "heads-tiled",
        "mask-inverted",
        "result-of-layout-blhd",
        "scale-missing",
        "scale-on-top",
        "scale-option-ignored",
        "scale-unrooted",
    },
    "softmax": {"softmax-first-axis"},
    "layer_norm": {"gain-and-bias-exchanged"},
    "feed_forward": set(),
}
"""The wrong variants that are a wire: another adapter would make them right."""


@pytest.mark.parametrize("component", ["softmax", "layer_norm", "feed_forward"])
def test_of_the_catalogue_wires_alone_are_named(component):
    named = {each.name for each in variants(component) if said(each.adapter(), component, each.dtypes[-1])}
    assert named == NAMED[component]


@pytest.mark.parametrize("name", sorted(NAMED["attention"]))
def test_a_variant_of_attention_that_is_a_wire_is_named(name):
    assert "all 6 smoke cases are right" in said(find(name).adapter(), "attention")


@pytest.mark.parametrize("name", ["scale-by-model-width", "mask-multiplies-scores", "scale-by-d-plus-1"])
def test_what_is_near_a_wire_is_left_to_the_clauses(name):
    assert said(find(name).adapter(), "attention") is None


def test_a_right_one_and_one_that_refuses_go_on():
    def refuses(x):
        raise NotImplementedError

    assert said(wired(lambda f, *args, **rest: f(*args, **rest)), "attention") is None
    assert said(refuses, "softmax") is None


def test_a_run_stops_there_with_a_violation_unless_it_goes_on(terminal):
    file = terminal.write("mine.py", ATTENTION.replace("query, key, value, mask", "query, value, key, mask"))
    options = ("run", file, "--dtype", "float32", "--clause", "ALL-1,ALL-5", "--json", "report.json")
    done = terminal.assay(*options)
    report = terminal.report()
    assert done.returncode == 1
    assert "attention: the adapter seems to hand key and value over in each other's place" in done.stdout
    assert "--go-on: 1 check left out" in done.stdout
    assert [each["sentence"].partition(":")[0] for each in report["causes"]] == [
        "the adapter seems to hand key and value over in each other's place"
    ]
    assert (report["checked"], report["left_out"]) == (1, ["ALL-5[attention-float32]"])
    terminal.assay(*options, "--go-on")
    assert terminal.report()["checked"] == 2


def test_what_is_allowed_to_fail_stops_nothing(terminal):
    file = terminal.write("mine.py", ATTENTION.replace("query, key, value, mask", "query, value, key, mask"))
    known = terminal.write("known", "ALL-1 attention\n")
    terminal.assay("run", file, "--dtype", "float32", "--clause", "ALL-1,ALL-5", "--allow", known, "--json", "r.json")
    report = terminal.report("r.json")
    assert "allowed" in [each["status"] for each in report["results"]]
    assert "left_out" not in report


def test_judge_stops_and_goes_on():
    mine = wired(lambda f, q, k, v, **rest: f(q, v, k, **rest))
    how = {"component": "attention", "dtypes": "float32", "clauses": ("ALL-1", "ALL-5")}
    assert (judge(mine, **how).checked, judge(mine, go_on=True, **how).checked) == (1, 2)


def test_in_pytest_it_fails_all_1_alone(terminal):
    file = terminal.write("mine.py", ATTENTION.replace("query, key, value, mask", "query, value, key, mask"))
    options = ("-m", "pytest", "-p", "no:cacheprovider", "--assay", file, "--assay-clause", "ALL-1,ALL-5")
    done = terminal.python(*options, "--assay-dtype", "float32", "-rs")
    assert "the adapter seems to hand key and value over" in done.stdout
    assert "1 failed, 1 skipped" in done.stdout


def test_every_component_has_easy_cases_that_differ():
    for component in COMPONENTS.values():
        if component.has_dtype and not component.gives_data:
            cases = smoke_cases(component, "float32", 0)
            assert len(set(cases)) >= 2
            assert all(component.admissible(case) for case in cases)
