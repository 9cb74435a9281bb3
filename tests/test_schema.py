"""`report.schema.json` describes every report, and our own check of it says what a library's does."""

import copy
import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest
from conftest import WRONG

from assay.conformance import judge
from assay.conformance.interface.command_line import main
from assay.conformance.interface.report_json import read_json
from assay.conformance.interface.schema import fault, report_schema

LIBRARY = jsonschema.Draft202012Validator(report_schema())
PUBLISHED = sorted((Path(__file__).parent.parent / "docs" / "results").glob("*.json"))


def valid(report):
    """Both agree that it is a report."""
    found = [fault(report), next(LIBRARY.iter_errors(report), None)]
    assert found == [None, None]
    return True


@pytest.fixture(scope="module")
def report():
    """Judge a wrong adapter: the report has a failure, a pass and what is not offered."""
    space = {}
    exec(WRONG, space)
    found = judge(type("Wrong", (), {"softmax": staticmethod(space["softmax"])}), clauses=("SM-1", "ALL-4", "SDPA-1"))
    return json.loads(json.dumps(found.as_json()))


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(report_schema())


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.stem)
def test_a_published_report_is_one(file):
    assert all(map(valid, read_json(file)))


def test_a_failing_report_is_one(report):
    assert {each["status"] for each in report["results"]} == {"pass", "fail", "not-offered"}
    assert valid(report)


def test_a_passing_report_is_one(right):
    found = judge(right, components="softmax", clauses="SM-1").as_json()
    assert found["verdict"] == "conforms"
    assert valid(found)


def test_an_interrupted_report_is_one(right):
    """And one in which nothing was checked."""
    found = judge(right, components="softmax", clauses="SM-1")
    stopped = dataclasses.replace(found, judged={}, interrupted=True).as_json()
    assert (stopped["verdict"], stopped["incomplete"], stopped["results"]) == ("no-evidence", True, [])
    assert valid(stopped)


def test_what_is_to_come_is_allowed(report):
    """Fields that are announced, and any other."""
    cause = {"id": 1, "sentence": "s", "trigger": {"dtype": "float16"}, "clauses": ["SM-1"], "components": ["softmax"]}
    cause |= {"dtypes": ["float16"], "violations": 3, "case": None, "looks_like": None}
    more = copy.deepcopy(report) | {"causes": [cause], "largest": {"softmax": {"n": 4096}}, "news": [1]}
    more["results"][0] |= {"status": "vacuous", "power": {"informative": 0.5, "median": 0.1}, "news": None}
    assert valid(more)
    wrong = more | {"causes": [cause | {"violations": -1}]}
    assert not LIBRARY.is_valid(wrong)
    assert fault(wrong) == "report['causes'][0]['violations'] should be at least 0, not -1"


CHANGES = [
    (("schema",), "assay-report/2"),
    (("seed",), -1),
    (("seed",), 1.5),
    (("seed",), True),
    (("adapter",), None),
    (("verdict",), "fine"),
    (("incomplete",), 1),
    (("implementation", "notes"), "one"),
    (("implementation", "sizes"), "some"),
    (("results",), {}),
    (("results", 0), []),
    (("results", 0, "status"), 3),
    (("results", 0, "status"), "passed"),
    (("results", 0, "precision_class"), 4),
    (("results", 0, "precision_class"), True),
    (("results", 0, "worst_ratio"), "big"),
    (("results", 0, "failure"), {"message": "m"}),
    (("results", 0, "failure"), "m"),
    (("results", 0, "dtype"), None),
]


@pytest.mark.parametrize(("path", "value"), CHANGES, ids=str)
def test_what_is_no_report_is_refused_by_both(report, tmp_path, capsys, path, value):
    """`assay compare` says where."""
    changed = copy.deepcopy(report)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    file = tmp_path / "report.json"
    file.write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["compare", str(file)])

    assert not LIBRARY.is_valid(changed)
    assert fault(changed) is not None
    assert left.value.code == 2
    assert "is no report by the schema assay-report/1: report['" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["schema", "adapter", "results", "verdict"])
def test_what_is_missing_is_named(report, name):
    without = {key: value for key, value in report.items() if key != name}
    assert fault(without) == f"report has no {name!r}"
    assert not LIBRARY.is_valid(without)
