"""The command `assay`, used as a user would: exit status, report, and what is left behind."""

import importlib.metadata
import re
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import RIGHT, WRONG
from tricks.around import told

from assay.conformance.components import CLAUSES, COMPONENTS, clauses_of
from assay.conformance.interface import start
from assay.conformance.interface.command_line import main

FOREIGN = f"exec:{shlex.quote(sys.executable)} {Path(__file__).parent / 'adapters_for_tests' / 'foreign.py'}"
SOFTMAX = ("--component", "softmax", "--dtype", "float32")
QUICKLY = (*SOFTMAX, "--clause", "SM-1,ALL-4")


def test_a_right_adapter_conforms_and_nothing_is_left_behind(terminal, right):
    done = terminal.assay("run", right, *SOFTMAX, "--json", "report.json")
    report = terminal.report()

    assert (done.returncode, terminal.complaints(done.stderr)) == (0, "")
    assert re.match(r"right \(numpy [\d.]+\w* on cpu\): conforms: 0 violations\n", done.stdout)
    # What the table counts, and the advisory ones, are the checks that were made.
    made = int(re.search(r"(\d+) of \d+ checks made", done.stdout)[1])
    advisory = sum((each["level"], each["status"]) == ("advisory", "pass") for each in report["results"])
    assert sum(map(int, re.findall(r"(\d+) pass", done.stdout))) + advisory == made > advisory > 0
    assert terminal.left == ["report.json"]
    assert report["verdict"] == "conforms"
    assert {result["clause"] for result in report["results"]} >= {"ALL-1", "ALL-2", "ALL-6"}
    assert all(result["status"] == "pass" or result["reason"] for result in report["results"])


def test_it_says_its_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert not ended.value.code
    assert capsys.readouterr().out == f"assay {importlib.metadata.version('assay')}\n"


@pytest.mark.parametrize(
    ("text", "status", "why"),
    [
        (RIGHT.replace("softmax(x):", "softmax(x):\n    raise NotImplementedError('not today')"), 3, "not today"),
        (RIGHT.replace("softmax", "layer_norm").replace("(x)", "(x, gain, bias, *, epsilon)"), 3, "is not offered"),
        (
            RIGHT.replace("softmax(x):", "softmax(x):\n    if x.shape[-1] > 64: raise NotImplementedError('too long')"),
            0,
            "too long",
        ),
    ],
    ids=["refused", "not offered", "refused in part"],
)
def test_no_evidence_is_no_pass(terminal, text, status, why):
    """Status 3 where nothing could be checked; the reason stands in the report either way."""
    done = terminal.assay("run", terminal.write("mine.py", text), *QUICKLY, "--json", "report.json")
    report = terminal.report()

    assert (done.returncode, terminal.complaints(done.stderr)) == (status, "")
    assert report["verdict"] == {0: "conforms", 3: "no-evidence"}[status]
    assert report["checked"] == (0 if status == 3 else report["expected"])
    for result in report["results"]:
        assert why in result["reason"]
        assert (result["status"] == "pass") == (status == 0)


def test_known_failures_are_allowed_and_stale_ones_reported(terminal, wrong):
    known = terminal.write("known.txt", "# known\nSM-1 softmax float32\nALL-4   # any component\n\n")
    done = terminal.assay("run", wrong, *QUICKLY, "--allow", known, "--json", "report.json", "--junit", "report.xml")

    assert done.returncode == 0
    assert {result["clause"]: result["status"] for result in terminal.report()["results"]} == {
        "SM-1": "allowed",
        "ALL-4": "pass",
    }
    assert "the allowed failure ALL-4 * * did not fail; take it off the list" in done.stdout
    assert "the allowed failure SM-1" not in done.stdout
    assert "│ 1 pass, 1 allowed to fail, worst ratio" in done.stdout
    (skipped,) = ElementTree.parse(terminal.cwd / "report.xml").getroot().iter("skipped")
    assert skipped.get("message").startswith("allowed: the probabilities")


def test_a_run_of_allowed_failures_alone_is_no_pass(terminal, wrong):
    known = terminal.write("known.txt", "SM-1")
    done = terminal.assay("run", wrong, *SOFTMAX, "--clause", "SM-1", "--allow", known)
    assert done.returncode == 3
    assert "nothing but failures that are allowed: 0 violations" in done.stdout


def test_a_bare_function_and_the_command_that_replays_its_failure(terminal):
    """As it is printed, it can be typed."""
    file = terminal.write("my file.py", WRONG.replace("softmax", "my_softmax"))
    options = ("--as", "softmax", "--framework", "numpy", "--clause", "ALL-4", "--clause", "SM-1")
    done = terminal.assay("run", f"{file}:my_softmax", *options, "--json", "report.json")
    command = re.search(r"^ *replay +assay (.*)$", done.stdout, re.MULTILINE)[1]

    statuses = {r["clause"]: r["status"] for r in terminal.report()["results"] if r["component"] == "softmax"}
    assert (done.returncode, statuses) == (1, {"ALL-4": "pass", "SM-1": "fail"})
    assert terminal.assay(*shlex.split(command)).returncode == 1


def test_a_program_in_another_language(terminal):
    """It is right on one row, and takes several for one."""
    done = terminal.assay("run", FOREIGN, *SOFTMAX, "--clause", "ALL-1", "--json", "report.json")
    case = "softmax?dtype=float32&rows={}&n=5&regime=normal&layout=contiguous&seed=1"
    replay = ("--adapter", FOREIGN, "--clause", "ALL-1")
    one, several = (terminal.assay("replay", case.format(rows), *replay) for rows in (1, 2))

    assert (done.returncode, terminal.report()["adapter"]) == (1, "foreign")
    assert (one.returncode, several.returncode) == (0, 1)


def test_several_adapters_and_their_comparison(terminal, right, wrong):
    """A report a line; the worst status counts; `compare` has a row for each."""
    done = terminal.assay("run", wrong, right, *QUICKLY, "--json", "both.json")
    shown = terminal.assay("compare", "both.json")

    assert (done.returncode, shown.returncode) == (1, 0)
    assert len((terminal.cwd / "both.json").read_text(encoding="utf-8").splitlines()) == 2
    rows = [line for line in shown.stdout.splitlines() if line.startswith(("┃", "│"))]
    assert [row.split()[1] for row in rows] == ["adapter", "softmax", "wrong", "right"]
    assert "float32" in rows[0]
    assert "fail" in rows[2]
    assert "pass," in rows[3]


def test_the_settings_of_other_peoples_suites_do_not_matter(terminal):
    """Nor does a path of blanks, brackets and bytes that are no text, and with -n they matter as little.

    A file in the working directory is no module of the judge's, in no process: an implementation may have put it there.
    """
    stem = "my [kernel]" + "\udcff" * (sys.platform == "linux")  # elsewhere a name is text
    file = terminal.write(f"a folder [1]/{stem}.py", RIGHT)
    (terminal.cwd / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n", encoding="utf-8")
    modules = ["conftest.py", "logging.py", "random.py", "torch.py", "types.py"]
    for name in modules:
        (terminal.cwd / name).write_text("raise RuntimeError('not ours')\n", encoding="utf-8")
    terminal.environment |= {"PYTEST_ADDOPTS": "--collect-only", "PYTEST_PLUGINS": "no_such_plugin"}
    done = terminal.assay("run", file, *QUICKLY, "-n", "1")

    assert (done.returncode, terminal.complaints(done.stderr)) == (0, "")
    assert stem.replace("\udcff", r"\udcff") + " (numpy" in done.stdout
    told("in its folder", done.stdout)
    assert terminal.left == sorted([*modules, "pytest.ini"])


def test_a_judging_process_that_cannot_start_is_said(terminal, right):
    """It is our mistake, or one of the installation's, and no run that somebody has interrupted."""
    terminal.write("sitecustomize.py", "import sys\nif '-c' in sys.orig_argv: sys.modules['_pytest'] = None\n")
    terminal.environment["PYTHONPATH"] = str(terminal.files)
    done = terminal.assay("run", right, *QUICKLY, "-n", "99999999999999999999")

    assert done.returncode == 70
    assert "a worker process that judges has ended: " in done.stderr
    assert "ModuleNotFoundError" in done.stderr  # which words follow depends on the version of pytest


def test_a_reader_that_goes_away_changes_neither_status_nor_report(terminal, wrong):
    """As `assay run ... | head` does."""
    with terminal.start("run", wrong, *QUICKLY, "--json", "report.json") as process:
        process.stdout.close()
        assert process.wait(100) == 1
        assert terminal.complaints(process.stderr.read()) == ""
    assert terminal.report()["verdict"] == "violates"


def test_in_process_gives_the_same_verdict(terminal, right, wrong):
    statuses = [terminal.assay("run", each, *QUICKLY, "--in-process").returncode for each in (right, wrong)]
    assert statuses == [0, 1]
    assert terminal.left == []


def test_list_names_every_built_in_adapter(terminal):
    done = terminal.assay("list")

    assert (done.returncode, terminal.complaints(done.stderr), terminal.left) == (0, "", [])
    for name in ("torch", "torch-sdpa-flash", "softmax", "float32"):
        assert re.search(rf"\b{name}\b", done.stdout), name


def test_spec_gives_sentence_formula_and_source_of_every_clause(capsys):
    with pytest.raises(SystemExit) as left:
        main(["spec"])
    said = capsys.readouterr()

    assert (left.value.code, said.err) == (0, "")
    for clause in CLAUSES.values():
        for text in (clause.id, clause.sentence, clause.formula, clause.source, clause.component or "every component"):
            assert text in said.out
    assert {clause.component for clause in CLAUSES.values()} <= {None, *COMPONENTS}


def test_spec_of_one_clause_is_that_clause(capsys):
    with pytest.raises(SystemExit):
        main(["spec", "SM-1"])
    said = capsys.readouterr().out

    assert said.startswith("SM-1  softmax\n")
    assert CLAUSES["SM-1"].sentence in said
    assert "SM-2" not in said


def test_spec_of_a_component_is_its_clauses(capsys):
    with pytest.raises(SystemExit):
        main(["spec", "softmax"])
    said = re.findall(r"^([A-Z]+\S*-\d+)  ", capsys.readouterr().out, re.MULTILINE)

    assert said == [clause.id for clause in clauses_of(COMPONENTS["softmax"])]
    assert {"ALL-1", "SM-1", "GRAD-1"} <= set(said)


def test_the_command_is_installed_under_its_name():
    (point,) = importlib.metadata.entry_points(group="console_scripts", name="assay")
    assert point.load() is start.main


def test_an_interruption_while_it_is_imported_is_no_traceback(monkeypatch, capsys):
    class Importing:
        @property
        def main(self):
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "assay.conformance.interface.command_line", Importing())
    with pytest.raises(SystemExit) as ended:
        start.main()

    assert (ended.value.code, capsys.readouterr().err) == (130, "assay: interrupted\n")


def test_a_run_ends_with_its_first_cause(terminal, wrong):
    done = terminal.assay("run", wrong, *SOFTMAX, "-x", "--json", "report.json")
    report = terminal.report()

    assert done.returncode == 1
    assert "1 cause (1 violation); it was to end with the first cause: " in done.stdout
    assert (report["checked"], report["verdict"], len(report["causes"])) == (1, "violates", 1)
    assert "SM-1[softmax-float32]" in report["left_out"]


def test_a_run_in_a_given_time_says_what_it_left_out(terminal, right):
    """It begins with what catches most, and conforms if that was judged."""
    slow = terminal.write("slow.py", RIGHT.replace("(x):\n", "(x):\n    import time; time.sleep(0.02)\n"))
    done = terminal.assay("run", slow, *SOFTMAX, "--time", "0.5", "--json", "report.json")
    report = terminal.report()

    assert (done.returncode, report["verdict"]) == (0, "conforms")
    assert f"its 0.5 s are over: {len(report['left_out'])} checks left out" in done.stdout
    assert "ALL-1" in {result["clause"] for result in report["results"] if result["status"] == "pass"}
    assert "ALL-12[softmax-float32]" in report["left_out"]
