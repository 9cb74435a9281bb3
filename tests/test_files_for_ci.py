"""What systems of continuous integration read: Markdown, SARIF, JUnit, a badge, and what GitHub shows by itself."""

import json
import re
from html import unescape
from xml.etree import ElementTree

import pytest
from conftest import WRONG
from pydantic import ValidationError
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif
from test_bad_input import complaint

from assay.conformance.interface.command_line import main
from assay.conformance.interface.locating import line_of, place_of

QUICKLY = ("--component", "softmax", "--clause", "SM-1,ALL-4,ALL-11")
FILES = ("--json", "r.json", "--junit", "r.xml", "--markdown", "r.md", "--sarif", "r.sarif", "--badge", "r.svg")
HOSTILE = "\x1b[2J\n::error::mine\n</code>|<b>@all `x` [a](b) \u202e%0A"


@pytest.fixture(scope="module")
def ci(shared_terminal):
    """Judge an adapter that fails in two ways and names itself badly, as GitHub would run it."""
    terminal = shared_terminal
    text = f"dtypes = ('float32', 'float64')\nnotes = [{HOSTILE!r}]\npackage = {HOSTILE!r}\n{WRONG}"
    text += f"    if x.ndim > 9:\n        raise ValueError({HOSTILE!r})\n"
    file = terminal.cwd / "kernel.py"
    file.write_text(
        text.replace("    e = np", f"    if not x.size: raise ValueError({HOSTILE!r})\n    e = np"), "utf-8"
    )
    known = terminal.write("known.txt", f"SM-1 softmax float64 reason={HOSTILE.splitlines()[0]}|<b>\n")
    terminal.environment |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "summary.md"}
    (terminal.cwd / "summary.md").write_text("before\n", encoding="utf-8")
    done = terminal.assay("run", "kernel.py", "no.py", *QUICKLY, *FILES, "--allow", known)
    assert done.returncode == 2
    return terminal, done


def read(terminal, name):
    return (terminal.cwd / name).read_text(encoding="utf-8")


def test_markdown_shows_everything_and_obeys_nothing(ci):
    terminal, _ = ci
    text = read(terminal, "r.md")

    assert read(terminal, "summary.md") == f"before\n{text}"
    assert "| softmax | **1 of 2 fail**, 1 allowed to fail | **2 of 2 fail** |" in text
    assert "<b>softmax in float32, float64 violates ALL-4 (2 violations)</b> (<code>kernel.py&#58;7</code>)" in text
    assert "| <code>SM-1 softmax float64</code> | used | 1 |" in text
    assert "could not be loaded" in text
    codes = re.findall(r"<code>(.*?)</code>", text)
    said = r"ValueError: \x1b[2J ::error::mine </code>|<b>@all `x` [a](b) \u202e%0A"
    assert any(said in unescape(each) for each in codes)
    assert all(re.fullmatch(r"(?:[\w ,.'/?%-]|&#\d+;)*", each) for each in codes)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)


def test_sarif_is_what_the_schema_of_the_standard_says(ci):
    terminal, _ = ci
    found = json.loads(read(terminal, "r.sarif"))
    run, refused = found["runs"]
    results = {(each["ruleId"], "suppressions" in each): each for each in run["results"]}

    assert Sarif.model_validate(found)
    with pytest.raises(ValidationError):
        Sarif.model_validate(found | {"runs": [{**run, "results": [{"ruleId": "SM-1"}]}]})
    assert [each["id"] for each in run["tool"]["driver"]["rules"]] == list(dict.fromkeys(key for key, _ in results))
    assert set(results) == {("ALL-4", False), ("ALL-11", False), ("SM-1", False), ("SM-1", True)}
    assert [each["dtype"] for each in results["ALL-4", False]["properties"]["violations"]] == ["float32", "float64"]
    physical = results["SM-1", False]["locations"][0]["physicalLocation"]
    assert physical == {"artifactLocation": {"uri": "kernel.py"}, "region": {"startLine": 7}}
    assert results["SM-1", True]["suppressions"][0]["justification"] == r"\x1b[2J|<b>"
    assert refused["invocations"][0]["executionSuccessful"] is False


def test_junit_has_what_is_offered_and_where_it_stands(ci):
    terminal, _ = ci
    suite, _ = ElementTree.parse(terminal.cwd / "r.xml").getroot()
    cases = {each.get("name"): each for each in suite.iter("testcase")}
    assert suite.get("tests") == str(len(cases)) == "6"
    assert {(each.get("file"), each.get("line")) for each in cases.values()} == {("kernel.py", "7")}
    terminal.assay("run", "kernel.py", "--clause", "SM-1,SDPA-1", "--dtype", "float32", "--junit", "few.xml")
    assert [each.get("tests") for each in ElementTree.parse(terminal.cwd / "few.xml").getroot()] == ["1"]


def test_github_is_told_at_the_function(ci):
    """What an implementation says begins no line, and so is no command."""
    _, done = ci
    lines = [line for line in done.stderr.splitlines() if not line.startswith("assay: ")]
    commands = [line for line in lines if line.lstrip().startswith("::")]

    assert all(line.startswith("::error ") for line in commands)
    assert commands[0].startswith("::error file=kernel.py,line=7,title=kernel%3A softmax in float32 violates SM-1::")
    where = "softmax in float32%2C float64 violates ALL-4 (2 violations)"
    assert commands[1].startswith(f"::error file=kernel.py,line=7,title=kernel%3A {where}::")
    assert r"\x1b[2J ::error::mine </code>|<b>@all `x` [a](b) \u202e%250A" in commands[1]
    assert commands[-1] == "::error title=no.py::there is no file no.py"
    assert not [line for line in done.stdout.splitlines() if line.lstrip().startswith("::")]


def test_a_summary_that_cannot_be_written_fails_nothing(monkeypatch, capsys, terminal, right):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(terminal.cwd))
    with pytest.raises(SystemExit) as left:
        main(["run", right, *QUICKLY])
    assert left.value.code == 0
    assert f"the summary of the job cannot be written to {terminal.cwd}: Is a directory" in capsys.readouterr().err


def test_a_badge_says_verdict_class_version_and_largest_size(ci, terminal, right):
    """And no percentages."""
    picture = ElementTree.fromstring(read(ci[0], "r.svg"))
    assert picture.get("aria-label").startswith("assay 20")
    assert picture.get("aria-label").endswith(": violates")
    done = terminal.assay("run", right, "--component", "softmax", "--clause", "ALL-1,ALL-12", "--badge", "b.json")
    badge = terminal.report("b.json")
    assert done.returncode == 0
    assert re.fullmatch(r"conforms, class 1, \w+ to [\d,]+", badge["message"])
    assert (badge["schemaVersion"], badge["label"]) == (1, picture.get("aria-label").partition(":")[0])


def test_each_file_is_written_over_its_own_kind_and_over_nothing_else(ci, terminal, right, capsys, tmp_path):
    for name in ("r.json", "r.xml", "r.md", "r.sarif", "r.svg"):
        (terminal.cwd / name).write_text(read(ci[0], name), encoding="utf-8")
    assert terminal.assay("run", right, *QUICKLY, *FILES).returncode == 0
    for option, text in (("--markdown", "# Notes"), ("--sarif", '{"version": "2.1.0"}'), ("--badge", "<svg/>")):
        file = tmp_path / "other"
        file.write_text(text, encoding="utf-8")
        assert f"{option} {file} would overwrite what is no report" in complaint(capsys, "run", option, str(file))


def test_a_function_is_found_by_whatever_statement_defines_it(tmp_path, monkeypatch):
    file = tmp_path / "k.py"
    file.write_text(
        "import numpy as np\nfrom m import f as softmax, g\n\nclass K:\n    def gelu(x): ...\n\nrms_norm = g\n"
    )
    assert [line_of(file, name) for name in ("softmax", "g", "gelu", "rms_norm", "attention")] == [2, 2, 5, 7, 1]
    broken = tmp_path / "broken.py"
    broken.write_bytes(b"\xff(")
    assert line_of(broken, "softmax") == 1
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path.parent))
    assert place_of("k.py:K", "gelu") == (f"{tmp_path.name}/k.py", 5)
    assert place_of("torch", "gelu") is None
