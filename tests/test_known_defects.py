"""The page of known defects and the catalogue say the same."""

import re
from pathlib import Path

from assay.conformance.variants import variants

PAGE = Path(__file__).parent.parent / "docs" / "known-defects.md"
ROW = re.compile(
    r"^\| [^|]+ \| \[([\w.-]+/[\w.-]+)#(\d+)\]\(https://github.com/([\w.-]+/[\w.-]+)/issues/(\d+)\) \| (.+) \|$"
)

TEXT = PAGE.read_text(encoding="utf-8")
ROWS = [match.groups() for match in map(ROW.match, TEXT.splitlines()) if match]
HELD = {f"{repository}#{number}": set(re.findall(r"`([a-z0-9-]+)`", said)) for repository, number, _, _, said in ROWS}
WRONG = {each.name: each for each in variants(wrong=True)}


def test_every_line_of_the_table_is_read_and_links_to_its_thread():
    assert len(ROWS) == sum(line.startswith("| ") for line in TEXT.splitlines()) - 1
    assert all((a, b) == (c, d) for a, b, c, d, _ in ROWS)
    assert len(HELD) == len(ROWS)


def test_the_page_names_the_variants_of_every_thread():
    seen = {}
    for name, variant in WRONG.items():
        for thread in variant.seen_in:
            seen.setdefault(thread, set()).add(name)
    # Among the reasons why a thread has none are names of near relatives.
    of_page = {thread: names for thread, names in HELD.items() if thread in seen}

    assert of_page == seen


def test_what_it_names_is_in_the_catalogue():
    assert set().union(*HELD.values()) <= set(WRONG)


def test_the_counts_are_right():
    held = {thread for variant in WRONG.values() for thread in variant.seen_in}
    names = {name for name, variant in WRONG.items() if variant.seen_in}
    numbers = [
        int(each) for each in re.findall(r"(\d+) (?:public|of them|variants in|are not)", TEXT.partition("|")[0])
    ]

    assert numbers == [len(ROWS), len(held), len(names), len(ROWS) - len(held)]
