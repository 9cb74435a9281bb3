"""What README.md and docs/ say of commands, clauses, files, tables and figures is so."""

import argparse
import re
import shlex
import textwrap
from pathlib import Path

import pytest

from assay.adapters.contract import CONVENTIONS, FUNCTIONS, NUMERICS
from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.interface.command_line import _parser
from assay.conformance.interface.options import COMPARING, JUDGING, OPENING
from assay.conformance.variants import variants

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
FILE = re.compile(r"(?<![\w./-])(?:oracle|conformance|adapters|tests|benchmarks|docs|\.ci)/[\w./-]*")

SUBPARSERS = next(each for each in _parser()._actions if isinstance(each, argparse._SubParsersAction)).choices


def of_each_page(what):
    """Make a parameter of each thing found, named by its page."""
    return [
        pytest.param(found, id=f"{page.name}: {found[:60]}")
        for page, text in TEXT.items()
        for found in dict.fromkeys(what(text))
    ]


def commands(text):
    """Every command line that begins with `assay`, in blocks and within sentences."""
    lines = [line for _, block in FENCED.findall(text) for line in block.splitlines()]
    lines += INLINE.findall(FENCED.sub("", text))
    for line in lines:
        for command in line.removeprefix("$ ").split(" && "):
            if command.startswith("assay "):
                yield command


def options(text):
    """Every option that stands alone in a sentence."""
    return [code.split()[0] for code in INLINE.findall(FENCED.sub("", text)) if code.startswith("--")]


def rows(page, heading):
    """Read the cells of the first table that has the heading."""
    table = TEXT[ROOT / "docs" / page].partition(f"\n| {heading} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table.splitlines()[2:]]


@pytest.mark.parametrize("command", of_each_page(commands))
def test_a_command_line_parses(command):
    _, name, *rest = shlex.split(command, comments=True)

    assert name in SUBPARSERS or name in _parser()._option_string_actions
    if rest:
        assert _parser().parse_args([name, *rest]).command


@pytest.mark.parametrize("option", of_each_page(options))
def test_an_option_exists(option):
    known = {string for each in SUBPARSERS.values() for action in each._actions for string in action.option_strings}
    known |= {f"--assay-{name}" for name in (*OPENING, *JUDGING, *COMPARING)} | {"--assay"}

    assert option in known


@pytest.mark.parametrize("name", SUBPARSERS)
def test_a_command_is_documented(name):
    assert any(re.search(rf"assay {name}\b", text) for text in TEXT.values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_clause_exists(page):
    prefixes = {clause.partition("-")[0] for clause in CLAUSES}

    assert set(re.findall(rf"\b(?:{'|'.join(prefixes)})-\d+", TEXT[page])) <= set(CLAUSES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_exists(page):
    named = [ROOT / each.rstrip(".") for each in FILE.findall(LINK.sub("", TEXT[page])) if "NAME" not in each]
    named += [page.parent / each for each in LINK.findall(TEXT[page])]

    assert [each for each in named if not each.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_compiles(page):
    for language, block in FENCED.findall(TEXT[page]):
        if language == "python":
            compile(textwrap.dedent(block), page.name, "exec")


def test_the_table_of_conventions_is_the_contract():
    table = rows("conventions.md", "convention")
    documented = {name.strip("`"): tuple(INLINE.findall(values)) for name, values, *_ in table}

    assert documented == CONVENTIONS


def test_the_table_of_numerics_is_the_contract():
    documented = {name.strip("`"): values for name, values, _ in rows("adapters.md", "field")}

    assert set(documented) == set(NUMERICS)
    for name, allowed in NUMERICS.items():
        if isinstance(allowed, tuple):
            assert documented[name] == "a format" or tuple(INLINE.findall(documented[name])) == allowed


def shape(axes):
    """Write the axes of an array as the documentation does."""
    words = axes.split()
    return f"({', '.join(words)}{',' if len(words) == 1 and words != ['...'] else ''})"


def test_the_table_of_functions_is_the_contract():
    """The call, the shapes of its arrays and of its result; a cell may say more after a comma or a colon."""
    documented = rows("adapters.md", "function")

    assert [call.strip("`") for call, *_ in documented] == [FUNCTIONS[name].call for name in COMPONENTS]
    for function, (_, arrays, result) in zip(map(FUNCTIONS.get, COMPONENTS), documented, strict=True):
        due = ", ".join(
            ("int64 " if name in function.integers else "") + shape(axes) for name, axes in function.arrays.items()
        )
        due += " and the weights" if function.weights else ""
        assert re.split(r"(?<=\)|s)[,:] (?=[a-z]*[^(]*$)", arrays)[0] == due or not function.arrays
        assert result.startswith(", ".join(map(shape, function.results.values())))


FOLDERS = {
    file.parent.relative_to(ROOT).as_posix()
    for room in ("oracle", "conformance", "adapters")
    for file in (ROOT / room).rglob("__init__.py")
}


def test_the_map_lists_every_folder():
    """Each with a line; but a component's own folder has its name, and needs none."""
    page = TEXT[ROOT / "docs" / "architecture.md"]
    block = FENCED.search(page).group(2)
    listed = dict(re.split(r"/ +", line, maxsplit=1) for line in block.splitlines())
    own = {folder for folder in FOLDERS if Path(folder).name in COMPONENTS}

    assert list(listed) == list(dict.fromkeys(listed))
    assert set(listed) == FOLDERS - own | {"tests", "benchmarks"}
    assert all(listed.values())


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_components_files_have_its_name(name):
    """A family of components, such as the layers, may have one folder of variants, of the family's name."""
    components, of_variants = ROOT / "conformance" / "components", ROOT / "conformance" / "variants"
    [found] = [*components.rglob(name), *components.rglob(f"{name}.py")]

    assert (ROOT / "oracle" / f"{name}.py").exists()
    assert any((of_variants / each).exists() for each in (name, f"{name}.py", found.parent.name))


def test_the_readme_counts_the_variants():
    for count, verdict in re.findall(r"(\d+) (wrong|right) (?:implementations|ones)", TEXT[ROOT / "README.md"]):
        due = len(variants(wrong=verdict == "wrong"))
        assert int(count) == due, f"`python benchmarks/pages.py readme` says that there are {due} {verdict} ones"


def test_the_readme_has_a_line_for_each_component():
    table = TEXT[ROOT / "README.md"].partition("\n| component | formula |")[2].partition("\n\n")[0]
    named = [name for line in table.splitlines()[2:] for name in INLINE.findall(line.split("|")[1])]

    missing = [name for name in COMPONENTS if name not in named]
    assert not missing, f"README.md, What it judges, has no line of {', '.join(missing)}"
    assert sorted(named) == sorted(COMPONENTS)


def test_the_readme_and_ci_run_the_same_tests():
    command = "pip install -c constraints.txt '.[torch,test]' && pytest -n auto"

    assert command in TEXT[ROOT / "README.md"].splitlines()
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
