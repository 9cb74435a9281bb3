"""A function of two results, from the adapter through the worker to the verdict; the contract has none yet.

result = 2 x,  total_i = sum_j x_ij;   the gradient along g and h is 2 g_ij + h_i
"""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters import open_adapter
from assay.adapters.calling import reply_from
from assay.adapters.contract import FUNCTIONS, Function
from assay.adapters.in_process import open_object
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.interface.replaying import replay
from assay.conformance.interface.terminal import Screen
from assay.conformance.judging.judging import judge_clause
from assay.conformance.terms.component import REGISTERED, Component, Inputs, factor
from assay.conformance.terms.generator import Generator
from assay.conformance.terms.rounding import rounded
from assay.oracle.rounding.bound import Errors, finish

ROW = Function("pair", {"x": "B n"}, {"result": "B n", "total": "B"})
ADAPTER = """
from assay.adapters.contract import FUNCTIONS, Function
FUNCTIONS["pair"] = Function("pair", {"x": "B n"}, {"result": "B n", "total": "B"})
framework, dtypes, layouts = "FRAMEWORK", ("float64", "float32"), ("transposed",)

def pair(x):
    return 2 * x, x.sum(-1)
"""


def inputs(case):
    return Inputs(
        {"x": rounded(Generator("pair", case["seed"]).standard_normal((case["B"], case["n"])), case["dtype"])}
    )


def bound(inputs, numerics, conventions):
    x = inputs.arrays["x"]
    error = x.shape[-1] * numerics.unit * np.abs(x).sum(-1)
    return {
        "result": finish(2 * x, Errors(np.zeros_like(x), np.zeros_like(x)), numerics),
        "total": finish(x.sum(-1), Errors(error, error**2), numerics),
    }


def gradient(inputs, cotangents, numerics, conventions):
    expected = 2 * cotangents["result"] + cotangents["total"][:, None]
    error = 4 * numerics.unit * (np.abs(2 * cotangents["result"]) + np.abs(cotangents["total"])[:, None])
    return {"x": finish(expected, Errors(error, error**2), numerics)}


def exact(case, inputs, bounds, conventions):
    """Twice a number is, and so is the sum of one."""
    assert set(bounds) == {"result", "total"}
    return {name: np.full(each.expected.shape, name == "result" or case["n"] == 1) for name, each in bounds.items()}


def dependents(inputs, name, where, conventions):
    x = inputs.arrays["x"]
    here = np.zeros(x.shape, bool)
    here[where] = True
    return {"result": here, "total": here.any(-1)}


@pytest.fixture
def component(monkeypatch):
    """Put the component into the contract and among the others."""
    monkeypatch.setitem(FUNCTIONS, "pair", ROW)
    made = Component(
        "pair",
        "(2 x, sum x)",
        "this test",
        {"B": factor("B", 2, 1, 3), "n": factor("n", 3, 1, 8), "layout": factor("layout", "contiguous", "transposed")},
        inputs,
        bound=bound,
        gradient=gradient,
        exact=exact,
        dependents=dependents,
    )
    monkeypatch.setitem(COMPONENTS, "pair", made)
    monkeypatch.setitem(REGISTERED, "pair", made)
    return made


def right(x):
    return 2 * x, x.sum(-1)


def right_vjp(cotangent, x):
    along_result, along_total = cotangent
    return 2 * along_result + along_total[:, None]


def judged(clause, **functions):
    functions = {"pair": right, "pair_vjp": right_vjp, **functions}
    adapter = open_object(SimpleNamespace(dtypes=("float32",), layouts=("transposed",), **functions), "mine")
    return judge_clause(adapter, CLAUSES[clause], "pair", "float32", PROFILES["quick"], seed=0)


EVERY = ("ALL-1", "ALL-3", "ALL-4", "ALL-5", "ALL-6", "ALL-7", "ALL-8", "ALL-9", "ALL-11")
GRADIENTS = ("GRAD-1", "GRAD-2", "GRAD-3", "GRAD-5", "GRAD-6", "GRAD-7")


@pytest.mark.parametrize("clause", [*EVERY, *GRADIENTS])
def test_a_right_one_passes_what_holds_for_every_component(component, clause):
    result = judged(clause)

    assert (result.status, result.failure) == ("pass", None)
    assert result.examples > 3


def memory():
    calls = []

    def pair(x):
        calls.append(x)
        return 2 * x, x.sum(-1) + np.float32(len(calls) % 2)

    return pair


def last_bit_wrong(x):
    return 2 * x, np.nextafter(x.sum(-1), np.float32(np.inf))


@pytest.mark.parametrize(
    ("clause", "functions", "said"),
    [
        ("ALL-1", {"pair": lambda x: (2 * x, x.mean(-1))}, "the value is wrong: total["),
        ("ALL-1", {"pair": lambda x: (3 * x, x.sum(-1))}, "the value is wrong: result["),
        ("ALL-3", {"pair": last_bit_wrong}, "the exact answer is not reached, the result 'total': "),
        ("ALL-11", {"pair": lambda x: (2 * x, np.nansum(x, -1))}, "is lost: total["),
        ("ALL-11", {"pair": lambda x: (2 * x, x.sum(-1) + 0 * x.sum())}, " reaches total["),
        ("ALL-4", {"pair": lambda x: (2 * x, x.sum())}, "the result 'total' has the shape (), but should have (2,)"),
        ("ALL-4", {"pair": lambda x: (2 * x, x.sum(-1).astype(float))}, "the result 'total' is float64, but "),
        ("ALL-5", {"pair": lambda x: (2 * x, x[:, 0])}, "the result shares memory with the argument x"),
        ("ALL-6", {"pair": memory()}, "a second call gives another total: "),
        (
            "ALL-9",
            {"pair": lambda x: (2 * x, x.sum(-1) * len(x))},
            "item 0 of the batch differs alone, the result 'tot",
        ),
        ("GRAD-1", {"pair_vjp": lambda g, x: 2 * g[0]}, "the gradient is wrong: gradient of x["),
        ("GRAD-1", {"pair_vjp": lambda g, x: 0 * x + g[1][:, None]}, "the gradient is wrong: gradient of x["),
    ],
)
def test_what_is_wrong_in_either_result_is_told(component, clause, functions, said):
    result = judged(clause, **functions)

    assert result.status == "fail"
    assert said in result.failure.message


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda x: 2 * x, "it gives one result, where 2 are due: result, total"),
        (lambda x: (x, x, x), "it gives 3 results, where 2 are due: result, total"),
        (lambda x: {"result": x, "sum": x}, "it gives the results result, sum, where result, total are due"),
        (lambda x: (x, "a sum"), "returned something that cannot be judged"),
    ],
)
def test_another_number_or_other_names_of_results_are_one_sentence(component, returned, said):
    message = judged("ALL-1", pair=returned).failure.message

    assert message.startswith("pair returned something that cannot be judged: ")
    assert said in message
    assert "\n" not in message


def test_replay_shows_the_elements_of_each_result(component, capsys):
    adapter = open_object(SimpleNamespace(pair=right), "mine")
    status = replay(Screen(), adapter, component.plainest("float32").id, "ALL-1")
    shown = re.sub(" +", " ", capsys.readouterr().out)

    assert status == 0
    assert re.search(r"^result actual expected bound ratio\n(\(\d, \d\) .*\n){6}total actual", shown, re.MULTILINE)
    assert re.search(r"^total .*\n(\(\d,\) .*\n){2}ALL-1 pass$", shown, re.MULTILINE)


def test_a_mapping_of_results_is_taken_by_name(component):
    assert judged("ALL-1", pair=lambda x: {"total": x.sum(-1), "result": 2 * x}).status == "pass"


@pytest.mark.parametrize(("framework", "clauses"), [("numpy", EVERY), ("torch", (*EVERY, *GRADIENTS))])
def test_both_results_come_through_the_worker(component, tmp_path, framework, clauses):
    """Torch differentiates along the cotangents of both."""
    if framework == "torch":
        pytest.importorskip("torch")
    file = tmp_path / "two_results.py"
    file.write_text(ADAPTER.replace("FRAMEWORK", framework), encoding="utf-8")
    adapter = open_adapter(str(file))
    try:
        x = np.array([[1.0, 2.0, 4.0]])
        reply = adapter.call("pair", {"x": x}, dtype="float32")
        of_total = adapter.call(
            "pair", {"x": x}, dtype="float32", cotangent={"result": 0 * x, "total": np.array([3.0])}
        )
        results = [judge_clause(adapter, CLAUSES[each], "pair", "float32", PROFILES["quick"], 0) for each in clauses]
    finally:
        adapter.close()

    assert {name: each.tolist() for name, each in reply.results.items()} == {"result": [[2, 4, 8]], "total": [7]}
    assert (reply.dtypes, reply.dtype) == ({"result": "float32", "total": "float32"}, "float32")
    if framework == "torch":
        assert of_total.gradients["x"].tolist() == [[3, 3, 3]]
    assert {each.clause: each.status for each in results} == dict.fromkeys(clauses, "pass")


def test_a_program_that_sends_one_result_is_understood_as_ever():
    reply = reply_from({"reply": "ok"}, {"result": np.array([0.5], np.float32)})

    assert (reply.value.tolist(), reply.dtype, list(reply.results)) == ([0.5], "float32", ["result"])


def test_a_cotangent_is_due_of_each_result(component):
    adapter = open_object(SimpleNamespace(pair=right, pair_vjp=right_vjp), "mine")

    with pytest.raises(ValueError, match="needs a cotangent of result, total"):
        adapter.call("pair", {"x": np.ones((1, 2))}, dtype="float64", cotangent=np.ones((1, 2)))
