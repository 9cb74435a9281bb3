"""What a violation is reported as: five facts, the JSON of the contract, JUnit, a case to replay; all from one run."""

import importlib.metadata
import re
from xml.etree import ElementTree

import pytest
from conftest import RIGHT, WRONG

from assay.conformance.components import CLAUSES, COMPONENTS

# The contract's report, and a line of its results.
REPORT = ("schema", "assay", "spec", "adapter", "implementation")
REPORT += ("profile", "seed", "verdict", "expected", "checked", "counts", "run", "made")
REPORT += ("coverage", "causes", "results")
RESULT = ("clause", "level", "component", "dtype", "status", "examples")
RESULT += ("worst_ratio", "precision_class", "seconds", "reason", "failure")
FAILURE = ["message", "case", "ratio", "looks_like", "typical", "how", "trigger", "declare", "backward", "cause"]
SELECTED = ("--component", "softmax,attention")


@pytest.fixture(scope="module")
def violation(shared_terminal):
    """Judge a wrong adapter once: the finished command, and the terminal that holds its reports."""
    shared_terminal.write("right.py", RIGHT)
    wrong = shared_terminal.write("wrong.py", WRONG)
    files = ("--json", "report.json", "--junit", "report.xml")
    return shared_terminal.assay("run", wrong, *SELECTED, *files, "-v"), shared_terminal


def test_a_wrong_adapter_violates_and_is_told_five_facts(violation):
    done, terminal = violation

    assert done.returncode == 1
    failed = [result for result in terminal.report()["results"] if result["status"] == "fail"]
    assert {result["clause"] for result in failed} == {
        *("ALL-1", "ALL-2", "ALL-3", "ALL-12", "ALL-16", "ALL-17", "SM-1", "SM-4")
    }
    for result in failed:
        clause, component = CLAUSES[result["clause"]], COMPONENTS["softmax"]
        said = clause if clause.component else component
        for fact in (
            f"wrong.py: softmax in float32 violates {clause.id}\n",
            clause.sentence,
            f"{said.formula} ({said.source})",
            result["failure"]["message"],
            f"assay replay '{result['failure']['case']}'",
        ):
            assert fact in done.stdout
    # Where the bound is zero there is no ratio.
    ratios = {result["clause"]: result["failure"]["ratio"] for result in failed}
    assert all(ratios[clause] > 1 for clause in ("ALL-1", "ALL-2", "SM-1"))


def test_the_report_has_the_fields_of_the_contract(violation):
    _, terminal = violation
    report = terminal.report()

    assert [name for name in report if name not in ("confinement", "inputs", "memory")] == list(REPORT)
    assert list(report["implementation"]) == ["package", "version", "device", "sizes", "notes"]
    assert (report["schema"], report["adapter"], report["verdict"]) == ("assay-report/1", "wrong", "violates")
    assert (report["profile"], report["seed"]) == ("quick", 0)
    assert report["assay"] == importlib.metadata.version("assay")
    assert report["expected"] == len(report["results"])
    assert report["checked"] == sum(result["status"] in ("pass", "fail") for result in report["results"])
    for result in report["results"]:
        assert [name for name in result if name not in ("memory", "coverage", "measured")] == list(RESULT)
        assert ("coverage" in result) == (result["clause"] in ("ALL-1", "ALL-12") and result["status"] == "fail")
        assert result["failure"] is None or [name for name in result["failure"] if name != "told"] == FAILURE
        if result["status"] == "fail":
            assert result["failure"]["cause"] in {cause["id"] for cause in report["causes"]}
        assert result["level"] == CLAUSES[result["clause"]].level


def test_what_is_not_offered_has_a_reason_and_is_no_pass(violation):
    _, terminal = violation
    rows = [result for result in terminal.report()["results"] if result["component"] == "attention"]

    assert {"ALL-1", "GRAD-1"} <= {row["clause"] for row in rows}
    for row in rows:
        assert (row["status"], row["examples"], row["reason"]) == ("not-offered", 0, "attention is not offered")


def test_the_same_seed_gives_the_same_report_byte_for_byte(violation):
    """With workers and without; only the seconds and the memory differ."""
    _, terminal = violation
    terminal.assay("run", str(terminal.files / "wrong.py"), *SELECTED, "-n", "2", "--json", "workers.json")
    terminal.assay("run", str(terminal.files / "wrong.py"), *SELECTED, "--seed", "1", "--json", "seed.json")
    first, workers, other = (
        re.sub(r'"seconds": [^,]+,|"memory": {[^}]+}', "", (terminal.cwd / name).read_text(encoding="utf-8"))
        for name in ("report.json", "workers.json", "seed.json")
    )
    assert first == workers
    assert first.replace('"seed": 0,', '"seed": 1,') != other


def test_what_explains_a_failure_is_judged_once_something_has_failed(violation):
    """In that component alone."""
    _, terminal = violation
    terminal.assay("run", str(terminal.files / "right.py"), *SELECTED, "--json", "right.json")
    statuses = []
    for report in map(terminal.report, ("right.json", "report.json")):
        assert report["expected"] == len(report["results"])
        statuses.append({(each["component"], each["clause"]): each["status"] for each in report["results"]})
    right, wrong = statuses

    assert ("softmax", "SM-1") not in right
    assert right["softmax", "ALL-1"] == "pass"
    assert wrong["softmax", "SM-1"] == "fail"
    assert {component for component, _ in wrong.keys() - right.keys()} == {"softmax"}


def test_the_case_named_in_a_failure_can_be_replayed(violation):
    """The wrong one fails it again, the right one does not."""
    _, terminal = violation
    case = next(r for r in terminal.report()["results"] if r["clause"] == "SM-1")["failure"]["case"]
    wrong = terminal.assay("replay", case, "--adapter", str(terminal.files / "wrong.py"))
    right = terminal.assay("replay", case, "--adapter", str(terminal.files / "right.py"))

    assert (wrong.returncode, right.returncode) == (1, 0)
    assert re.search(r"^SM-1 +fail: the probabilities of a row do not sum to one", wrong.stdout, re.MULTILINE)
    assert re.search(r"^SM-1 +pass$", right.stdout, re.MULTILINE)
    heading = ["element", "actual", "expected", "bound", "ratio"]
    assert heading in [line.split() for line in wrong.stdout.splitlines()]


def test_junit_is_xml_with_a_test_case_for_each_line_that_is_offered(violation):
    _, terminal = violation
    suite = ElementTree.parse(terminal.cwd / "report.xml").getroot()[0]
    results = [result for result in terminal.report()["results"] if result["status"] != "not-offered"]

    assert [int(suite.get(name)) for name in ("tests", "failures", "skipped")] == [
        len(results),
        8,
        sum(result["status"] == "unsupported" for result in results),
    ]
    for case, result in zip(suite, results, strict=True):
        assert case.get("name") == f"{result['clause']}[{result['dtype']}]"
        expected = {"fail": ["failure"], "pass": []}.get(result["status"], ["skipped"])
        assert [child.tag for child in case] == expected


@pytest.mark.parametrize(
    ("columns", "cell"),
    [(80, "2 pass, worst ratio 0.50, precision class 1"), (40, "2 pass, 0.50, class 1")],
    ids=["wide", "narrow"],
)
def test_a_cell_is_in_whole_words_where_they_fit(columns, cell):
    import io

    from assay.adapters import Offer, Opening
    from assay.conformance.interface.report import Report
    from assay.conformance.interface.terminal import Screen, show_report
    from assay.conformance.judging.plan import Line
    from assay.conformance.judging.result import Result

    lines = [Line(CLAUSES[name], "softmax", "float32", offered=True) for name in ("SM-1", "ALL-1")]
    offer = Offer("mine", "numpy", "numpy", "2", "cpu", ("float32",), ("softmax",))
    results = [Result(line.clause.id, "required", "softmax", "float32", "pass", 3, 0.5, 1) for line in lines]
    screen = Screen()
    screen.file, screen.width = io.StringIO(), columns
    show_report(
        screen, Report(Opening("mine.py"), offer, "quick", 0, lines, judged=dict(zip(lines, results, strict=True)))
    )

    assert f"│ {cell} " in screen.file.getvalue()
