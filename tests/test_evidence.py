"""What a cause looks like: what its clause compared, around what is wrong, wherever that lies in whatever array."""

import numpy as np
import pytest
from test_coverage_of_a_run import right

from assay.adapters import open_object
from assay.conformance import judge
from assay.conformance.interface.evidence import gather
from assay.conformance.interface.html_arrays import shown
from assay.conformance.interface.schema import fault
from assay.conformance.terms.around import WIDEST, around
from assay.conformance.terms.at_size import Part
from assay.conformance.terms.comparison import worst_of
from assay.conformance.terms.inputs import Inputs


class Hiding:
    """NaN comes out as zero, a scale of zero as NaN, and numbers of rows in another order differ."""

    dtypes = ("float32",)

    @staticmethod
    def attention(query, key, value, *, mask=None, causal=False, scale=None):
        """Be wrong where few look."""
        found = right(query, key, value, mask=mask, causal=causal, scale=scale)
        return np.where(scale == 0, np.nan, np.nan_to_num(found)).astype(np.float32)


def evidence_of(target, clause, component="attention", memory=2**26):
    """Judge one clause, and gather what its cause looks like."""
    report = judge(target, components=component, clauses=clause, memory=memory)
    gather(report, open_object(target, "mine"))
    assert fault(report.as_json()) is None
    (line,) = (each for each in report.as_json()["results"] if each["status"] == "fail")
    return line["failure"]["evidence"]


def test_an_element_that_hides_a_nan_is_marked():
    (array,) = evidence_of(Hiding, "ALL-11")["arrays"]
    seen = shown(array)
    marked = [cell for row in seen.heats[1].rows for cell in row if cell.wrong]

    assert marked
    assert {cell.text for cell in marked} == {"nan"}
    assert all(cell.text != "nan" for row in seen.heats[0].rows for cell in row)
    assert seen.bars[0].said.endswith("in place of nan")


def test_what_is_shown_is_what_the_clause_asked_for():
    """The case itself is right: the clause changes its scale."""
    (array,) = evidence_of(Hiding, "SDPA-11")["arrays"]

    assert {cell.text for row in shown(array).heats[0].rows for cell in row} == {"nan"}
    assert not shown(array).right


class Tiled:
    """A row of more than 3,000 is twice what is due."""

    dtypes = ("float32",)

    @staticmethod
    def softmax(x):
        """Be wrong at sizes of models alone."""
        e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
        return (1 + (x.shape[-1] > 3000)) * e / e.sum(-1, keepdims=True)


def test_what_was_made_small_at_sizes_of_models_has_cases_beside_it():
    found = evidence_of(Tiled, "ALL-12", "softmax", memory=2**28)

    assert found["arrays"]
    assert {"changed": {"n": 1}, "passes": True} in found["beside"]
    assert {"changed": {"rows": 2}, "passes": False} in found["beside"]


SHAPES = [((), ()), ((5,), (3,)), ((40, 3), (33, 1)), ((2, 3, 40, 50), (1, 2, 20, 49))]


@pytest.mark.parametrize(("shape", "at"), SHAPES)
def test_what_lies_around_the_worst_element_is_kept_of_any_shape(shape, at):
    ratio, actual = np.zeros(shape), np.zeros(shape)
    ratio[at], actual[at] = 7.0, 2.5
    array = around(ratio, actual, np.zeros(shape), np.ones(shape)).as_json("result")
    seen = shown(array)
    (place,) = [(i, j) for i, row in enumerate(array["ratio"]) for j, each in enumerate(row) if each > 1]

    assert max(len(array["ratio"]), len(array["ratio"][0])) <= WIDEST
    assert array["actual"][place[0]][place[1]] == 2.5
    where = (*array["first"][:-2], seen.rows[place[0]], seen.columns[place[1]])
    assert where[len(where) - len(shape) :] == at
    assert seen.bars[0].where == (f"[{', '.join(map(str, at))}]" if at else "result")


def test_of_a_part_of_a_large_result_the_places_in_the_whole_are_told():
    part = Part(Inputs({}, {}), (np.array([0]), np.array([2, 900, 1000]), np.arange(4)))
    ratio = np.zeros((1, 3, 4))
    ratio[0, 1, 2] = 3.0
    worst = part.placed(worst_of(ratio, ratio, ratio * 0, ratio), (1, 70_000, 4))
    array = worst.around.as_json(worst.of)
    seen = shown(array)

    assert worst.where == (0, 900, 2)
    assert (list(seen.rows), list(seen.columns)) == ([2, 900, 1000], [0, 1, 2, 3])
    assert seen.bars[0].where == "[0, 900, 2]"
    assert seen.caption == "result[0, :, :] of shape (1, 70000, 4): 3 by 4 of it, around the worst element"


def test_what_is_right_keeps_nothing():
    nothing = np.zeros((3, 4))

    assert worst_of(nothing, nothing, nothing, nothing).around is None


def test_two_answers_are_called_so():
    array = around(np.full((2, 2), 9.0), np.ones((2, 2)), np.zeros((2, 2)), np.ones((2, 2))).as_json("result")

    assert [heat.name for heat in shown(array | {"due": False}).heats[:2]] == ["one answer", "the other answer"]
    assert [heat.name for heat in shown(array).heats[:2]] == ["actual", "expected"]
