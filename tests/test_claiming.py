"""`assay claim` and `assay verify`: a claim is small, anybody can repeat its run, and it holds or it does not."""

import copy
import json

import jsonschema
import pytest
from conftest import RIGHT, WRONG
from test_bad_input import complaint

from assay.conformance.interface.claiming import _schema, differences
from assay.conformance.interface.repeating import repeated, suite

QUICKLY = ("--component", "softmax", "--clause", "SM-1,ALL-1,ALL-4,ALL-12")


@pytest.fixture(scope="module")
def claims(shared_terminal):
    """Make a claim of a right adapter and of a wrong one, whose failures are allowed."""
    terminal = shared_terminal
    (terminal.cwd / "known.txt").write_text("SM-1\nALL-1\nALL-12\n", encoding="utf-8")
    for name, text in {"right": RIGHT, "wrong": WRONG}.items():
        (terminal.cwd / f"{name}.py").write_text(text, encoding="utf-8")
        allow = ("--allow", "known.txt") if name == "wrong" else ()
        terminal.assay("run", f"{name}.py", *QUICKLY, "--memory", "500M", *allow, "--json", f"{name}.json")
        done = terminal.assay("claim", f"{name}.json", "--out", f"{name}.claim")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return terminal


def test_a_claim_says_all_that_matters_and_is_small(claims):
    claim = claims.report("right.claim")
    jsonschema.Draft202012Validator(_schema()).validate(claim)

    assert (claims.cwd / "right.claim").stat().st_size < 3000
    assert (claim["schema"], claim["verdict"], claim["profile"], claim["seed"]) == (
        "assay-claim/1",
        "conforms",
        "quick",
        0,
    )
    assert (claim["suite"], claim["violations"], claim["counts"]) == (suite(), [], {"pass": 4})
    assert 0 < claim["worst"]["softmax"]["float32"] <= 1
    assert claim["largest"]["softmax"]["n"] > 1000
    assert repeated(claim["repeat"]).clause == ["SM-1", "ALL-1", "ALL-4", "ALL-12"]
    assert claims.report("wrong.claim")["allowed"] == [
        "ALL-1 softmax float32",
        "ALL-12 softmax float32",
        "SM-1 softmax float32",
    ]


@pytest.mark.parametrize(
    ("claim", "adapter", "status", "says"),
    [
        ("right", (), 0, "the claim that it conforms holds (right, spec "),
        ("wrong", (), 0, "the claim that it conforms with 3 known failures holds (wrong, spec "),
        ("wrong", ("right.py",), 0, " holds (right, spec "),
        ("right", ("wrong.py",), 1, "the claim does not hold: SM-1 softmax float32 fails, of which it says nothing"),
    ],
)
def test_the_run_is_repeated(claims, claim, adapter, status, says):
    done = claims.assay("verify", f"{claim}.claim", *adapter, "--json", "again.json")
    assert done.returncode == status
    assert says in done.stdout
    assert claims.report("again.json")["adapter"] == (adapter[0].removesuffix(".py") if adapter else claim)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, []),
        ({"verdict": "no-evidence"}, ["it says conforms, and here there is no evidence", "judged, and here are"]),
        ({"ratio": 3}, ["it says that the largest error of softmax float32 is "]),
        ({"n": 10}, ["it says that softmax was judged to n = "]),
        ({"status": "unsupported"}, ["judged, and here are 3", "SM-1 softmax float32 is unsupported (no), of which"]),
        ({"version": "0"}, ["it is of numpy "]),
    ],
)
def test_what_does_not_hold_is_told(claims, change, says):
    claim, report = claims.report("right.claim"), claims.report("right.json")
    result = next(each for each in report["results"] if each["clause"] == "SM-1")
    if "verdict" in change:
        report |= change | {"counts": {"unsupported": 4}}
    if "ratio" in change:
        result["worst_ratio"] = claim["worst"]["softmax"]["float32"] * change["ratio"]
    if "n" in change:
        report["largest"]["softmax"]["n"] = change["n"]
    if "status" in change:
        result |= {"status": "unsupported", "reason": "no"}
        report["counts"] = {"pass": 3, "unsupported": 1}
    if "version" in change:
        report["implementation"]["version"] = "0"
    found = differences(claim, report, 2.0)
    assert len(found) == len(says)
    assert all(words in sentence for words, sentence in zip(says, found, strict=True))
    assert differences(claim, report, 4.0) == (found if "ratio" not in change else [])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": "x"}, "is no claim by the schema assay-claim/1: claim['schema'] should be"),
        ({"more": 1}, "claim has an unknown 'more'"),
        ({"worst": {"softmax": {"float32": -1}}}, "should be at least 0, not -1"),
        ({"suite": "0"}, "was made with another suite than this (assay "),
        ({"seed": 5}, "contradicts itself"),
        ({"repeat": []}, "cannot be repeated: the following arguments are required: adapter"),
        (
            {"repeat": ["--json=x", "--seed=0", "--", "right.py"]},
            "be repeated: unrecognized arguments: --json=x",
        ),
        (
            {"repeat": ["--seed=0", "--", "exec:touch here"]},
            "is of a program, 'exec:touch here'; name it",
        ),
        ({"repeat": ["--seed=0", "--component=x", "--", "right.py"]}, "there is no component 'x'"),
    ],
)
def test_a_claim_that_is_none_is_one_sentence(claims, monkeypatch, capsys, tmp_path, change, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.json").write_text(json.dumps(claims.report("right.claim") | change), encoding="utf-8")
    assert says in complaint(capsys, "verify", "c.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.json"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"incomplete": True}, "is of a part of a run, and a claim is of the whole"),
        ({"made": None}, "does not say how it was made"),
    ],
)
def test_a_report_that_makes_no_claim(claims, capsys, tmp_path, change, says):
    report = copy.deepcopy(claims.report("right.json")) | change
    report = {name: value for name, value in report.items() if value is not None}
    (tmp_path / "r.json").write_text(json.dumps(report), encoding="utf-8")
    assert says in complaint(capsys, "claim", str(tmp_path / "r.json"), "--out", str(tmp_path / "c.json"))
    assert "would overwrite what is no report" in complaint(
        capsys, "claim", str(claims.cwd / "right.json"), "--out", str(claims.cwd / "right.py")
    )
