"""What is generated is made in the right order, and what is stale is told; what takes seconds never is stale."""

import re
from dataclasses import replace
from pathlib import Path

import measurements
import pages
import pytest

from assay.conformance.components import COMPONENTS

ROOT = Path(__file__).parent.parent
BY_NAME = {page.name: page for page in pages.PAGES}


QUICK = [page.name for page in pages.PAGES if page.texts is not None]
OF_THE_CATALOGUE = pytest.mark.catalogue(*COMPONENTS)


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=OF_THE_CATALOGUE if each == "detection" else ()) for each in QUICK]
)
def test_a_page_that_takes_seconds_is_what_its_data_say(name):
    assert BY_NAME[name].stale == "", "python benchmarks/pages.py makes it anew"


@pytest.mark.parametrize("page", pages.PAGES, ids=lambda page: page.name)
def test_a_page_reads_and_writes_what_exists_and_comes_after_what_it_reads(page):
    later = [name for each in pages.PAGES[pages.PAGES.index(page) :] for name in each.writes if each.texts is None]

    assert all(list(ROOT.glob(pattern)) for pattern in page.reads)
    assert all((ROOT / name).exists() for name in page.writes)
    assert not page.command or (ROOT / "benchmarks" / page.command[0]).exists()
    assert not any(Path(name).match(pattern) for name in later for pattern in page.reads)


def test_every_measurement_is_written_by_a_page():
    written = {ROOT / name for page in pages.PAGES for name in page.writes}

    assert set((ROOT / "docs" / "detection").iterdir()) <= written
    assert ROOT / "conformance" / "variants" / "caught_by.json" in written


@pytest.fixture
def page(monkeypatch, tmp_path):
    """Make a page in a folder of its own, by a script that copies what it reads."""
    (tmp_path / "benchmarks").mkdir()
    copy = "from pathlib import Path\nPath('page.md').write_text(Path('formula.py').read_text())\n"
    (tmp_path / "benchmarks" / "copy.py").write_text(copy, encoding="utf-8")
    (tmp_path / "formula.py").write_text(FORMULA, encoding="utf-8")
    page = pages.Page("copy", ("page.md",), ("*.py",), 30, ("copy.py",))
    quick = replace(page, name="quick", writes=("quick.md",), minutes=0, command=(), texts=quick_text)
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(pages, "RECORD", tmp_path / "docs" / "generated.json")
    monkeypatch.setattr(pages, "PAGES", (page, quick))
    return page


FORMULA = '"""A docstring."""\n\nx = 1  # as it should be\n'


def quick_text():
    return {pages.ROOT / "quick.md": "quick\n"}


def test_a_page_is_made_and_recorded(page, capsys):
    assert page.stale == "page.md does not exist"

    pages.main(["copy"])

    assert (pages.ROOT / "page.md").read_text(encoding="utf-8") == FORMULA
    assert page.stale == ""
    assert re.fullmatch(r"copy: made page\.md in \d+ s\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("text", "stale"),
    [
        (FORMULA.replace("A docstring", "Another docstring,\nlonger"), False),
        (FORMULA.replace("as it should be", "another comment"), False),
        (FORMULA.replace("x = 1", "x = 2"), True),
        (FORMULA.replace("x = 1", "x = '#'"), True),
        (FORMULA + "y = 1\n", True),
    ],
)
def test_it_is_stale_if_what_it_reads_does_something_else(page, text, stale):
    page.make()
    (pages.ROOT / "formula.py").write_text(text, encoding="utf-8")

    assert bool(page.stale) == stale


def test_what_takes_long_is_named_and_not_made(page, capsys):
    pages.main([])

    assert not (pages.ROOT / "page.md").exists()
    assert (pages.ROOT / "quick.md").exists()
    assert "copy is stale: page.md does not exist (python benchmarks/pages.py copy: 30 min)" in capsys.readouterr().out


def test_everything_is_made_if_asked_for_and_then_nothing_is_stale(page, capsys):
    with pytest.raises(SystemExit) as left:
        pages.main(["--check"])
    assert left.value.code == 1
    assert capsys.readouterr().out.count("is stale") == 2

    pages.main(["--all"])
    pages.main(["--check"])

    assert "is stale" not in capsys.readouterr().out


def test_what_a_page_lacks_is_named(page, monkeypatch, capsys):
    table = measurements.Entries({}, Path("clauses.json"), "clause-table")
    quick = replace(pages.PAGES[1], texts=lambda: table["a-new-variant"])
    (pages.ROOT / "quick.md").write_text("", encoding="utf-8")

    monkeypatch.setattr(pages, "PAGES", (quick,))

    assert quick.stale == "clauses.json says nothing of 'a-new-variant': make clause-table first"
    pages.main([])
    assert (
        "quick is stale: clauses.json says nothing of 'a-new-variant': make clause-table first"
        in capsys.readouterr().out
    )
    with pytest.raises(SystemExit) as left:
        pages.main(["quick"])
    assert left.value.code == 1


def test_a_script_that_fails_is_named_and_the_rest_is_made(page, capsys):
    (pages.ROOT / "benchmarks" / "copy.py").write_text("raise SystemExit(3)", encoding="utf-8")

    with pytest.raises(SystemExit) as left:
        pages.main(["--all"])

    assert left.value.code == 1
    assert "copy is stale: copy.py ended with status 3" in capsys.readouterr().out
    assert pages.recorded() == {}
    assert (pages.ROOT / "quick.md").exists()


def test_of_a_component_it_passes_the_name_on_and_leaves_the_rest_stale(page, monkeypatch, capsys):
    """Without a page's name it makes all that can be made so, and what takes seconds."""
    copy = "import sys; from pathlib import Path\nPath('page.md').write_text(' '.join(sys.argv[1:]))\n"
    (pages.ROOT / "benchmarks" / "copy.py").write_text(copy, encoding="utf-8")
    waiting = replace(page, name=pages.WAITS, writes=("waits.md",), narrow=True)
    monkeypatch.setattr(pages, "PAGES", (replace(page, narrow=True), waiting, pages.PAGES[1]))

    pages.main(["--of", "softmax", "--of", "adam"])

    assert (pages.ROOT / "page.md").read_text(encoding="utf-8") == "--of softmax --of adam"
    assert (pages.ROOT / "quick.md").exists()
    assert "spared is stale: waits.md does not exist" in capsys.readouterr().out
    assert pages.recorded() == {}


def test_a_page_that_cannot_be_made_of_a_component(page, capsys):
    with pytest.raises(SystemExit):
        pages.main(["--of", "softmax", "copy"])

    assert "copy is made as a whole, without --of" in capsys.readouterr().err


def test_a_name_that_is_not_there(page, capsys):
    with pytest.raises(SystemExit):
        pages.main(["copi"])

    assert "there is no page 'copi'; the pages are copy, quick" in capsys.readouterr().err


def test_the_list_says_what_a_page_is_made_of(page, capsys):
    pages.main(["--list", "copy"])

    assert capsys.readouterr().out == "copy: about 30 min; reads *.py; writes page.md\n"
