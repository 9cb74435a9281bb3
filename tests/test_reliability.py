"""Tricks and faults: each gets its verdict, and the page says what is seen of it, no more and no less."""

import re
import sys
from pathlib import Path

import pytest
from tricks import Seen, alike, granted, row, tried
from tricks.page import EVERY, text

PAGE = (Path(__file__).parent.parent / "docs" / "reliability.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def here():
    """List what this system grants."""
    return granted()


@pytest.mark.parametrize("trick", EVERY, ids=lambda trick: re.sub(r"\W+", "-", trick.does)[:50])
def test_a_trick_gets_its_verdict_and_the_page_says_so(trick, tmp_path, here):
    if trick.needs and trick.needs not in here:
        pytest.skip(f"this system does not grant: {trick.needs}")

    seen = tried(trick, tmp_path)

    assert seen.verdict == trick.verdict
    assert trick.says in seen.said
    if sys.platform == "linux" and not trick.varies:  # where the page was made
        assert alike(row(trick, seen)) in alike(PAGE), "python benchmarks/pages.py reliability makes the page anew"


def test_the_page_has_a_line_for_each_and_nothing_else():
    found = {line.split(" | ")[0]: line for line in PAGE.splitlines()}
    lines = {f"| {trick.does}": found[f"| {trick.does}"] for trick in EVERY}

    made = text(lambda trick: Seen("", "", ""))
    for trick in EVERY:
        made = made.replace(row(trick, Seen("", "", "")), lines[f"| {trick.does}"])
    assert made == PAGE
    assert len(lines) == len(EVERY)
