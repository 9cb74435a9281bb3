"""`--shard` and `assay merge`: the parts of a run are the whole, and parts that do not fit are refused."""

import json

import pytest
from conftest import RIGHT, WRONG
from test_bad_input import complaint
from test_resuming import LINES, OFFER

from assay.conformance.interface.command_line import main
from assay.conformance.interface.merging import merged
from assay.conformance.interface.options import UsageError
from assay.conformance.interface.report_json import json_text
from assay.conformance.interface.sharding import lines_of
from assay.conformance.judging.plan import Selection, plan

SOFTMAX = ("--component", "softmax", "--dtype", "float32")


def test_each_line_is_in_one_part_wherever_it_is_judged():
    lines = [line for line in plan(OFFER, Selection()) if line.offered]
    parts = [lines_of((part, 5), lines) for part in range(1, 6)]
    assert sorted(line.name for part in parts for line in part) == sorted(line.name for line in lines)
    assert min(map(len, parts)) > len(lines) / 10
    few = lines_of((2, 5), [line for line in lines if line.component == "softmax"])
    assert few == [line for line in parts[1] if line.component == "softmax"]
    # Reports of different machines are joined.
    assert [line.name for line in lines_of((1, 3), LINES)] == ["ALL-4[softmax-float32]"]


def files_of(terminal, text, name):
    """Judge the whole and both parts of it; return their reports."""
    file = terminal.write(f"{name}.py", text)
    terminal.assay("run", file, *SOFTMAX, "--json", f"{name}.json", "--memory", "1G")
    for part in (1, 2):
        done = terminal.assay(
            "run", file, *SOFTMAX, "--shard", f"{part}/2", "--json", f"{name}{part}.json", "--memory", "1G"
        )
        assert done.returncode in (0, 1)
    return [terminal.cwd / f"{name}{part}.json" for part in ("", 1, 2)]


@pytest.fixture(scope="module")
def parts(shared_terminal):
    return shared_terminal, {
        name: files_of(shared_terminal, text, name) for name, text in {"right": RIGHT, "wrong": WRONG}.items()
    }


def plain(report):
    """Take off what differs between two runs of the same."""
    rest = {name: value for name, value in report.items() if name not in ("memory", "causes", "results")}
    kept = ["clause", "component", "dtype", "status", "examples", "worst_ratio", "reason", "largest"]
    kept += ["coverage", "measured"]
    return rest | {"results": [{name: each.get(name) for name in kept} for each in report["results"]]}


@pytest.mark.parametrize("name", ["right", "wrong"])
def test_the_parts_together_are_the_whole(parts, name):
    """What only explains was judged in the parts, and counts where something has failed."""
    whole, *two = parts[1][name]
    (report,) = merged(two[::-1])
    found = json.loads(json_text([report]))
    assert plain(found) == plain(json.loads(whole.read_text(encoding="utf-8")))
    judged = sum(len(json.loads(part.read_text(encoding="utf-8"))["results"]) for part in two)
    assert (judged > len(found["results"])) == (name == "right")


def test_merge_writes_the_files_and_ends_with_the_status_of_the_whole(parts, capsys, tmp_path):
    """Of several adapters, in whichever order they come."""
    _, found = parts
    every = [str(found[name][part]) for part in (1, 2) for name in ("wrong", "right")]
    with pytest.raises(SystemExit) as left:
        main(["merge", *every, "--json", str(tmp_path / "all.json"), "--markdown", str(tmp_path / "all.md")])
    assert left.value.code == 1
    said = capsys.readouterr().out
    assert "right (numpy" in said
    assert ": violates: 1 cause (" in said
    assert f"--adapter {found['wrong'][0].parent.parent / 'files' / 'wrong.py'}" in said
    reports = [json.loads(line) for line in (tmp_path / "all.json").read_text(encoding="utf-8").splitlines()]
    assert [report["verdict"] for report in reports] == ["violates", "conforms"]
    assert (tmp_path / "all.md").read_text(encoding="utf-8").startswith("<!-- assay run -->")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": 7}, "is of another run than a.json: 'seed' is 7, not 0"),
        ({"assay": "9"}, "'assay' is \"9\", not "),
        ({"run": "x"}, "'run' is \"x\", not "),
        ({"incomplete": True}, "b.json is the report of a run that was interrupted"),
        ({"shard": None}, "b.json is no part of a run: it was made without --shard"),
        ({"shard": {"part": 1}}, "a.json and b.json are the same part, 1/2"),
        ({"shard": {"of": 3}}, "b.json is one of 3 parts, and a.json one of 2"),
        ({"shard": {"lines": []}}, "the one judges what the other does not"),
        ({"adapter": "else"}, "the parts 2 of 2 are missing"),
        ({"results": []}, "no part has judged "),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, monkeypatch, capsys, tmp_path, change, says):
    monkeypatch.chdir(tmp_path)
    _, first, second = parts[1]["right"]
    report = json.loads(second.read_text(encoding="utf-8"))
    for name, value in change.items():
        report[name] = report[name] | value if isinstance(value, dict) else value
        if value is None:
            del report[name]
    (tmp_path / "a.json").write_bytes(first.read_bytes())
    (tmp_path / "b.json").write_text(json.dumps(report), encoding="utf-8")
    assert says in complaint(capsys, "merge", "a.json", "b.json")


def test_a_part_alone_is_not_the_whole(parts):
    with pytest.raises(UsageError, match="of right, the parts 2 of 2 are missing"):
        merged([parts[1]["right"][1]])


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "1/2/3", "x/2", "1/9999"])
def test_a_part_that_is_none(capsys, text):
    assert "--shard: must be a part such as 2/8" in complaint(capsys, "run", "--shard", text)


def test_a_part_with_nothing_to_judge_fails_nobody(terminal, right):
    """The others may have it."""
    done = terminal.assay("run", right, *SOFTMAX, "--clause", "SM-1", "--shard", "1/2", "--json", "1.json")
    other = terminal.assay("run", right, *SOFTMAX, "--clause", "SM-1", "--shard", "2/2", "--json", "2.json")
    assert (done.returncode, other.returncode) == (0, 0)
    assert {terminal.report(name)["verdict"] for name in ("1.json", "2.json")} == {"conforms", "no-evidence"}


def test_pytest_takes_parts_too(terminal, right):
    done = [
        terminal.python(
            "-B",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--collect-only",
            "--assay",
            right,
            "--assay-shard",
            part,
        )
        for part in ("1/2", "2/2")
    ]
    lists = [{line for line in each.stdout.splitlines() if "::" in line} for each in done]
    assert not lists[0] & lists[1]
    assert min(map(len, lists)) > 5
