"""What is measured of a component or of some variants replaces their entries, and nothing else."""

import argparse
import shutil

import clause_table
import few_sizes
import measurements
import other_seeds
import pytest
import seeds

from assay.conformance.interface.report import SPEC
from assay.conformance.variants import variants

EVERY = [each.name for each in variants(wrong=True)]
OF = [each.name for each in variants("detokenize", wrong=True)]


def options(*arguments):
    parser = argparse.ArgumentParser()
    measurements.add_choice(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("arguments", "due"),
    [
        ((), EVERY),
        (("--of", "detokenize"), OF),
        (("--only", OF[1], OF[0]), OF[:2]),
        (("--of", "detokenize", "--only", EVERY[0]), [EVERY[0], *OF]),
    ],
    ids=str,
)
def test_what_is_chosen(arguments, due):
    assert measurements.chosen(options(*arguments)) == due


def test_what_is_not_there_is_named(capsys):
    with pytest.raises(SystemExit, match="there is no wrong variant 'detokenise'"):
        measurements.chosen(options("--only", "detokenise"))
    with pytest.raises(SystemExit):
        options("--of", "detokenise")
    assert "--of: invalid choice: 'detokenise'" in capsys.readouterr().err


def test_an_entry_that_is_not_there_names_the_page_that_is_to_be_made():
    with pytest.raises(measurements.LacksError) as raised:
        clause_table.read()["no-such-variant"]
    assert str(raised.value) == "clauses.json says nothing of 'no-such-variant'"
    assert raised.value.page == "clause-table"


@pytest.mark.parametrize(
    "file", [seeds.STATED, seeds.FILE, few_sizes.FILE, clause_table.FILE, other_seeds.FILE], ids=lambda file: file.name
)
def test_the_entries_are_in_the_order_of_the_catalogue(file):
    found = list(clause_table.read() if file == clause_table.FILE else measurements.read(file))

    assert found == [name for name in EVERY if name in found]


@pytest.fixture
def copied(monkeypatch, tmp_path):
    """Let the scripts write copies of the files."""
    for script, name in ((clause_table, "FILE"), (seeds, "FILE"), (seeds, "STATED"), (few_sizes, "FILE")):
        copy = tmp_path / getattr(script, name).name
        shutil.copyfile(getattr(script, name), copy)
        monkeypatch.setattr(script, name, copy)
    return tmp_path


def test_the_table_of_clauses_gets_its_lines_of_a_component(copied):
    before = clause_table.read()
    clause_table.FILE.write_text(clause_table.written(before | {name: {"": []} for name in OF}, {}), encoding="utf-8")

    clause_table.main(["--of", "detokenize", "-n", "1"])

    after = clause_table.read()
    assert {name for name in EVERY if after[name] != before[name]} <= set(OF)
    assert all(after[name][""] for name in OF)
    assert clause_table.specs() == {"detokenize": SPEC}


def test_seeds_judges_nothing_else_and_writes_both_files_at_the_end(copied, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    before = [file.read_bytes() for file in (seeds.FILE, seeds.STATED)]
    monkeypatch.setattr(seeds, "followed", lambda pairs, n: ({name: [77] for name in pairs}, dict.fromkeys(pairs, ())))
    monkeypatch.setattr(seeds, "first_violated", killed)
    with pytest.raises(KeyboardInterrupt):
        seeds.main(["--of", "detokenize"])
    assert before == [file.read_bytes() for file in (seeds.FILE, seeds.STATED)]

    monkeypatch.setattr(seeds, "first_violated", lambda clauses, n: {name: ["ALL-0"] for name in clauses})
    seeds.main(["--of", "detokenize"])
    assert [name for name, each in measurements.read(seeds.FILE).items() if each == [77]] == OF
    assert [name for name, each in measurements.read(seeds.STATED).items() if each == ["ALL-0"]] == OF


def test_seeds_follows_the_variants_of_a_component(copied):
    before = measurements.read(seeds.STATED)
    seeds.main(["--of", "detokenize", "-n", "1"])
    assert measurements.read(seeds.STATED) == before
    assert {name: measurements.read(seeds.FILE)[name] for name in OF} == {name: [] for name in OF}


def test_other_seeds_draws_the_same_hundred_variants_each_time():
    drawn = other_seeds.chosen()

    assert drawn == other_seeds.chosen()
    assert len({each.name for each in drawn}) == other_seeds.DRAWN
    assert all(other_seeds.stated_by(each) for each in drawn)


def test_other_seeds_finds_what_a_clause_does_not_catch():
    asked = {"detokenize-tidied": {"BPE-13": [""], "BPE-15": [""]}}

    assert other_seeds.missed("detokenize", 1, asked) == [("detokenize-tidied", "BPE-15")]


def test_what_is_missed_with_another_seed_is_a_share_and_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(other_seeds, "FILE", tmp_path / "other_seeds.json")
    found = {each.name: [] for each in other_seeds.chosen()}
    first = next(iter(found))
    found[first] = ["ALL-1 with seed 3"]
    measurements.write(other_seeds.FILE, measurements.lined(found))
    stated = 4 * sum(len(other_seeds.stated_by(each)) for each in other_seeds.chosen())

    assert f"{100 / stated:.2f} % of {stated} verdicts" in other_seeds.sentence()
    assert f": {first} (ALL-1 with seed 3)." in other_seeds.sentence()
