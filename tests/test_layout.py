"""The rooms: who imports whom, how long a file is, and what no file says."""

import ast
import functools
import graphlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parent.parent
ROOMS = ("oracle", "conformance", "adapters", "tests")
INSTALLED = ("oracle", "conformance", "adapters")
FILES = {room: sorted((ROOT / room).rglob("*.py")) for room in ROOMS}
EVERY = [file for files in FILES.values() for file in files] + sorted((ROOT / "benchmarks").glob("*.py"))
# What the judge may know of the accused: how to open and call them, and the words of the contract.
CLIENT_SIDE = {f"assay.adapters{name}" for name in ("", ".contract", ".declaration", ".foreign_text", ".strict_json")}


def name_of(file):
    """Name the module that a file is, as Python imports it."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(("assay", *(part for part in parts if part != "__init__")))


@functools.cache
def parsed(file):
    """Parse a file once for all tests."""
    return ast.parse(file.read_text(encoding="utf-8"))


def imports_of(file, *, at_once=False):
    """Yield the absolute name of every module that a file imports, wherever in it, or at once when it is imported."""
    package = name_of(file).split(".")[: None if file.name == "__init__.py" else -1]
    tree = parsed(file)
    for node in tree.body if at_once else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            # `from . import x` may import a module or a name; both are within the package.
            yield from ([f"{module}.{alias.name}" for alias in node.names] if node.module is None else [module])


def imported_from(room, *outside):
    """(file, module) of every import from a room of this package, and of other packages if so named."""
    return [
        (name_of(file), module)
        for file in FILES[room]
        for module in imports_of(file)
        if module.split(".")[0] in outside or re.match(r"assay(\.|$)", module)
    ]


def test_every_room_has_files_that_import_something():
    """Else the tests below would hold of nothing."""
    assert all(len(FILES[room]) > 5 for room in ROOMS)
    assert ("assay.oracle.softmax", "assay.oracle.rounding.bound") in imported_from("oracle")
    assert ("assay.conformance.judging.plan", "assay.adapters") in imported_from("conformance")


def test_the_oracle_imports_numpy_the_standard_library_and_the_contract_only():
    for file in FILES["oracle"]:
        for module in imports_of(file):
            top = module.split(".")[0]
            allowed = top in ("numpy", *sys.stdlib_module_names) or module == "assay.adapters.contract"
            allowed = allowed or module.startswith("assay.oracle")
            assert allowed, f"{name_of(file)} imports {module}"


def test_adapters_import_neither_oracle_nor_conformance():
    for file, module in imported_from("adapters"):
        assert module.startswith("assay.adapters"), f"{file} imports {module}"


def test_conformance_imports_the_client_side_of_adapters_only():
    for file, module in imported_from("conformance"):
        assert module.split(".")[1] in ("oracle", "conformance", "adapters"), f"{file} imports {module}"
        if module.startswith("assay.adapters"):
            assert module in CLIENT_SIDE, f"{file} imports {module}"


# What each room of conformance may import beside itself, from the top to the bottom.
BELOW = {
    "interface": {"judging", "properties", "claims", "diagnosis", "components", "cases", "terms", "variants"},
    "judging": {"diagnosis", "components", "cases", "terms", "variants"},
    "properties": {"claims", "components", "cases", "terms", "variants"},
    "claims": {"components", "cases", "terms"},
    "diagnosis": {"components", "cases", "terms", "variants"},
    "components": {"cases", "terms"},
    "cases": {"terms"},
    "terms": set(),
    "variants": set(),
}


@pytest.mark.parametrize("room", BELOW)
def test_within_conformance_a_room_imports_from_lower_rooms_only(room):
    """No room imports one from which it is imported, so there is no circle of rooms."""
    assert all(room not in BELOW[lower] for lower in BELOW[room])
    for file in sorted((ROOT / "conformance" / room).rglob("*.py")):
        for module in imports_of(file):
            if module.startswith("assay.conformance."):
                assert module.split(".")[2] in BELOW[room] | {room}, f"{name_of(file)} imports {module}"


def test_every_room_of_conformance_is_in_the_table():
    assert {each.parent.name for each in (ROOT / "conformance").glob("*/__init__.py")} == set(BELOW)


def test_no_file_imports_itself_by_way_of_others():
    """A circle makes a name depend on which file was imported first."""
    graph = {
        name_of(file): {module for module in imports_of(file, at_once=True) if module != name_of(file)}
        for room in INSTALLED
        for file in FILES[room]
    }
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) >= len(graph)


@pytest.mark.parametrize("room", INSTALLED)
def test_every_folder_is_installed(room):
    """The setup script finds the folders that have an `__init__.py`."""
    folders = {file.parent for file in FILES[room]}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_imports_a_room_under_a_bare_name(room):
    """A bare `import oracle` would load a second copy."""
    for file in FILES[room]:
        bare = {module.split(".")[0] for module in imports_of(file)} & {"oracle", "conformance", "adapters"}
        assert not bare, f"{file} imports {bare}"


EVERY_ORACLE = """
import importlib, pkgutil
import assay.oracle
for each in pkgutil.iter_modules(assay.oracle.__path__):
    importlib.import_module(f"assay.oracle.{each.name}")
"""
THE_JUDGE = (
    "import assay.conformance.components, assay.conformance.interface.plugin, assay.conformance.interface.command_line"
)
ASSAY_LIST = """
from assay.conformance.interface.command_line import main
try:
    main(["list"])
except SystemExit as left:
    assert left.code == 0
"""


@pytest.mark.parametrize("code", [EVERY_ORACLE, THE_JUDGE, ASSAY_LIST], ids=["the oracle", "the judge", "assay list"])
def test_no_extra_is_imported(code):
    """Whoever asks for help does not wait for torch nor for all variants, nor needs Hypothesis or matplotlib."""
    extras = {"torch", "jax", "tensorflow", "mlx", "hypothesis", "matplotlib", "assay.conformance.variants"}
    after = f"\nimport sys\nprint(*sorted({extras} & set(sys.modules)), 'end', sep=',')"
    done = subprocess.run([sys.executable, "-c", code + after], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "end"


def test_the_oracle_needs_numpy_alone():
    """The contract is data: reading it imports neither the adapters' other files nor what these need."""
    shown = "\nimport sys\nprint(*sys.modules)"
    every, bare = (
        subprocess.run([sys.executable, "-c", code + shown], capture_output=True, text=True, check=True).stdout.split()
        for code in (EVERY_ORACLE, "")
    )
    more = {each for each in set(every) - set(bare) if each.split(".")[0] not in (*sys.stdlib_module_names, "numpy")}
    assert "assay.oracle.rounding.bound" in more
    others = {each for each in more if not each.startswith(("assay.oracle", "assay.adapters.contract"))}
    assert others == {"assay", "assay.adapters"}


def test_no_file_is_longer_than_300_lines():
    long = {name_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in EVERY}
    assert {name: lines for name, lines in long.items() if lines > 300} == {}


def test_no_function_is_longer_than_60_lines():
    long = {
        f"{name_of(file)}.{node.name}": node.end_lineno - node.lineno + 1
        for file in EVERY
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.FunctionDef)
    }
    assert len(long) > 1000
    assert {name: lines for name, lines in long.items() if lines > 60} == {}


def test_every_file_says_what_lives_in_it():
    silent = [name_of(file) for file in EVERY if not ast.get_docstring(parsed(file))]
    assert silent == []


def test_a_file_that_a_docstring_names_is_there():
    """By its name, or by the end of its path."""
    named = {
        (name_of(file), name)
        for file in EVERY
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for name in re.findall(r"`([\w/]+\.py)`", ast.get_docstring(node) or "")
    }
    assert len(named) > 20
    assert {(file, name) for file, name in named if not any(each.match(name) for each in EVERY)} == set()


def test_no_module_has_a_name_that_says_nothing():
    vague = re.compile(r"(^|_)(utils?|helpers?|common|misc|tools?)(_|$)")
    assert [
        name_of(file) for file in EVERY if any(map(vague.search, file.relative_to(ROOT).with_suffix("").parts))
    ] == []


def test_no_file_speaks_of_the_place_where_it_was_written():
    """Every text in the project's own folders, and the pages at its top."""
    here = re.compile("|".join((r"/work" + "/", r"\bshared" + "/")))
    kinds = ("*.py", "*.md", "*.toml", "*.txt", "*.in", "*.yml", "run")
    folders = [ROOT / name for name in ("oracle", "conformance", "adapters", "tests", "benchmarks", "docs", ".ci")]
    files = [file for kind in kinds for file in (*ROOT.glob(kind), *(each for f in folders for each in f.rglob(kind)))]
    assert Path(__file__) in files
    assert [file for file in files if here.search(file.read_text(encoding="utf-8", errors="replace"))] == []


def test_ci_tests_the_lowest_versions_that_are_allowed():
    allowed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    tested = (ROOT / ".ci" / "lowest.txt").read_text(encoding="utf-8").splitlines()
    lowest = {name: Version(version) for name, _, version in (each.partition("==") for each in tested[1:])}
    least = {name: Version(version) for name, _, version in (each.partition(">=") for each in allowed)}

    assert {name: lowest.get(name) for name in least} == least
