"""Strategies of Hypothesis for tests of one's own: the example of docs/adapters.md, shrinking, and the lack of it."""

import importlib
import re
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "adapters.md"
EXAMPLE = re.search(r"```python\n(# test_my_softmax\.py.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
QUIETLY = ("-m", "pytest", "-p", "no:cacheprovider", "-q", "test_mine.py")


@pytest.fixture
def run(terminal):
    """Return a function that runs a test file of one's own, with Hypothesis's own checks of its health."""

    def run(text):
        (terminal.cwd / "test_mine.py").write_text(text, encoding="utf-8")
        return terminal.python(*QUIETLY).stdout

    return run


def test_the_example_of_the_page_passes(run):
    assert "1 passed" in run(EXAMPLE)


def test_a_failure_is_shrunk_to_the_smallest_case(run):
    wrong = EXAMPLE.partition("    x = ")[0] + "    assert case['n'] < 8\n"
    smallest = "('rows', 1), ('n', 8), ('regime', 'normal'), ('layout', 'contiguous'), ('seed', 0)"

    assert smallest in run(wrong)


def test_without_hypothesis_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "assay.conformance.strategies", raising=False)

    with pytest.raises(ImportError, match=r"needs Hypothesis: pip install 'assay\[hypothesis\]'$"):
        importlib.import_module("assay.conformance.strategies")
