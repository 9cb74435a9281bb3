"""Known failures: what a line of an allow file may say, and what a run makes of each entry."""

import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from conftest import WRONG
from test_bad_input import complaint

from assay.conformance.interface.allowed import Allowed, AllowError, allowed_from

QUICKLY = ("--component", "softmax", "--clause", "SM-1,ALL-4")
TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(1)


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("SM-1", Allowed("SM-1")),
        ("SM-1 * float32 # a comment", Allowed("SM-1", "*", "float32")),
        ("SM-1 softmax#comment until=x", Allowed("SM-1", "softmax")),
        ("* * float32 cause=softmax-value", Allowed("*", "*", "float32", "softmax-value")),
        ("cause=softmax-value", Allowed("*", cause="softmax-value")),
        ("SM-1 link=https://a/b#c # until=x", Allowed("SM-1", link="https://a/b#c")),
        ("SM-1 until=2027-01-31 reason= see #3 = 4 ", Allowed("SM-1", until=datetime(2027, 1, 31, tzinfo=UTC).date())),
        ("  # reason=none", None),
    ],
)
def test_a_line_is_read_and_written_again(line, entry):
    found = list(allowed_from(line))
    assert [str(each) for each in found] == ([] if entry is None else [str(entry)])
    for each in found:
        assert (each.until, each.link) == (entry.until, entry.link)
        assert each.reason == ("see #3 = 4" if "#3" in line else "")
        assert list(allowed_from(each.line)) == [each]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("SM-1 until=2027-1-31", "has no date of the form 2027-01-31, but '2027-1-31'"),
        ("SM-1 until=2027-02-30", "has no date of the form"),
        ("SM-1 until=tomorrow", "has no date of the form"),
        ("SM-1 until= ", "should be CLAUSE"),
        ("SM-1 until=2027-01-31 until=2027-01-31", "should be CLAUSE"),
        ("SM-1 until=2027-01-31 softmax", "should be CLAUSE"),
        ("SM-1 because=so", "should be CLAUSE"),
        ("* softmax", "should be CLAUSE"),
        ("SM-1 cause=A/B", "names no cause: a report has their ids, as in softmax-value, not 'A/B'"),
        ("reason=so", "should be CLAUSE"),
    ],
)
def test_a_line_with_a_mistake(line, says):
    with pytest.raises(AllowError, match=says.replace("[", r"\[")):
        list(allowed_from(line))


@pytest.fixture(scope="module")
def allowed(shared_terminal):
    """Judge a wrong softmax with a list of every kind of entry."""
    terminal = shared_terminal
    lines = [
        f"SM-1 softmax float32 until={TODAY} link=https://a/b#c reason=the kernel's \x1b[2J",
        f"ALL-4 until={YESTERDAY}",
        "ALL-4 softmax",
        "SDPA-1",
    ]
    known = terminal.write("known.txt", "\n".join(lines))
    done = terminal.assay(
        *("run", terminal.write("wrong.py", WRONG), *QUICKLY, "--allow", known, "--write-allow", "now.txt"),
        *("--json", "r.json", "--junit", "r.xml"),
    )
    assert (done.returncode, done.stderr) == (0, "")
    return terminal, done


def test_an_allowed_failure_is_shown_as_one_everywhere(allowed):
    terminal, done = allowed
    why = rf"the kernel's \x1b[2J (https://a/b#c, until {TODAY})"
    report = terminal.report("r.json")
    (skipped,) = ElementTree.parse(terminal.cwd / "r.xml").getroot().iter("skipped")

    assert f"SM-1 softmax float32 is allowed to fail: {why}" in done.stdout
    assert report["counts"]["allowed"] == 1
    assert [each["reason"] for each in report["results"] if each["status"] == "allowed"] == [why]
    assert skipped.get("message").startswith(f"allowed: {why}; the probabilities of a row do not sum to one")


def test_what_became_of_each_entry_is_told(allowed):
    """Nothing is said of one that speaks of what this run does not judge."""
    terminal, done = allowed
    entries = terminal.report("r.json")["allowed"]

    assert [(each["entry"], each["state"], each["failures"]) for each in entries] == [
        ("SM-1 softmax float32", "used", 1),
        ("ALL-4 * *", "expired", 0),
        ("ALL-4 softmax *", "unused", 0),
        ("SDPA-1 * *", "not judged", 0),
    ]
    assert f"the allowed failure ALL-4 * * has expired: it was allowed until {YESTERDAY}" in done.stdout
    assert "the allowed failure ALL-4 softmax * did not fail; take it off the list" in done.stdout
    assert "SDPA-1" not in done.stdout


def test_what_fails_now_is_written_with_the_reasons_that_were_given(allowed):
    terminal, _ = allowed
    heading, cause, line = (terminal.cwd / "now.txt").read_text(encoding="utf-8").splitlines()
    assert heading.startswith("# What fails of wrong, ")
    assert cause == "# softmax-value: on a larger input, every element is 1.001 times what it should be"
    why = f"until={TODAY} link=https://a/b#c reason=the kernel's \\x1b[2J"
    assert line == f"SM-1 softmax float32 cause=softmax-value {why}"


def test_a_list_is_not_written_over_one_that_somebody_has_edited(allowed, capsys):
    terminal, _ = allowed
    file = terminal.cwd / "now.txt"
    said = complaint(capsys, "run", "--write-allow", str(file))
    assert said.startswith(f"--write-allow {file} would overwrite what is no report: it exists")


def test_an_expired_entry_allows_nothing(terminal, wrong):
    known = terminal.write("known.txt", f"SM-1 until={YESTERDAY}")
    done = terminal.assay("run", wrong, *QUICKLY, "--allow", known, "--write-allow", "now.txt")
    assert done.returncode == 1
    assert (
        (terminal.cwd / "now.txt")
        .read_text(encoding="utf-8")
        .endswith("\nSM-1 softmax float32 cause=softmax-value reason=\n")
    )


def test_strict_fails_a_run_for_entries_that_nothing_needs(terminal, right, wrong):
    """What one of several adapters needs is needed."""
    known = terminal.write("known.txt", "SM-1\nSDPA-1\n")
    alone = terminal.assay("run", right, *QUICKLY, "--allow", known, "--strict")
    assert (alone.returncode, terminal.complaints(alone.stderr)) == (
        1,
        "assay: --strict: 1 of the known failures are unused or have expired\n",
    )
    assert terminal.assay("run", right, wrong, *QUICKLY, "--allow", known, "--strict").returncode == 0


def test_a_part_of_a_run_says_nothing_of_an_entry_that_speaks_of_more(terminal):
    """In another dtype it may still fail."""
    file = terminal.write(
        "both.py", "dtypes = ('float32', 'float64')\ndef softmax(x):\n    raise NotImplementedError\n"
    )
    known = terminal.write("known.txt", "SM-1 softmax\nSM-1 softmax float32\n")
    terminal.assay("run", file, *QUICKLY, "--dtype", "float32", "--allow", known, "--json", "r.json")
    assert [each["state"] for each in terminal.report("r.json")["allowed"]] == ["not judged", "unused"]
    assert json.dumps(terminal.report("r.json")["counts"]) == '{"unsupported": 2}'


def test_a_cause_is_allowed_and_no_other_failure_of_its_clause(terminal):
    """Wherever it shows; a clause that fails for two reasons needs both."""
    scaled = terminal.write("k.py", WRONG)
    both = terminal.write("k/k.py", WRONG.replace("    e =", "    if not x.size: raise ValueError('none')\n    e ="))
    chosen = ("--component", "softmax", "--clause", "SM-1,ALL-1,ALL-4")
    terminal.assay("run", scaled, *chosen, "--write-allow", "now.txt")
    known = str(terminal.cwd / "now.txt")
    assert terminal.assay("run", scaled, *chosen, "--allow", known, "--strict").returncode == 0

    done = terminal.assay("run", both, *chosen, "--allow", known, "--json", "r.json")
    report = terminal.report("r.json")
    status = {each["clause"]: each["status"] for each in report["results"]}
    assert done.returncode == 1
    assert status["SM-1"] == "allowed"
    assert "fail" in status.values()
    names = [cause["id"] for cause in report["causes"]]
    every = terminal.write("every.txt", "".join(f"cause={name}\n" for name in names))
    # Of three clauses none passes.
    assert terminal.assay("run", both, *chosen, "--allow", every, "--json", "r.json").returncode == 3
    assert [each["state"] for each in terminal.report("r.json")["allowed"]] == ["used"] * len(names)
