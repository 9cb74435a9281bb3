"""The page of known defects and the catalogue say the same."""

import re
from pathlib import Path

from assay.conformance.variants import variants

PAGE = Path(__file__).parent.parent / "docs" / "known-defects.md"
ROW = re.compile(
    r"\| ([^|]+) \| \[([\w.-]+/[\w.-]+)#(\d+)\]\(https://github.com/\2/issues/\3\) \| ([^|]+) \| ([^|]+) \|"
)
NAMES = re.compile(r"`[a-z0-9-]+`(, `[a-z0-9-]+`)*")

TEXT = PAGE.read_text(encoding="utf-8")
LINES = [line for line in TEXT.splitlines() if line.startswith("| ")][1:]
ROWS = [match.groups() for match in map(ROW.fullmatch, LINES) if match]
LAST = {f"{repository}#{number}": last for _, repository, number, _, last in ROWS}
HELD = {thread: set(re.findall(r"[a-z0-9-]+", last)) for thread, last in LAST.items() if NAMES.fullmatch(last)}


def test_every_line_is_a_thread_with_its_link_and_in_order():
    assert len(ROWS) == len(LINES) == len(LAST)
    order = [(about.lower(), repository.lower(), int(number)) for about, repository, number, _, _ in ROWS]
    assert order == sorted(order)


def test_a_thread_stands_at_the_variants_that_name_it():
    seen: dict[str, set[str]] = {}
    for variant in variants():
        for thread in variant.seen_in:
            seen.setdefault(thread, set()).add(variant.name)

    assert seen == HELD


def test_what_it_names_is_wrong():
    assert set().union(*HELD.values()) <= {variant.name for variant in variants(wrong=True)}


def test_every_other_thread_has_a_reason():
    reasons = {thread: last for thread, last in LAST.items() if thread not in HELD}

    assert [thread for thread, reason in reasons.items() if "`" in reason or not reason.endswith(".")] == []


def test_the_counts_are_right():
    numbers = re.findall(r"(\d+) (?:public|of them|variants in|are not)", TEXT.partition("|")[0])

    assert [int(each) for each in numbers] == [
        len(LAST),
        len(HELD),
        len(set().union(*HELD.values())),
        len(LAST) - len(HELD),
    ]
