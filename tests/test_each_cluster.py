"""`assay run --each --ray`: kernels as tasks of Ray; what needs Ray is skipped where it is not installed."""

import importlib.util
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import RIGHT, WRONG
from platforms import POSIX
from test_bad_input import complaint

from assay.conformance.interface.each import cluster
from assay.conformance.interface.each.cluster import judged

pytestmark = POSIX
RAY = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
WORDS = ["--in-process", "--dtype=float32", "--clause=SM-1"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("a.py", "--ray", "local"), "--ray is for --each, which judges every adapter apart; add --each"),
        (("a.py", "--each", "--out", "out", "--gpus", "1"), "--gpus is for --ray, where each kernel is given so many"),
        (("a.py", "--each", "--gpus", "1.5"), "must be a whole number or a fraction such as 0.25, not '1.5'"),
        (("a.py", "--each", "--gpus", "-1"), "must be a whole number or a fraction such as 0.25, not '-1'"),
    ],
)
def test_a_mistake_in_the_call_is_one_sentence(capsys, arguments, says):
    assert says in complaint(capsys, "run", *arguments)


def test_without_ray_a_sentence_says_how_it_is_had(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    said = complaint(capsys, "run", "a.py", "--each", "--out", str(tmp_path), "--ray", "local")
    assert said == "--ray needs Ray, which is not installed: pip install 'assay[ray]'"


class Gone:
    """A Ray whose cluster has an end."""

    class exceptions:  # noqa: N801 (Ray's own name)
        """As Ray has them."""

        RayError = LookupError

    def init(self, **settings):
        """Join."""

    def shutdown(self):
        """Leave."""

    def remote(self, **options):
        """Make a task of nothing."""
        return lambda function: SimpleNamespace(remote=lambda *given: "task")

    def cancel(self, task, *, force):
        """Fail, as everything does from here on."""
        raise OSError

    def wait(self, tasks, **settings):
        """Fail."""
        raise OSError("Broken\npipe")


def test_a_cluster_that_is_lost_is_one_sentence(capsys, monkeypatch, tmp_path):
    """What was done until then is there, and on the page."""
    monkeypatch.setitem(sys.modules, "ray", Gone())
    said = complaint(capsys, "run", "a.py", "--each", "--out", str(tmp_path), "--ray", "somewhere:1")
    assert said == "the cluster of --ray was lost, and the same command goes on: Broken pipe"
    assert "is not judged yet" in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def node(monkeypatch, tmp_path):
    """Stand on another node, where nothing of the call's folder is; the server ends with the test."""
    servers = []
    monkeypatch.setattr(cluster, "_servers", servers)
    monkeypatch.chdir(tmp_path)
    yield {"number": 7, "words": WORDS, "limit": 60.0, "environment": {}, "folder": str(tmp_path / "nowhere")}
    for each in servers:
        each.close()


def test_a_file_that_a_node_lacks_goes_along(node):
    """Under its own name, where that leads into no other folder; a task after it has the same server."""
    files = {"kernels/mine.py": RIGHT.encode(), "/not/here/list.py": b"1", "../list.txt": b"# nothing\n"}
    found = judged({**node, "spec": "kernels/mine.py", "words": [*WORDS, "--allow=../list.txt"]}, files)
    assert found["status"] == 2
    assert "../list.txt" in found["log"]
    found = judged({**node, "spec": "kernels/mine.py"}, files)
    assert (found["number"], found["status"]) == (7, 0)
    assert b'"kernels/mine.py"' in found["report"]
    found = judged({**node, "spec": "/not/here/mine.py"}, {"/not/here/mine.py": WRONG.encode()})
    assert found["status"] == 1
    assert len(cluster._servers) == 1


def test_a_file_that_is_there_stays_where_it_is(node, tmp_path):
    """What lies beside it can be imported."""
    (tmp_path / "beside.py").write_text(RIGHT, encoding="utf-8")
    text = "from beside import softmax\n"
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    found = judged({**node, "spec": "mine.py", "folder": str(tmp_path)}, {"mine.py": text.encode()})
    assert found["status"] == 0, found["log"]


@pytest.fixture
def near(terminal):
    """Give a terminal a temporary folder of a short name: the sockets of Ray lie in it."""
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        terminal.environment["TMPDIR"] = folder
        yield terminal


@RAY
def test_a_cluster_of_this_machine_judges_as_this_machine_does(near):
    terminal = near
    specs = [terminal.write(name, text) for name, text in {"right.py": RIGHT, "wrong.py": WRONG, "bad.py": "?"}.items()]
    done = terminal.assay("run", *specs, "--each", "--out", "out", *WORDS, "--ray", "local", "-n", "2")
    with sqlite3.connect(terminal.cwd / "out" / "results.sqlite") as database:
        found = database.execute("SELECT adapter, verdict FROM kernels ORDER BY place").fetchall()
    assert found == list(zip(specs, ["conforms", "violates", "not-judged"], strict=True)), done.stderr
    assert done.returncode == 1
    deadline = time.monotonic() + 20
    while (left := [*Path(terminal.environment["TMPDIR"]).glob("assay*")]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


@RAY
def test_a_node_that_dies_costs_the_time_of_its_kernels(near):
    """A cluster of two nodes, of which one is killed while both judge."""
    terminal = near
    nap = RIGHT.replace("softmax(x):", "softmax(x):\n    import time; time.sleep(0.1)")
    specs = [terminal.write(f"slow{number}.py", nap) for number in range(6)]
    program = f"""
import subprocess, sys, time, ray
from pathlib import Path
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={{"num_cpus": 1}})
other = cluster.add_node(num_cpus=1)
words = ["run", *{specs!r}, "--each", "--out", "out", *{WORDS!r}, "--ray", cluster.address]
judging = subprocess.Popen([sys.executable, "-P", "-m", "assay.conformance.interface.command_line", *words])
import sqlite3
def done():
    try:
        return sqlite3.connect("out/results.sqlite").execute("SELECT count(*) FROM kernels").fetchone()[0]
    except sqlite3.Error:
        return 0
end = time.monotonic() + 60
while done() < 2 and time.monotonic() < end:
    time.sleep(0.1)
cluster.remove_node(other, allow_graceful=False)
print("killed with", done(), "done")
code = judging.wait()
cluster.shutdown()
sys.exit(code)
"""
    file = terminal.write("program.py", program)
    done = subprocess.run(
        [sys.executable, file], cwd=terminal.cwd, env=terminal.environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(terminal.cwd / "out" / "results.sqlite") as database:
        assert database.execute("SELECT verdict, count(*) FROM kernels GROUP BY verdict").fetchall() == [
            ("conforms", 6)
        ]
