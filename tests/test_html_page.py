"""The page of a report: what it shows is what the report says, hostile text is text, and it needs nothing else."""

import ast
import copy
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from test_bad_input import complaint

from assay.conformance.interface.html_arrays import shown
from assay.conformance.interface.html_page import page
from assay.conformance.interface.outputs import OUTPUTS, Output, write_outputs

WRONG = """
import numpy as np

dtypes = ("float32",)
notes = ("<script>alert(1)</script>", "\\x1b[2J", "\\u202ereversed")

def softmax(x):
    if x.shape[0] == 3: raise ValueError("<img src=x onerror=alert(1)>")
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return (1 + (x.shape[-1] > 4)) * e / e.sum(-1, keepdims=True)
"""
ASKED = ("--component", "softmax", "--clause", "ALL-1,SM-1", "--json", "report.json", "--html", "report.html")


class Reader(HTMLParser):
    """Gathers tags, attributes and text; what is opened must be closed."""

    def __init__(self, text):
        """Read it."""
        super().__init__()
        self.tags, self.open, self.attributes, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Open one."""
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close it."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep the text."""
        self.text += data


@pytest.fixture(scope="module")
def made(shared_terminal):
    """Judge a wrong one once: the report, and its page."""
    file = shared_terminal.write("mine.py", WRONG)
    done = shared_terminal.assay("run", file, *ASKED)
    assert done.returncode == 1, done.stderr
    return shared_terminal.report(), (shared_terminal.cwd / "report.html").read_text(encoding="utf-8")


def test_the_page_tells_what_the_report_does(made):
    report, text = made
    read = Reader(text)

    assert not read.open
    assert "mine violates" in " ".join(read.text.split())
    assert f"judged {report['made']['date']}" in read.text
    for cause in report["causes"]:
        assert cause["sentence"] in read.text
        assert f"assay replay '{cause['case']}'" in read.text
    assert re.search(r"softmax\s+2 of 2 fail", read.text)
    assert "The same case with one thing changed" in read.text


def test_the_arrays_are_those_of_the_smallest_case(made):
    report, text = made
    (cause,) = (each for each in report["causes"] if each["how"] == "value")
    failures = (each["failure"] for each in report["results"] if each["failure"])
    evidence = next(each["evidence"] for each in failures if each["case"] == cause["case"])
    (array,) = evidence["arrays"]
    actual, expected, allowed = (np.array(array[name], float) for name in ("actual", "expected", "allowed"))

    assert np.allclose(actual, 2 * expected, rtol=1e-5)
    assert (np.abs(actual - expected) > allowed).all()
    assert text.count('<td class="h') >= 3 * actual.size
    assert {"changed": {"n": 3}, "passes": True} in evidence["beside"]
    assert all(not each["passes"] for each in evidence["beside"] if "layout" in each["changed"])


def test_a_script_of_each_cause_is_folded_away(made):
    report, text = made
    failures = [
        failure for each in report["results"] for failure in (each["failure"], *each.get("others", ())) if failure
    ]
    scripts = ["\n".join(each["evidence"]["script"]) for each in failures if "evidence" in each]

    assert len(scripts) == len(report["causes"]) == 2
    assert text.count("<details>") == 2
    for script in scripts:
        assert script in Reader(text).text
        ast.parse(script)


def test_hostile_text_is_text(made):
    _, text = made
    read = Reader(text)

    assert "<script>alert(1)</script>" in read.text
    assert "<img src=x onerror=alert(1)>" in read.text
    assert not {"script", "img", "iframe", "link", "object"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_page_asks_the_network_for_nothing(made):
    _, text = made
    read = Reader(text)

    assert [value for name, value in read.attributes if name in ("href", "src") and not value.startswith("#")] == []
    assert "url(" not in text
    assert "@import" not in text
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in read.attributes


def test_a_page_is_made_of_a_report_alone(made, tmp_path, capsys, monkeypatch):
    from assay.conformance.interface.command_line import main

    report, text = made
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.json").write_text(json.dumps(report), encoding="utf-8")
    for _ in range(2):  # over its own page
        with pytest.raises(SystemExit) as ended:
            main(["html", "r.json"])
        assert (ended.value.code, capsys.readouterr().out) == (0, "r.html is written\n")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == text
    (tmp_path / "other.html").write_text("<html>mine</html>", encoding="utf-8")
    said = complaint(capsys, "html", "r.json", "--out", "other.html")
    assert said.startswith("--out other.html would overwrite what is no report")


def test_what_is_no_number_is_shown_and_wrong():
    rows = {"actual": [["nan", 1.0]], "expected": [[0.5, 1.0]], "allowed": [[0.1, 0.1]], "ratio": [["inf", 0.0]]}
    seen = shown({"name": "result", "shape": [1, 2], "first": [0, 0], **rows})

    assert [cell.wrong for cell in seen.heats[0].rows[0]] == [True, False]
    assert seen.heats[0].rows[0][0].text == "nan"
    assert [bar.over for bar in seen.bars] == [True]  # what has no error is no bar
    assert seen.caption == "result of shape (1, 2)"


def test_numbers_have_the_digits_with_which_what_is_wrong_looks_so():
    rows = {"actual": [[1.23456, 2.0]], "expected": [[1.23457, 2.000001]], "allowed": [[1e-6, 1e-3]]}
    seen = shown({"name": "result", "shape": [1, 2], "first": [0, 0], **rows, "ratio": [[10.0, 0.001]]})
    texts = [[cell.text for cell in heat.rows[0]] for heat in seen.heats]

    assert texts[:2] == [["1.23456", "2"], ["1.23457", "2"]]
    assert texts[2] == ["-1e-05", "-1e-06"]


def test_a_part_of_an_array_says_so():
    row = [[0.5]]
    array = {"name": "result", "shape": [1, 20], "first": [0, 4]}
    seen = shown({**array, **dict.fromkeys(("actual", "expected", "allowed", "ratio"), row)})

    assert seen.caption == "result of shape (1, 20): 1 by 1 of it, around the worst element"
    assert (list(seen.rows), list(seen.columns)) == ([0], [4])


def test_a_report_of_clauses_that_are_not_known_here_has_a_page(made):
    text = json.dumps(made[0]).replace("ALL-1", "ALL-999").replace('"softmax"', '"softplus"')

    assert "ALL-999" in Reader(page([json.loads(text)]).decode()).text


def test_a_case_that_is_right_itself_is_said_to_be(made):
    report = copy.deepcopy(made[0])
    for failure in (each["failure"] for each in report["results"] if each["failure"]):
        for array in failure.get("evidence", {}).get("arrays", ()):
            array["ratio"] = [[0.5] * len(row) for row in array["ratio"]]

    assert "No element of it is outside its bound" in Reader(page([report]).decode()).text
    assert "No element of it is outside its bound" not in made[1]


def test_a_report_without_arrays_has_a_page():
    report = {"adapter": "x", "assay": "0", "spec": "s", "verdict": "no-evidence", "checked": 0, "results": []}
    made = {"package": "", "version": "", "device": "", "notes": []}
    report |= {"profile": "quick", "seed": 0, "implementation": made, "incomplete": True, "left_out": ["a", "b"]}
    read = Reader(page([report]).decode())

    assert "no verdict" in read.text
    assert "0 of 2 checks made" in read.text
    assert "The run was to end early, and left out 2 checks." in read.text
    assert "interrupted" not in read.text


def test_a_mistake_in_one_file_takes_neither_the_others_nor_the_verdict_along(monkeypatch, tmp_path):
    def mistaken(reports, refused):
        raise LookupError("no template")

    monkeypatch.setitem(OUTPUTS, "--html", Output("", mistaken))
    files = {"--html": tmp_path / "r.html", "--json": tmp_path / "r.json"}

    said = f"--html {tmp_path / 'r.html'} cannot be made, please report it: LookupError: no template"
    assert write_outputs(files, [], {}) == [said]
    assert files["--json"].exists()
