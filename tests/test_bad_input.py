"""Whatever the user or the implementation gets wrong: one clear sentence, no traceback, the right exit status."""

import json
import os
import re
import signal
import time
from xml.etree import ElementTree

import pytest
from conftest import RIGHT
from platforms import POSIX
from tricks.around import told

from assay.conformance.interface.command_line import main

QUICKLY = ("--component", "softmax", "--dtype", "float32", "--clause", "SM-1,ALL-1,ALL-4")
CASE = "softmax?dtype=float32&rows=1&n=5&regime=normal&layout=contiguous&seed=1"


def complaint(capsys, *arguments):
    """Return the one sentence of a mistake, which ends with status 2; only a usage may stand before the sentence."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    said = capsys.readouterr()
    assert (left.value.code, said.out) == (2, "")
    found = re.fullmatch(r"(usage: assay.*\n( .*\n)*)?assay[ a-z]*: (?P<sentence>.+)\n", said.err)
    assert found, said.err
    return found["sentence"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("runn",), "invalid choice: 'runn'"),
        (("run", "--jsn", "x"), "unrecognized arguments: --jsn"),
        (("run", "--component", "sofmax"), "there is no component 'sofmax'; did you mean 'softmax'?"),
        (("run", "--component", "x,y"), "there is no component 'x'; there are attention, softmax, "),
        (("run", "--component", ","), "argument --component: names no component"),
        (("run", "--dtype", "bfloat61"), "there is no dtype 'bfloat61'; did you mean 'bfloat16'?"),
        (("run", "--clause", "SM-1,SM-99"), "there is no clause 'SM-99'; did you mean 'SM-"),
        (("run", "--profile", "fast"), "invalid choice: 'fast' (choose from"),
        (("run", "--seed", "-1"), "must be a whole number, 0 or more, or random, not '-1'"),
        (("run", "--seed", "1.5"), "must be a whole number, 0 or more, or random, not '1.5'"),
        (("run", "--seed", "²"), "must be a whole number, 0 or more, or random, not '²'"),
        (("run", "-n", "many"), "must be a whole number or auto, not 'many'"),
        (("run", "--timeout", "0"), "must be a number of seconds above 0, not '0'"),
        (("run", "--timeout", "nan"), "must be a number of seconds above 0, not 'nan'"),
        (("run", "-n", "2", "--in-process"), "--in-process is for one process; leave out -n"),
        (("run", "torhc"), "there is no adapter 'torhc'; did you mean 'torch'?"),
        (("run", "no/such/file.py"), "there is no file no/such/file.py"),
        (("run", "exec:"), "exec: needs a command"),
        (("run", "exec:'half"), "exec:'half is no command: No closing quotation"),
        (("run", "exec:/no/such/program"), "cannot be run: No such file or directory"),
        (("run", "exec:true"), "exec:true did not start: the program exited with status 0"),
        (("run", "exec:echo a line is not a message of this protocol"), "is something printed to the pipe?"),
        (("run", "--allow", "no/such/file"), "--allow no/such/file cannot be read: No such file or directory"),
        (("run", "--allow", "/"), "--allow / cannot be read: Is a directory"),
        (("run", "--json", "no/such/folder/x.json"), "cannot be written to no/such/folder/x.json: No such file"),
        (("run", "--junit", "/"), "the report cannot be written to /: Is a directory"),
        (("run", "--json", "x" * 300), "File name too long"),
        (("spec", "SM-99"), "there is no clause and no component 'SM-99'; did you mean 'SM-"),
        (("spec", "sofmax"), "there is no clause and no component 'sofmax'; did you mean 'softmax'"),
        (("replay",), "the following arguments are required: CASE"),
        (("compare",), "the following arguments are required: REPORT.json"),
        (("compare", "no/such/report.json"), "no/such/report.json cannot be read as a report"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else "",
)
def test_a_mistake_in_the_command(capsys, arguments, says):
    assert says in complaint(capsys, *arguments)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import no_such_module", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module' (line 1)"),
        ("\ndef softmax(x)", "cannot be imported: SyntaxError: expected ':' (line 2)"),
        ("import os\nos._exit(3)", "did not start: the worker exited with status 3"),
        ("", "mine offers no function of the contract"),
        ("def sofmax(x): ...", "it has 'sofmax'; did you mean 'softmax'?"),
        ("def softmax(): ...", "softmax() does not accept the contract's call softmax(x)"),
        ("def softmax(x, y): ...", "softmax(x, y) does not accept the contract's call softmax(x)"),
        (RIGHT + "dtypes = ('float32')", "dtypes must be a tuple of names"),
        (RIGHT + "framework = 'nunpy'", "there is no framework 'nunpy'; did you mean 'numpy'?"),
        (RIGHT + "conventions = {'masked_rows': 'nan'}", "did you mean 'masked_row'?"),
        (RIGHT + "numerics = {'float32': {'accumulate': 'float23'}}", "did you mean 'float32'?"),
        (RIGHT + "numerics = {'float32': {'block': 0}}", "must be a whole number, 1 or more, not 0"),
    ],
)
def test_an_adapter_that_cannot_be_loaded(capsys, tmp_path, text, says):
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    assert says in complaint(capsys, "run", str(file))


def test_a_dtype_that_the_adapter_does_not_take(capsys, right):
    assert "right does not take float16; its dtypes are float32" in complaint(
        capsys, "run", right, "--dtype", "float16"
    )
    half = CASE.replace("float32", "float16")
    assert "right does not take float16" in complaint(capsys, "replay", half, "--adapter", right)


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("", "'' is no case: it should look like softmax?"),
        ("softmax", "'softmax' is no case"),
        (CASE.replace("softmax", "sofmax"), "there is no component 'sofmax'"),
        (CASE.replace("&n=5", ""), "a case of softmax needs n; its parameters are dtype, rows, n,"),
        (CASE + "&heads=2", "a case of softmax has no heads"),
        (CASE.replace("float32", "float23"), "dtype of a case of softmax cannot be 'float23'; it is float64 or"),
        (CASE.replace("n=5", "n=five"), "n of a case of softmax cannot be 'five'; it is a whole number, 0 or more"),
        (CASE.replace("seed=1", "seed=-1"), "seed of a case of softmax cannot be '-1'"),
        (CASE.replace("normal", "nromal"), "regime of a case of softmax cannot be 'nromal'; it is normal or"),
        (CASE.replace("?", "?&"), "is no case"),
        ("attention" + CASE.removeprefix("softmax"), "a case of attention needs B"),
    ],
)
def test_a_line_that_is_no_case(capsys, right, case, says):
    assert says in complaint(capsys, "replay", case, "--adapter", right, "--in-process")


def test_a_case_that_the_adapter_or_the_clause_cannot_have(capsys, right):
    layer_norm = "layer_norm?dtype=float32"
    assert "a case of layer_norm needs" in complaint(capsys, "replay", layer_norm, "--adapter", right)
    assert "there is no clause 'SM-99'" in complaint(capsys, "replay", CASE, "--adapter", right, "--clause", "SM-99")
    assert "which softmax lacks" in complaint(capsys, "replay", CASE, "--adapter", right, "--clause", "SDPA-1")


def test_a_case_that_has_no_arrays(capsys, terminal, right):
    """Heads that do not go together, and more than any memory holds: a mistake in the line, not of the judge."""
    case = "attention?dtype=float32&B=1&H=3&H_kv=2&L_q=3&L_k=5&d_k=4&d_v=4&mask=causal&scale=none"
    case += "&regime=normal&layout=contiguous&seed=7"
    text = "def attention(query, key, value, *, mask=None, causal=False, scale=None): ..."
    says = complaint(capsys, "replay", case, "--adapter", terminal.write("mine.py", text))
    assert says == "this case cannot be judged: attention: key has 2 heads, but should have a divisor of query's 3"
    says = complaint(capsys, "replay", CASE.replace("n=5", "n=999999999999"), "--adapter", right)
    assert says.startswith("this case cannot be judged: a case of this size needs about 536,441.9 GiB, and ")
    empty = "embedding?dtype=float32&B=1&L=3&V=0&d_model=4&tokens=random&regime=normal&layout=contiguous&seed=0"
    says = complaint(
        capsys, "replay", empty, "--adapter", terminal.write("table.py", "def embedding(tokens, weight): ...")
    )
    assert says == "this case cannot be judged: no whole number is at least 0 and less than 0"


DEEP = "encoder?dtype=float32&B=1&L=3&V=5&layers=9999999999999&heads=2&d_model=8&d_k=4&d_v=4&d_ff=5&mask=none&seed=0"
LONG = "detokenize?text=astral&L=2&merges=unused&count=65537&seed=42"


@pytest.mark.parametrize(("case", "name"), [(LONG, "count"), (DEEP + "&regime=normal", "layers")])
def test_a_case_that_would_take_for_ever_is_not_begun(capsys, terminal, case, name):
    either = terminal.write("either.py", "def detokenize(*given): ...\ndef encoder(*given, **options): ...\n")
    says = complaint(capsys, "replay", case, "--adapter", either)
    assert says == f"this case cannot be judged: {name} may be 1000 at most"


@pytest.mark.parametrize(
    "line", ["SM-99", "SM-1 sofmax", "SM-1 softmax half", "SM-1 softmax float32 more", "* softmax"]
)
def test_an_allow_file_with_a_mistake(capsys, tmp_path, line):
    """It names file and line: a known failure that matches nothing would never be seen."""
    file = tmp_path / "known.txt"
    file.write_text(f"# known\n{line}\n", encoding="utf-8")
    assert f"known.txt, line 2: {line!r} should be CLAUSE [COMPONENT [DTYPE]]" in complaint(
        capsys, "run", "--allow", str(file)
    )


def test_an_allow_file_that_is_no_text(capsys, tmp_path):
    file = tmp_path / "known.txt"
    file.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read: it is no text in UTF-8" in complaint(capsys, "run", "--allow", str(file))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "not json",
        '{"schema": "assay-report/2", "adapter": "x", "results": []}',
        '{"schema": "assay-report/1"}',
        '{"schema": "assay-report/1", "adapter": "x", "results": [1]}',
        "[" * 100000,
        '{"schema": "assay-report/1", "adapter": "x", "results": [{"failure": null, "clause": "SM-1"}]}',
    ],
)
def test_a_file_that_is_no_report(capsys, tmp_path, text):
    file = tmp_path / "report.json"
    file.write_text(text, encoding="utf-8")
    assert re.search(r"report.json (is no report|cannot be read as a report)", complaint(capsys, "compare", str(file)))


def test_an_existing_report_survives_a_mistake(capsys, tmp_path):
    """The file is tried before the work, and not emptied; one that was not there is not made."""
    old, new, precious = tmp_path / "old.json", tmp_path / "new.json", '{"schema": "assay-report/1", "precious": 1}'
    old.write_text(precious, encoding="utf-8")
    complaint(capsys, "run", "torhc", "--json", str(old), "--junit", str(new))
    assert old.read_text(encoding="utf-8") == precious
    assert not new.exists()


MISBEHAVING = {
    "none": ("return None", "ALL-4", "something that cannot be judged: it is a NoneType"),
    "inf": ("return np.full_like(x, np.inf)", "ALL-1", "the value is wrong: result[0, 0] is inf, but should be"),
    "raises": ("raise ValueError('a [bold] mistake')", "ALL-1", "it raised ValueError: a [bold] mistake"),
    "crash": ("import os; os._exit(3)", "SM-1", "the process ended: the worker exited with status 3"),
    "hang": ("import time; time.sleep(99)", "SM-1", "the worker gave no answer within 1 s"),
}
BLAMED_FOR_A_CRASH = {1: True, 20: False}
"""By the number of the call that crashes."""


@pytest.fixture(scope="module")
def misbehaved(shared_terminal):
    """Judge all that misbehave in one run: the finished command, and the report of each by its name."""
    texts = {name: f"import numpy as np\ndef softmax(x):\n    {body}\n" for name, (body, *_) in MISBEHAVING.items()}
    for calls in BLAMED_FOR_A_CRASH:
        count = f"globals()['n'] = globals().get('n', 0) + 1\n    import os\n    os._exit(3) if n == {calls} else None"
        texts[f"crash_{calls}"] = RIGHT.replace("softmax(x):", f"softmax(x):\n    {count}")
    files = [shared_terminal.write(f"{name}.py", text) for name, text in texts.items()]
    done = shared_terminal.assay("run", *files, *QUICKLY, "--timeout", "1", "--json", "report.json")
    assert (done.returncode, shared_terminal.complaints(done.stderr)) == (1, "")
    lines = (shared_terminal.cwd / "report.json").read_text(encoding="utf-8").splitlines()
    reports = [json.loads(line) for line in lines]
    return done, {report["adapter"]: report for report in reports}


@pytest.mark.parametrize("name", MISBEHAVING)
def test_what_the_implementation_does_wrong_fails_a_clause_and_the_run_goes_on(misbehaved, name):
    done, reports = misbehaved
    _, clause, message = MISBEHAVING[name]
    results = {result["clause"]: result for result in reports[name]["results"]}

    assert reports[name]["verdict"] == "violates"
    assert set(results) == {"SM-1", "ALL-1", "ALL-4"}
    assert all(result["status"] in ("pass", "fail") for result in results.values())
    assert message in results[clause]["failure"]["message"]
    # The screen has what was found and what more there is to it in two lines.
    assert all(part in done.stdout for part in results[clause]["failure"]["message"].split("; "))
    assert "incomplete" not in reports[name]


@pytest.mark.parametrize(("calls", "blamed"), BLAMED_FOR_A_CRASH.items())
def test_a_crash_that_a_case_does_not_cause_by_itself_is_not_blamed_on_it(misbehaved, calls, blamed):
    """As when an earlier call wrote past an array: it comes later, in a call that is right."""
    results = misbehaved[1][f"crash_{calls}"]["results"]
    (failed,) = {each["failure"]["message"] for each in results if each["failure"]}

    assert failed.startswith("the process ended: the worker exited with status 3")
    assert failed.endswith("an earlier call may have damaged the memory") != blamed


@POSIX
@pytest.mark.parametrize(
    ("number", "workers", "whole_group"),
    [
        (signal.SIGINT, "0", False),
        (getattr(signal, "SIGHUP", None), "0", True),
        (signal.SIGTERM, "1", False),
        (signal.SIGINT, "1", True),
    ],
    ids=["the judge alone", "a terminal that is closed", "a time limit", "Ctrl-C in a terminal"],
)
def test_an_interrupted_run_is_reported_as_incomplete(terminal, number, workers, whole_group):
    """What was judged is written, it is no pass, what was not is an error in JUnit, and nothing is left behind."""
    started = terminal.files / "started"
    nap = f"import time, pathlib; pathlib.Path({str(started)!r}).touch(); time.sleep(0.1)"
    slow = terminal.write("slow.py", RIGHT.replace("softmax(x):", f"softmax(x):\n    {nap}"))
    process = terminal.start(
        *("run", slow, *QUICKLY, "-n", workers, "--json", "report.json", "--junit", "report.xml"),
        start_new_session=True,
        # A test run in the background of a shell, or under nohup, may ignore the signal, and so would its children.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    with process:
        deadline = time.monotonic() + 60
        while not started.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        for _ in range(2):  # as an impatient user does: what is left to do is done all the same
            (os.killpg if whole_group else os.kill)(process.pid, number)
            time.sleep(0.1)
        output, errors = process.communicate(timeout=60)
    report = terminal.report()

    assert (process.returncode, terminal.complaints(errors)) == (3, "")
    assert (report["incomplete"], report["verdict"]) == (True, "no-evidence")
    assert (report["expected"], len(report["results"])) == (3, report["checked"])
    assert report["checked"] < 3
    told("signal", output)
    (suite,) = ElementTree.parse(terminal.cwd / "report.xml").getroot()
    assert (suite.get("tests"), suite.get("errors")) == ("3", str(3 - report["checked"]))
    assert len(list(suite.iter("error"))) == 3 - report["checked"]
    assert terminal.left == ["report.json", "report.xml"]
