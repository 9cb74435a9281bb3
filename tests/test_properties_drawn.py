"""`assay properties`: what a wrong kernel shows, hostile text, plots and pages, and mistakes."""

import contextlib
import re
import subprocess
import sys

import pytest
from test_bad_input import complaint
from test_html_page import Reader

from assay.adapters import open_adapter
from assay.conformance.interface.command_line import main
from assay.conformance.properties.drawing import COLOURS, svg
from assay.conformance.properties.kinds import Plot, Series
from assay.conformance.properties.own import SWEEPS, measure

KERNEL = """
import time
import numpy as np

name = "mine"
dtypes = ("float32",)

def attention(query, key, value, *, mask=None, causal=False, scale=None):
    if key.shape[2] == 256: raise ValueError("\\x1b[2J<script>alert(1)</script> $x$ \\u202e")
    s = query @ key.swapaxes(-1, -2) / np.float32(query.shape[-1]) ** np.float32(0.5)
    e = np.exp(s - s.max(-1, keepdims=True))
    e[..., -1] *= key.shape[2] < 1024  # beyond, the last key is lost
    return e / e.sum(-1, keepdims=True) @ value

def softmax(x):
    if x.shape[-1] > 64: time.sleep(60)
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
"""


@pytest.fixture(scope="module")
def made(shared_terminal):
    """Measure it once: what the terminal shows, and the page."""
    file = shared_terminal.write("mine.py", KERNEL)
    done = shared_terminal.assay("properties", file, "--component", "attention", "--out", "page")
    assert done.returncode == 0, done.stderr
    return done.stdout, shared_terminal.cwd / "page"


def test_a_wrong_kernel_is_above_the_bound_where_it_is_wrong_and_a_gap_where_it_raises(made):
    said, _ = made
    table = said.partition("\nagainst keys")[2].partition("\nagainst")[0]
    rows = {line.split()[0]: line.split() for line in table.splitlines() if line.strip()}

    assert "the largest error is" in said
    assert "it is outside S at 1024, 4096" in " ".join(said.split())
    for length in ("16", "64"):
        assert float(rows[length][4]) < 1
        assert rows[length][6] == "within"
    for length in ("1024", "4096"):
        assert float(rows[length][1]) > float(rows[length][2])
        assert float(rows[length][4]) > 1
        assert rows[length][6] == "outside"
    assert rows["256"][1:6] == ["-"] * 5
    assert "torch's is 0." in said


def test_hostile_text_is_harmless_on_the_screen_and_on_the_page(made):
    said, folder = made
    text = (folder / "index.html").read_text(encoding="utf-8")

    assert "keys = 256: it raised ValueError: \\x1b[2J<script>alert(1)</script> $x$ \\u202e" in " ".join(said.split())
    assert "\x1b" not in said + text
    assert "\u202e" not in said + text
    assert "<script>alert(1)" not in text
    assert "<script>alert(1)</script>" in Reader(text).text


def test_the_page_needs_nothing_else_and_holds_every_plot(made):
    _, folder = made
    text = (folder / "index.html").read_text(encoding="utf-8")
    read = Reader(text)
    pictures = [value for name, value in read.attributes if name == "src"]

    assert not read.open
    assert len(pictures) == 3
    assert sorted(path.name for path in folder.iterdir()) == [
        "attention-float32-head-size.svg",
        "attention-float32-length.svg",
        "attention-float32-logits.svg",
        "index.html",
    ]
    assert all(each.startswith("data:image/svg+xml;base64,") for each in pictures)
    assert "://" not in text
    assert all(value for name, value in read.attributes if name == "alt")


def test_a_kernel_that_hangs_is_asked_no_more(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(KERNEL, encoding="utf-8")
    with contextlib.closing(open_adapter(str(file), timeout=1.0)) as adapter:
        shown = measure(adapter, "softmax", "float32", 0, None)
    length, logits = shown.tables

    assert [row[-1] for row in length.rows] == ["within", "within", "no result", "no result", "no result"]
    assert [row[-1] for row in logits.rows] == ["no result"] * 5
    assert "n = 256: the worker gave no answer within 1 s." in shown.sentences
    assert "n, beyond that: not asked." in shown.sentences
    assert any("nothing could be measured" in sentence for sentence in shown.sentences)


def test_what_is_no_number_is_told_as_that(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def softmax(x):\n    return x * float('nan')\n", encoding="utf-8")
    with contextlib.closing(open_adapter(str(file), in_process=True)) as adapter:
        shown = measure(adapter, "softmax", "float32", 0, None)

    assert all(row[-1] == "no number" for row in shown.tables[0].rows)
    assert "16 to 4096: not all of the result are numbers at 16, 64, 256, 1024, 4096." in shown.sentences[0]


def test_every_component_that_can_be_drawn_is_drawn_for_torch():
    with contextlib.closing(open_adapter("torch", in_process=True)) as adapter:
        for component, sweeps in SWEEPS.items():
            shown = measure(adapter, component, "float32", 0, None)
            assert len(shown.plots) == len(sweeps) == len(shown.tables)
            assert all(row[-1] == "within" for table in shown.tables for row in table.rows), component


# Drawing and the command


PLOT = Plot(
    "a", "costs $1 & more", "says <so>", "x", "$y$", [Series("$z$", [1, 2], [1, float("nan")], "blue")], y_log=True
)


def test_a_plot_is_the_same_at_every_call_and_has_no_date_and_dark_colours():
    drawn = svg(PLOT)

    assert drawn == svg(PLOT)
    assert drawn.startswith('<svg role="img" aria-label="assay properties: says &lt;so&gt;"')
    assert "dc:date" not in drawn
    assert "costs $1 &amp; more" in drawn
    assert "$y$" in drawn
    for light, dark in COLOURS.values():
        assert f'[style*="fill: {light}"]{{fill:{dark}!important}}' in drawn
    used = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]+)", drawn.partition("</style>")[2]))
    assert used - {light for light, _ in COLOURS.values()} == set()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("roundign",),
            "there is no topic 'roundign'; did you mean 'rounding'?; and as an adapter: there is no adapter",
        ),
        (("nothing-of-it",), "there is no topic 'nothing-of-it'; the topics are softmax, positions, rounding"),
        (("no/such.py",), "there is no file no/such.py"),
        (("rounding", "--dtype", "float32"), "--component and --dtype are for an adapter"),
        (("torch", "--component", "attentoin"), "did you mean 'attention'?"),
        (("torch", "--component", "adam"), "there is no component whose errors are drawn 'adam'"),
        (("rounding", "--seed", "-1"), "must be a whole number, 0 or more, or random"),
    ],
)
def test_a_mistake_is_one_sentence(capsys, arguments, says):
    assert says in complaint(capsys, "properties", *arguments)


def test_without_matplotlib_the_numbers_are_there_and_the_page_is_one_sentence(tmp_path):
    code = """
import sys
sys.modules["matplotlib"] = None
from assay.conformance.interface.command_line import main
main(sys.argv[1:])
"""
    run = [sys.executable, "-c", code, "properties", "learning-rate"]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=tmp_path)
    refused = subprocess.run([*run, "--out", "page"], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert "0.000699" in done.stdout
    assert (refused.returncode, refused.stdout) == (2, "")
    assert (
        refused.stderr == "assay: plots are drawn by matplotlib, which is not installed: pip install 'assay[plots]'\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_adapter_without_anything_to_draw_is_one_sentence(capsys):
    variant = "assay.conformance.variants:adam_plain"

    assert "offers nothing whose errors are drawn" in complaint(capsys, "properties", variant, "--in-process")
    asked = ("properties", variant, "--in-process", "--component", "softmax")
    assert "does not offer softmax" in complaint(capsys, *asked)


def test_what_is_no_page_of_ours_is_not_overwritten(capsys, tmp_path):
    mine = tmp_path / "index.html"
    mine.write_text("my own", encoding="utf-8")

    assert "would overwrite what is no report" in complaint(
        capsys, "properties", "learning-rate", "--out", str(tmp_path)
    )
    assert mine.read_text(encoding="utf-8") == "my own"
    assert "cannot be made" in complaint(capsys, "properties", "learning-rate", "--out", str(mine))


def test_a_page_can_be_written_again(capsys, tmp_path):
    texts = []
    for _ in range(2):
        with pytest.raises(SystemExit) as left:
            main(["properties", "learning-rate", "--out", str(tmp_path)])
        assert left.value.code == 0
        texts.append([(path.name, path.read_bytes()) for path in sorted(tmp_path.iterdir())])

    assert texts[0] == texts[1]
    assert [name for name, _ in texts[0]] == ["index.html", "learning-rate.svg"]
