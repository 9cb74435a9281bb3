"""What a user hands over is read strictly: numbers, case lines, allow files, reports; a mistake is one sentence."""

import json

import pytest
from platforms import DEV
from test_bad_input import CASE, complaint

from assay.adapters.calling import reply_from
from assay.conformance.components import parse_case
from assay.conformance.interface import reading
from assay.conformance.interface.allowed import read_allowed
from assay.conformance.interface.command_line import main
from assay.conformance.interface.report_json import read_json
from assay.conformance.terms.case import CaseError

RESULT = {"clause": "SM-1", "level": "required", "component": "softmax", "dtype": "float32", "status": "pass"}
RESULT |= {"examples": 3, "worst_ratio": 0.5, "precision_class": 1, "seconds": 0.1, "reason": None, "failure": None}
REPORT = {"schema": "assay-report/1", "assay": "0.1.0", "spec": "2026.12", "adapter": "mine", "profile": "quick"}
REPORT |= {"implementation": {"package": "mine", "version": "1", "device": "cpu"}, "seed": 0, "verdict": "conforms"}
REPORT |= {"expected": 1, "checked": 1, "results": [RESULT]}
MARK = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("option", "text", "says"),
    [
        ("--seed", "٣", "must be a whole number, 0 or more, or random, not '٣'"),
        ("--seed", "9" * 5000, "must be a whole number, 0 or more, or random, not '999"),
        ("-n", "9" * 5000, "must be a whole number or auto, not '999"),
        ("--timeout", "1e10", "must be a number of seconds above 0, not '1e10'; 10^9 are enough"),
        ("--timeout", "1_0", "must be a number of seconds above 0, not '1_0'"),
        ("--shape", "L_q=٣", "the size L_q must be a whole number"),
        ("--memory", "٣G", "must be an amount of memory"),
    ],
    ids=lambda value: value[:12],
)
def test_a_number_of_the_command_line(capsys, option, text, says):
    sentence = complaint(capsys, "run", option, text)
    assert says in sentence
    assert len(sentence) < 400


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (CASE + "&rows=1", "a case has each parameter once, and 'softmax?"),
        (CASE.replace("rows=1", "rows=1_0"), "rows of a case of softmax cannot be '1_0'"),
        (CASE.replace("rows=1", "rows= 1"), "rows of a case of softmax cannot be ' 1'"),
        (CASE.replace("rows=1", "rows=٣"), "rows of a case of softmax cannot be '٣'"),
        (CASE.replace("rows=1", "rows=01"), "rows of a case of softmax cannot be '01'"),
        (CASE.replace("seed=1", "seed=" + "9" * 4000), "seed of a case of softmax cannot be '999"),
        ("x" * 10**6, "is no case"),
        (CASE + "&" + "&".join(f"a{k}=1" for k in range(10**5)), "a case of softmax has no a0"),
    ],
    ids=["twice", "underscore", "blank", "digits of another script", "zero first", "long number", "long", "many"],
)
def test_a_case_line_has_one_way_to_be_written(line, says):
    with pytest.raises(CaseError) as caught:
        parse_case(line)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_case_without_positions_is_judged(terminal, capsys):
    text = "import numpy as np\ndef positional_encoding(length, d_model): return np.zeros((length, d_model))\n"
    line = "positional_encoding?length=0&d_model=1&seed=130"
    with pytest.raises(SystemExit) as left:
        main(["replay", line, "--adapter", terminal.write("mine.py", text), "--in-process"])
    said = capsys.readouterr()

    assert (left.value.code, said.err) == (0, "")
    assert "PE-7     pass" in said.out


def test_a_clause_that_cannot_judge_a_case_says_so(terminal, capsys, monkeypatch):
    from assay.conformance.interface import replaying

    def refuse(*_):
        raise IndexError("axis 1000 is out of bounds")

    monkeypatch.setattr(replaying, "judge_case", refuse)
    file = terminal.write("mine.py", "def softmax(x): return x\n")
    with pytest.raises(SystemExit) as left:
        main(["replay", CASE, "--adapter", file, "--in-process", "--clause", "SM-1"])
    assert left.value.code == 3
    assert capsys.readouterr().out.endswith("\nSM-1     not judged: axis 1000 is out of bounds\n")


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path):
    """Windows writes one."""
    known, report = tmp_path / "known.txt", tmp_path / "report.json"
    known.write_bytes(MARK + b"ALL-1\r\n")
    report.write_bytes(MARK + json.dumps(REPORT).encode())
    assert [each.clause for each in read_allowed(known)] == ["ALL-1"]
    assert read_json(report) == [REPORT]


@DEV
@pytest.mark.parametrize(
    "command", [("compare", "/dev/zero"), ("run", "--allow", "/dev/zero")], ids=lambda words: words[0]
)
def test_a_file_without_an_end(capsys, monkeypatch, command):
    monkeypatch.setattr(reading, "_LONGEST", 2**20)
    assert "/dev/zero cannot be read" in complaint(capsys, *command)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps(REPORT).replace("0.5", "NaN"), "NaN is no number of JSON"),
        (json.dumps(REPORT).replace("0.5", "1e400"), "should be number or null, not inf"),
        (json.dumps(REPORT).replace("0.5", "1" + "0" * 400), "should be number or null, not 1000"),
        (json.dumps(REPORT).replace('"examples": 3', f'"examples": {"9" * 5000}'), "cannot be read as a report"),
        (json.dumps(REPORT).replace('"seed"', '"profile"'), "an object has a name twice"),
        (json.dumps(REPORT) + "\n[]\n", "report should be object, not []"),
        ('{"a":' * 10**5, "cannot be read as a report"),
    ],
    ids=["no number", "infinite", "beyond floats", "beyond integers", "twice", "half of it", "deep"],
)
def test_a_report_with_a_mistake(capsys, tmp_path, text, says):
    file = tmp_path / "report.json"
    file.write_text(text, encoding="utf-8")
    assert says in complaint(capsys, "compare", str(file))


@pytest.mark.parametrize(
    ("header", "status", "message"),
    [
        ({"reply": "timeout"}, "malformed", "a reply cannot say 'timeout' of itself"),
        ({"reply": "died", "message": "x"}, "malformed", "a reply cannot say 'died' of itself"),
        ({"reply": "error"}, "error", "something that it does not describe"),
        ({"reply": "unsupported"}, "unsupported", "no reason was given"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_reply_without_a_reason(header, status, message):
    reply = reply_from(header, {})
    assert (reply.status, reply.message) == (status, message)
