"""Remake what is generated in docs/, README.md and conformance/variants/, in the order in which one needs the other.

    python benchmarks/pages.py              # what takes seconds, where it is stale; it names the rest that is
    python benchmarks/pages.py NAME ...     # these
    python benchmarks/pages.py --of COMPONENT [NAME ...]  # of these, what they say of a component; minutes
    python benchmarks/pages.py --all        # everything that is stale; hours
    python benchmarks/pages.py --check      # what is stale; exit status 1 if anything is
    python benchmarks/pages.py --list       # every name, with what it reads and writes, and how long it takes

A page that takes seconds is stale if it would be made otherwise now. One that takes minutes is stale if what it reads
has changed since this command made it: docs/generated.json keeps the hash, which passes over docstrings and comments.
"""

import argparse
import ast
import hashlib
import io
import subprocess
import sys
import tempfile
import time
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import clause_page
import detection_page
import measurements
import readme_page

ROOT: Final = Path(__file__).parent.parent
RECORD: Final = ROOT / "docs" / "generated.json"

JUDGE: Final = ("adapters/*.py", "adapters/contract/*.py", "conformance/**/*.py", "oracle/**/*.py")
"""What a verdict on a variant depends on."""

EVERY: Final = ("adapters/**/*.py", "conformance/**/*.py", "oracle/**/*.py", "constraints.txt")


@dataclass(frozen=True)
class Page:
    """Files that are made together."""

    name: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    """Patterns of files."""
    minutes: float
    """About how long it takes on two cores."""
    command: tuple[str, ...] = ()
    """A script in benchmarks/ with its arguments; FOLDER is an empty one outside the repository."""
    texts: Callable[[], Mapping[Path, str]] | None = None
    """What makes the texts of all it writes, where that takes seconds."""
    resumes: bool = False
    """Whether the script goes on with what it finds in its file."""
    narrow: bool = False
    """Whether the script takes `--of COMPONENT`, and then measures this component anew and keeps the rest."""

    @property
    def hash(self) -> str:
        """Of the files that it reads: their names, and their contents without docstrings and comments."""
        digest = hashlib.sha256()
        for file in sorted({file for pattern in self.reads for file in ROOT.glob(pattern)}):
            content = file.read_bytes()
            digest.update(f"{file.relative_to(ROOT).as_posix()}\0".encode())
            digest.update("\n".join(statements(content.decode())).encode() if file.suffix == ".py" else content)
        return digest.hexdigest()

    @property
    def stale(self) -> str:
        """Why it is to be made anew; empty if it is not."""
        if missing := [name for name in self.writes if not (ROOT / name).exists()]:
            return f"{', '.join(missing)} does not exist"
        if self.texts is None:
            return "" if recorded().get(self.name) == self.hash else "what it reads has changed since it was made"
        try:
            texts = self.texts()
        except measurements.LacksError as error:
            return lacks(error)
        other = [path for path, text in texts.items() if path.read_text(encoding="utf-8") != text]
        return f"{', '.join(path.relative_to(ROOT).as_posix() for path in other)} would be another" if other else ""

    def make(self, of: Sequence[str] = ()) -> None:
        """Write its files, and record what they were made of, unless only some components of them are made anew."""
        if self.texts is not None:
            for path, text in self.texts().items():
                measurements.write(path, text)
            return
        before = self.hash
        for name in self.writes if self.resumes and not of else ():
            (ROOT / name).unlink(missing_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            script, *arguments = (folder if each == "FOLDER" else each for each in self.command)
            arguments += [word for name in of for word in ("--of", name)]
            subprocess.run([sys.executable, ROOT / "benchmarks" / script, *arguments], check=True, cwd=ROOT)
        if not of:
            measurements.write(RECORD, measurements.lined(dict(sorted({**recorded(), self.name: before}.items()))))


def lacks(error: measurements.LacksError) -> str:
    """Say which page is to be made first."""
    return f"{error}: make {error.page} first"


def recorded() -> dict[str, str]:
    """Read what the pages were made of, by name."""
    return dict(measurements.read(RECORD)) if RECORD.exists() else {}


def statements(source: str) -> Iterator[str]:
    """List the lines of a program that say what it does: no docstring, no comment, no empty line."""
    silent = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            silent |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    comments = {
        token.start[0]: token.start[1]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for number, line in enumerate(source.splitlines(), 1):
        said = line[: comments.get(number)].rstrip()
        if said and number not in silent:
            yield said


PAGES: Final = (
    Page(
        "certificate",
        ("docs/certificate.md",),
        ("oracle/**/*.py", "benchmarks/arbitrary_precision*.py", "benchmarks/certify_oracle.py"),
        5,
        ("certify_oracle.py",),
        narrow=True,
    ),
    Page(
        "bound",
        ("docs/detection/bound.json", "docs/bound.svg"),
        (*JUDGE, "benchmarks/bound_page.py"),
        0.5,
        ("bound_page.py",),
    ),
    Page(
        "clause-table",
        ("docs/detection/clauses.json",),
        (*JUDGE, "benchmarks/clause_table.py"),
        30,
        ("clause_table.py",),
        narrow=True,
    ),
    Page(
        "seeds",
        ("docs/detection/seeds.json", "conformance/variants/caught_by.json"),
        (*JUDGE, "benchmarks/seeds.py", "docs/detection/clauses.json"),
        60,
        ("seeds.py",),
        narrow=True,
    ),
    Page(
        "few-sizes",
        ("docs/detection/few_sizes.json",),
        (*JUDGE, "benchmarks/few_sizes.py", "docs/detection/clauses.json"),
        10,
        ("few_sizes.py",),
        narrow=True,
    ),
    Page(
        "other-seeds",
        ("docs/detection/other_seeds.json",),
        (*JUDGE, "benchmarks/other_seeds.py", "docs/detection/clauses.json", "conformance/variants/caught_by.json"),
        10,
        ("other_seeds.py",),
    ),
    Page(
        "first-failure",
        ("docs/detection/first_failure.json",),
        (*JUDGE, "benchmarks/first_failure.py", "docs/detection/clauses.json", "conformance/variants/caught_by.json"),
        5,
        ("first_failure.py",),
        narrow=True,
    ),
    Page(
        "spared",
        ("docs/detection/spared.json",),
        (*JUDGE, "benchmarks/spared.py"),
        60,
        ("spared.py",),
        resumes=True,
        narrow=True,
    ),
    Page(
        "criteria",
        ("docs/detection/criteria.json",),
        (*JUDGE, "benchmarks/detect.py", "benchmarks/criteria*.py", "benchmarks/eager.py"),
        30,
        ("detect.py",),
        resumes=True,
        narrow=True,
    ),
    Page("power", ("docs/power.md",), (*EVERY, "benchmarks/power_page.py"), 8, ("power_page.py",)),
    Page("reliability", ("docs/reliability.md",), ("tests/tricks/*.py",), 2, ("reliability_page.py",)),
    Page("cost", ("docs/cost.md",), (*EVERY, "benchmarks/cost_page.py"), 2, ("cost_page.py",)),
    Page("results", ("docs/results",), (*EVERY, "benchmarks/libraries.py"), 300, ("libraries.py", "FOLDER")),
    Page(
        "clauses",
        ("docs/clauses.md",),
        ("docs/detection/clauses.json", "conformance/**/*.py", "benchmarks/clause_page.py"),
        0,
        texts=clause_page.texts,
    ),
    Page(
        "detection",
        ("docs/detection.md",),
        ("docs/detection/*.json", "benchmarks/detection_page.*", "conformance/variants/**/*.py"),
        0,
        texts=detection_page.texts,
    ),
    Page(
        "readme",
        ("README.md",),
        ("docs/detection/*.json", "benchmarks/readme_page.py", "conformance/variants/**/*.py"),
        0,
        texts=readme_page.texts,
    ),
    Page(
        "detection-plot",
        ("docs/detection.svg",),
        ("docs/detection/*.json", "benchmarks/detection_p*.py", "benchmarks/criteria.py"),
        0.1,
        ("detection_page.py",),
    ),
    Page(
        "claims",
        ("docs/claims.md",),
        ("conformance/claims/*.py", "oracle/**/*.py", "benchmarks/claims_page.py"),
        0.2,
        ("claims_page.py",),
    ),
)

QUICK: Final = 1
"""Minutes up to which a page is made without being asked for."""

WAITS: Final = "spared"
"""The page that is not made of a component unless it is named: it takes up to an hour for one, and no test needs it."""


def main(arguments: list[str] | None = None) -> None:
    """Make what is asked for, or say what is stale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(each.name for each in PAGES)}")
    parser.add_argument("--all", action="store_true", help="make everything that is stale, however long it takes")
    parser.add_argument("--check", action="store_true", help="say what is stale, and make nothing")
    parser.add_argument("--list", action="store_true", help="say what there is")
    measurements.add_of(parser)
    given = parser.parse_args(arguments)
    narrow = [page.name for page in PAGES if page.narrow]
    if unknown := set(given.names) - {each.name for each in PAGES}:
        parser.error(f"there is no page {min(unknown)!r}; the pages are {', '.join(each.name for each in PAGES)}")
    whole = [each.name for each in PAGES if each.name in given.names and not each.narrow and each.minutes > QUICK]
    if given.of and whole:
        parser.error(f"{whole[0]} is made as a whole, without --of; with it go {', '.join(narrow)}")
    names = given.names or [name for name in narrow if given.of and name != WAITS]
    left = []
    for page in PAGES:
        if given.names and page.name not in names:
            continue
        if given.list:
            reads, writes = " ".join(page.reads), " ".join(page.writes)
            print(f"{page.name}: about {page.minutes:g} min; reads {reads}; writes {writes}")
            continue
        asked = page.name in names and not given.check
        why = "" if asked else page.stale
        if asked or (why and not given.check and (given.all or page.minutes <= QUICK)):
            why = made(page, given.of if page.narrow else ())
        if why:
            left.append(f"{page.name} is stale: {why} (python benchmarks/pages.py {page.name}: {page.minutes:g} min)")
    print(*left, sep="\n", end="\n" if left else "")
    if left and (given.check or given.names or given.all):
        sys.exit(1)


def made(page: Page, of: Sequence[str] = ()) -> str:
    """Make a page and say so; if it cannot be made, return why."""
    started = time.monotonic()
    try:
        page.make(of)
    except measurements.LacksError as error:
        return lacks(error)
    except subprocess.CalledProcessError as error:
        return f"{page.command[0]} ended with status {error.returncode}"
    print(f"{page.name}: made {', '.join(page.writes)} in {time.monotonic() - started:.0f} s", flush=True)
    return ""


if __name__ == "__main__":
    main()
