"""Every fenced block of README.md and docs/ is run, read, or in a table that says why not."""

import json
import re
import shlex
import sys
import tomllib
import types
from dataclasses import dataclass

import pytest
import yaml
from conftest import RIGHT
from documented import BLOCKS, ROOT, Story, differs, sessions

from assay.adapters.declaration import UserError
from assay.conformance import judge
from assay.conformance.interface.allowed import read_allowed
from assay.conformance.interface.command_line import _parser

UNRUN = {
    ("README.md", "pip install"): "it needs the network; .ci/run does what the second one says",
    ("docs/tutorial.md", "pip install"): "it needs the network",
    ("docs/gpu.md", '"""my_triton_kernel.py'): "it needs Triton",
    ("docs/many-kernels.md", "pip install"): "it needs Ray; tests/test_each_cluster.py runs the like where Ray is",
}
"""What is neither run nor read, by the page and how it begins."""

ELSEWHERE = {
    ("docs/architecture.md", ""): "test_documentation.py",
    ("docs/findings.md", ""): "test_documented_findings.py",
    ("docs/findings-kernels.md", ""): "test_documented_findings.py",
    ("docs/many-kernels.md", "SELECT"): "test_each.py",
    ("docs/programs.md", ""): "test_programs.py",
    ("docs/python.md", ">>>"): "test_judge.py",
}
"""What another test file runs or reads, likewise."""


@dataclass(frozen=True)
class Settings:
    """How a block is run."""

    shorter: str | None = ""
    """Options that make of a run of half a minute one of seconds, or None: the catalogue runs it, as it stands."""
    numbers: bool = True
    """Whether the numbers that are printed are the same on every processor, and of every user."""


SETTINGS = {
    ("README.md", 1): Settings("-x --clause ALL-1", numbers=False),
    ("README.md", 4): Settings(None),
    ("docs/adapters.md", 6): Settings(None, numbers=False),
    ("docs/adapters.md", 8): Settings(None, numbers=False),
    ("docs/machine-written-kernels.md", 0): Settings("--clause SM-1"),
    ("docs/many-kernels.md", 0): Settings("--clause SM-1"),
    ("docs/many-kernels.md", 1): Settings("--clause SM-1", numbers=False),
    ("docs/precision.md", 1): Settings(None),
    ("docs/precision.md", 3): Settings(None),
    ("docs/tutorial.md", 7): Settings(None),
    ("docs/tutorial.md", 9): Settings(None, numbers=False),
    ("docs/tutorial.md", 12): Settings(None),
    ("docs/tutorial.md", 13): Settings(None),
}
TAKEN_FOR_GRANTED = {
    "docs/machine-written-kernels.md": {"kernel.py": RIGHT, "mine.json": "{}"},
    "docs/many-kernels.md": {"kernels/one.py": RIGHT, "kernels/two.py": RIGHT},
}
"""Files that a page speaks of and does not show."""


def of_a_table(block, table):
    """Return what a table says of a block, if it has it."""
    found = [said for (page, start), said in table.items() if block.page == page and block.text.startswith(start)]
    return found[0] if found else None


STORIES = {
    page: [block for block in blocks if not of_a_table(block, UNRUN) and not of_a_table(block, ELSEWHERE)]
    for page, blocks in BLOCKS.items()
}
STORIES = {page: blocks for page, blocks in STORIES.items() if blocks}


def settings_of(block):
    return SETTINGS.get((block.page, block.number), Settings())


@pytest.mark.parametrize("page", STORIES)
def test_what_a_page_shows_is_so(page, terminal):
    tell(page, terminal, whole=False)


LONG = [page for page in STORIES if any(settings_of(each).shorter != "" for each in STORIES[page])]


@pytest.mark.catalogue("attention")
@pytest.mark.parametrize("page", LONG)
def test_what_takes_long_is_so(page, terminal):
    tell(page, terminal, whole=True)


def tell(page, terminal, *, whole):
    """Run the blocks of a page, one after another; what takes long as it stands, or shorter."""
    story = Story(terminal.cwd, terminal.environment)
    for name, text in TAKEN_FOR_GRANTED.get(page, {}).items():
        story.write(name, text)
    if page == "docs/precision.md":
        write_the_third_kernel(story)
    for block in STORIES[page]:
        if settings_of(block).shorter is None and not whole:
            continue
        reader = READERS.get((page, block.number)) or READERS[block.language]
        reader(block, story, "" if whole else settings_of(block).shorter)


def write_the_third_kernel(story):
    """Of the tutorial; docs/precision.md goes on with it."""
    tutorial = BLOCKS["docs/tutorial.md"]
    story.write("my_attention.py", next(each.text for each in tutorial if each.file))
    for each in [each for each in tutorial if each.language == "diff"][:3]:
        story.patch(each.text)


def run(block, story, shorter):
    """Run a block of commands, with what they print if it begins with `$ `."""
    shows = block.text.startswith("$ ")
    for command, shown in sessions(block.text) if shows else [(each, "") for each in block.text.splitlines()]:
        assert command.startswith(("assay ", "ls ")), f"{block}: it is neither run nor in a table"
        done = story.run(f"{command} {shorter}")
        if "--sandbox" in command and done.returncode == 2:
            pytest.skip(f"this system grants no sandbox: {done.stderr}")
        status = due(shown)
        assert done.returncode in ((status,) if shows else (0, 1)), f"{command}\n{done.stdout}{done.stderr}"
        if shows and not shorter:
            numbers = settings_of(block).numbers
            difference = differs(shown, done.stdout, numbers=numbers)
            if difference and differs(shown, done.stderr, numbers=numbers):
                pytest.fail(f"{block}: it prints something else\n{difference}\n{done.stderr}")


def due(shown):
    """Read off what is printed with which status it ends."""
    if shown.startswith("assay: "):
        return 2
    return 1 if re.search(r"\bviolates\b|\bfail: ", shown) else 0


def write(block, story, shorter):
    """Write the file that a block shows, and run it where it is one of tests."""
    assert block.file, f"{block}: it is neither run nor in a table"
    story.write(block.file, block.text)
    if block.file.startswith("test_"):
        names = {}
        exec(block.text, names)
        [test] = [each for name, each in names.items() if name.startswith("test_")]
        test()


def patch(block, story, shorter):
    story.patch(block.text)


def write_json(block, story, shorter):
    json.loads(block.text)
    story.write("mine.json", block.text)


def read_toml(block, story, shorter):
    """Options of pytest are some that the plugin has; tests/test_documentation.py knows them."""
    read = tomllib.loads(block.text)
    options = read.get("tool", {}).get("pytest", {}).get("ini_options", {}).get("addopts", "")
    assert set(re.findall(r"--[\w-]+", options)) <= {"--assay", "--assay-dtype", "--assay-allow"}


def read_yaml(block, story, shorter):
    """Parse the commands in it; what is handed to the action are inputs that it has."""
    read = yaml.safe_load(block.text)
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    found = re.findall(r"^ *(?:- |entry: )assay (.*)$", block.text, re.MULTILINE)
    for command in found:
        _parser().parse_args(shlex.split(command))
    steps = [step for step in read if "OWNER/assay" in step.get("uses", "")] if isinstance(read, list) else []
    assert found or steps
    for step in steps:
        assert set(step["with"]) <= set(action["inputs"])


def make_tests_of_ones_own(block, story, shorter):
    """Import them, beside a package of the user's."""
    package = types.ModuleType("my_package")
    package.flash_attention = lambda query, key, value, *, mask=None, causal=False, scale=None: value
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "my_package", package)
        names = {}
        exec(block.text, names)
    [lines] = [mark.args[1] for mark in names["test_mine"].pytestmark if mark.name == "parametrize"]
    assert ("SDPA-1", "float16") in [(line.clause.id, line.dtype) for line in lines]


def read_known_failures(block, story, shorter):
    story.write("known.txt", block.text)
    assert len(read_allowed(story.folder / "known.txt")) == len(block.text.splitlines())


HEAD = "def attention(query, key, value, *, mask=None, causal=False, scale=None): ...\n"
MISTAKES = {
    "does not accept the contract's call": ("my.py", "def attention(query, key, value, causal=False): ...\n"),
    "dtypes must be a tuple": ("my.py", f"dtypes = 'float32'\n{HEAD}"),
    "the convention": ("my.py", f"conventions = {{'causal_alignment': 'lower-right'}}\n{HEAD}"),
    "has no field": ("my.py", f"numerics = {{'float32': {{'accumulator': 'float32'}}}}\n{HEAD}"),
    "the device": ("my.py", f"framework = 'torch'\ndevice = 'cuda'\n{HEAD}"),
    "cannot be imported": ("my.py", f"import nothing_here\n{HEAD}"),
    "is a bare function": ("my.py:f", "def f(x): ...\n"),
    "does not take": ("my.py", HEAD),
}
"""What a newcomer writes, by the words of the sentence that comes of it."""


def make_mistakes(block, story, shorter):
    """In this process, which is sooner."""
    for line in block.text.splitlines():
        [(spec, text)] = [made for words, made in MISTAKES.items() if words in line]
        story.write("my.py", text)
        dtypes = "bfloat16" if "does not take" in line else ()
        with pytest.raises(UserError) as mistake:
            judge(str(story.folder / spec), in_process=True, dtypes=dtypes)
        said = str(mistake.value).replace(f"{story.folder}/", "")
        assert said.split(": Torch")[0] == line.removeprefix("assay: ").split(": Torch")[0]


READERS = {
    "": run,
    "python": write,
    "diff": patch,
    "json": write_json,
    "toml": read_toml,
    "yaml": read_yaml,
    ("docs/adapters.md", 11): make_mistakes,
    ("docs/ci.md", 4): make_tests_of_ones_own,
    ("docs/ci.md", 5): read_known_failures,
}
"""By the language of a block, or by its page and number."""


@pytest.mark.parametrize("table", [UNRUN, ELSEWHERE], ids=["not run", "run elsewhere"])
def test_a_table_has_nothing_that_is_not_there(table):
    every = [block for blocks in BLOCKS.values() for block in blocks]

    assert [key for key in table if not any(of_a_table(each, {key: True}) for each in every)] == []


@pytest.mark.parametrize(("page", "test"), [(page, test) for (page, _), test in ELSEWHERE.items()])
def test_what_is_run_elsewhere_is_run_there(page, test):
    assert page.removeprefix("docs/") in (ROOT / "tests" / test).read_text(encoding="utf-8")


def test_numbers_of_blocks_are_those_of_blocks():
    keys = [*SETTINGS, *(key for key in READERS if isinstance(key, tuple))]

    assert [(page, number) for page, number in keys if number not in {each.number for each in STORIES[page]}] == []


def test_another_output_differs():
    assert not differs("conforms\n...\nlast\n", "conforms\nmuch\nlast\n", numbers=True)
    assert differs("worst 1.5\n", "worst 2.5\n", numbers=True)
    assert not differs("worst 1.5\n", "worst 2.5\n", numbers=False)
    assert differs("it conforms\n", "it violates\n", numbers=False)
