"""`assay run --each`: many adapters in one command, each before a judge of its own; nothing is lost, nothing twice."""

import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from conftest import RIGHT, WRONG
from platforms import POSIX

pytestmark = POSIX

# In the judge's own process: what ends the one ends the other, and no time goes into starting a worker.
ASKED = ("--each", "--out", "out", "--in-process", "--component", "softmax", "--dtype", "float32", "--clause", "SM-1")
HOSTILE = "\x1b[31m<script>alert(1)</script>\nassay: all is well"


def loaded(files, text):
    """Give an adapter that leaves its process in a file when it is loaded."""
    said = f"pathlib.Path({str(files / 'loaded')!r}).open('a').write(f'{{__file__}} {{os.getpid()}}\\n')"
    return f"import os, pathlib\n{said}\n{text}"


def loads(terminal):
    """Say how often each adapter was loaded, and in which processes."""
    lines = (terminal.files / "loaded").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        path, process = line.rsplit(" ", 1)
        found.setdefault(Path(path).name, []).append(int(process))
    return found


def rows(terminal):
    """Read the table of kernels, by the adapters' names."""
    with sqlite3.connect(terminal.cwd / "out" / "results.sqlite") as database:
        database.row_factory = sqlite3.Row
        return {
            Path(row["adapter"]).name: dict(row) for row in database.execute("SELECT * FROM kernels ORDER BY place")
        }


def files(terminal):
    return sorted(path.name for path in (terminal.cwd / "out").iterdir())


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A process that nobody has waited for yet is over, too.
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(scope="module")
def judged(shared_terminal):
    """Judge a right one, a wrong one of the same name, one that is no Python, one that kills, and a hostile one."""
    terminal = shared_terminal
    terminal.files.joinpath("a").mkdir()
    terminal.files.joinpath("b").mkdir()
    dying = "import signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    hostile = f"def softmax(x):\n    raise ValueError({HOSTILE!r})\n"
    texts = {
        "a/kernel.py": RIGHT,
        "b/kernel.py": WRONG,
        "broken.py": "import nothing_of_the_kind\n",
        "dies.py": dying,
        "<b>&.py": hostile,
    }
    specs = [terminal.write(name, loaded(terminal.files, text)) for name, text in texts.items()]
    done = terminal.assay("run", *specs, *ASKED, "-n", "2")
    return terminal, specs, done


def test_each_has_a_verdict_and_the_worst_decides(judged):
    terminal, specs, done = judged
    assert done.returncode == 1
    with sqlite3.connect(terminal.cwd / "out" / "results.sqlite") as database:
        found = database.execute("SELECT adapter, verdict FROM kernels ORDER BY place").fetchall()
    verdicts = ["conforms", "violates", "not-judged", "not-judged", "violates"]
    assert found == list(zip(specs, verdicts, strict=True))
    assert done.stdout.startswith("5 kernels: 1 conforms, 2 violate, 2 not judged\n")


def test_each_has_files_of_its_own_and_a_log_where_it_was_not_judged(judged):
    """Two files of one name are two; nothing else is left."""
    terminal, _, _ = judged
    kinds = sorted(name.rsplit("-", 1)[0] + Path(name).suffix for name in files(terminal) if "-" in name)
    assert kinds == ["b.html", "b.json", "broken.log", "dies.log", *["kernel.html"] * 2, *["kernel.json"] * 2]
    assert [name for name in files(terminal) if "-" not in name] == [".lock", "index.html", "results.sqlite"]
    assert [name for name in terminal.left if not name.startswith("out")] == []
    names = {row["file"]: row["verdict"] for row in rows(terminal).values() if row["seed"] is not None}
    for file, verdict in names.items():
        assert terminal.report(f"out/{file}.json")["verdict"] == verdict


def test_a_judge_that_dies_is_tried_once_more_and_costs_its_kernel_alone(judged):
    terminal, _, done = judged
    dies = rows(terminal)["dies.py"]
    assert len(loads(terminal)["dies.py"]) == 2
    assert (dies["verdict"], dies["tries"], dies["key"]) == ("not-judged", 2, "")
    assert dies["sentence"] == "its judge was ended by signal 9, 2 times"
    assert len(loads(terminal)["broken.py"]) == 1
    # On the screen, a sentence is cut that the folder's name makes long.
    assert re.search(r"/broken\.py not judged: \S*/broken\.py cannot be", done.stderr)
    said = "cannot be imported: ModuleNotFoundError: No module named 'nothing_of_the_kind'"
    assert said in rows(terminal)["broken.py"]["sentence"]


def test_what_a_kernel_says_is_shown_and_does_nothing(judged):
    """Nowhere is an escape sequence, a tag or a line of its own."""
    terminal, _, done = judged
    page = (terminal.cwd / "out" / "index.html").read_text(encoding="utf-8")
    assert "\x1b" not in page + done.stdout + done.stderr
    assert "<script>alert" not in page
    assert "&lt;b&gt;&amp;.py" in page
    assert "\nassay: all is well" not in done.stderr
    sentence = rows(terminal)["<b>&.py"]["sentence"]
    assert sentence.startswith(r"it raised ValueError: \x1b[31m<script>alert(1)</script>")


def test_the_page_needs_no_network_and_links_to_each(judged):
    terminal, _, _ = judged
    page = (terminal.cwd / "out" / "index.html").read_text(encoding="utf-8")
    assert "http" not in page.replace("http-equiv", "")
    for row in rows(terminal).values():
        assert f'href="{row["file"]}.{"log" if row["seed"] is None else "html"}"' in page
    assert page.count('<tr data-verdict="not-judged"') == 2


def queries():
    """Read the queries of the page that documents the database."""
    text = (Path(__file__).parent.parent / "docs" / "many-kernels.md").read_text(encoding="utf-8")
    return [part.partition("```")[0] for part in text.split("```sql\n")[1:]]


def test_the_documented_queries_answer(judged):
    terminal, specs, _ = judged
    with sqlite3.connect(terminal.cwd / "out" / "results.sqlite") as database:
        wrong, exact, clauses = (database.execute(query).fetchall() for query in queries())
    assert len(wrong) == 2
    assert [adapter for adapter, _ in exact] == [specs[0]]
    assert clauses == [("softmax", "float32", "SM-1", 2)]


def test_again_nothing_is_judged_that_was(judged):
    """What was not is tried again, what has changed, and what other options ask of; the list may have changed, too."""
    terminal, specs, _ = judged
    before = {name: len(found) for name, found in loads(terminal).items()}
    Path(specs[1]).write_text(loaded(terminal.files, RIGHT), encoding="utf-8")
    done = terminal.assay("run", *specs[:3], *ASKED)
    assert done.returncode == 3
    assert "1 of 3 adapters are judged already\n1 have changed since, or were judged with other options" in done.stderr
    after = {name: len(found) for name, found in loads(terminal).items()}
    assert {name: after[name] - before[name] for name in after} == {
        "kernel.py": 1,
        "broken.py": 1,
        "dies.py": 0,
        "<b>&.py": 0,
    }
    assert [row["verdict"] for row in rows(terminal).values()] == ["conforms", "not-judged"]

    again = terminal.assay("run", *specs[:2], *ASKED)
    assert (again.returncode, loads(terminal)["kernel.py"]) == (0, loads(terminal)["kernel.py"])
    assert again.stderr == "2 of 2 adapters are judged already\n"
    other = terminal.assay("run", specs[0], *ASKED, "--seed", "random")
    assert other.stderr.startswith("1 have changed since")
    seed = rows(terminal)["kernel.py"]["seed"]
    assert terminal.report(f"out/{rows(terminal)['kernel.py']['file']}.json")["seed"] == int(seed) > 0


@pytest.fixture
def slow(terminal):
    """Six kernels, of which each takes a second or so."""
    nap = RIGHT.replace("softmax(x):", "softmax(x):\n    import time; time.sleep(0.05)")
    return [terminal.write(f"slow{number}.py", loaded(terminal.files, nap)) for number in range(6)]


def started(terminal, specs):
    """Start a call, and wait until a kernel or two are judged."""
    process = terminal.start("run", *specs, *ASKED, "-n", "2")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if (terminal.cwd / "out" / "results.sqlite").exists():
            try:
                if rows(terminal):
                    return process
            except sqlite3.Error:  # it is being made
                pass
        time.sleep(0.02)
    raise AssertionError(process.communicate())


def test_a_call_that_is_killed_loses_what_was_in_work_and_leaves_no_process(terminal, slow):
    process = started(terminal, slow)
    process.kill()
    process.communicate()
    before = rows(terminal)
    deadline = time.monotonic() + 20
    while any(is_alive(each) for found in loads(terminal).values() for each in found) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_alive(each) for found in loads(terminal).values() for each in found)
    assert 0 < len(before) < 6

    done = terminal.assay("run", *slow, *ASKED, "-n", "2")
    assert done.returncode == 0
    assert f"{len(before)} of 6 adapters are judged already" in done.stderr
    counts = {name: len(found) for name, found in loads(terminal).items()}
    assert all(counts[name] == 1 for name in before)
    assert sorted(counts) == [f"slow{number}.py" for number in range(6)]
    assert sum(counts.values()) <= 6 + 2
    assert {row["verdict"] for row in rows(terminal).values()} == {"conforms"}
    assert [name for name in terminal.left if "assay-each" in name] == []


def test_a_call_that_is_interrupted_says_so_and_keeps_what_was_done(terminal, slow):
    process = started(terminal, slow)
    process.send_signal(signal.SIGTERM)
    said, complained = process.communicate(timeout=60)
    done = len(rows(terminal))
    assert process.returncode == 3
    assert f"assay: interrupted: {done} of 6 are judged; the same command judges the rest\n" in complained
    assert said.startswith(f"{done} kernel")
    assert "The same command goes on." in (terminal.cwd / "out" / "index.html").read_text(encoding="utf-8")
    assert not any(is_alive(each) for found in loads(terminal).values() for each in found)
    assert [name for name in terminal.left if "assay-each" in name] == []


def test_a_kernel_that_hangs_is_ended_and_its_row_says_so(terminal):
    """With as much time as before, it is not tried again; with more, it is."""
    text = "def softmax(x):\n    import time; time.sleep(1000)\n"
    spec = terminal.write("hangs.py", loaded(terminal.files, text))
    done = terminal.assay("run", spec, *ASKED, "--kill-after", "1.5")
    row = rows(terminal)["hangs.py"]
    assert done.returncode == 3
    assert (row["verdict"], row["stopped_after"], row["tries"]) == ("not-judged", 1.5, 1)
    assert row["sentence"] == "its judge was ended after 1.5 s (--kill-after)"
    terminal.assay("run", spec, *ASKED, "--kill-after", "1.25")
    assert len(loads(terminal)["hangs.py"]) == 1
    terminal.assay("run", spec, *ASKED, "--kill-after", "1.75")
    assert len(loads(terminal)["hangs.py"]) == 2


def test_a_list_comes_from_standard_input(terminal):
    """With blank lines; each report has the words that judge that one alone, as these options do."""
    specs = [terminal.write(name, RIGHT) for name in ("one.py", "two.py")]
    with terminal.start("run", "-", *ASKED, stdin=subprocess.PIPE) as process:
        process.communicate("\n".join(["", specs[0], f"  {specs[1]}", ""]))
    assert process.returncode == 0
    words = terminal.report(f"out/{rows(terminal)['two.py']['file']}.json")["made"]["repeat"]
    assert words[-2:] == ["--", specs[1]]
    assert "--clause=SM-1" in words
