"""`many_kernels.py FOLDER [--kernels N] [--at-once N]`: a thousand small kernels in one command, killed half way.

It writes variants of the catalogue as adapter files into FOLDER/kernels, judges them by `assay run - --each`, kills
that with SIGKILL when half of them are judged, calls it again, and checks the table against what the catalogue says:
every verdict, nothing lost, nothing judged twice, no process left. It ends with status 1 where something is not so.
FOLDER must not be there before.
"""

import argparse
import contextlib
import importlib
import pkgutil
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.conformance import variants as catalogue
from assay.conformance.components import CLAUSES
from assay.conformance.interface.session import cores
from assay.conformance.variants import Variant, variants

COMPONENTS = (
    *("softmax", "log_softmax", "layer_norm", "rms_norm", "learning_rate", "positional_encoding", "adam", "embedding"),
    *("output_logits", "feed_forward", "gated_feed_forward", "cross_entropy", "dropout", "additive_attention"),
    "bilinear_attention",
)
"""Small ones; their variants in float32 and bfloat16 are more than a thousand."""
ATTENTION = 10
"""Variants of attention beside a thousand: each takes as long as ten others."""
OPTIONS = ("-x",)
"""No further than the first cause. Each adapter has one dtype."""
_ALL = 1000
_LONG = ("adam-counter-stops-at-32767", "adam-counter-wraps-at-65536")
"""What is wrong after so many steps takes minutes to be found."""
_COPY = "kernels_of_the_catalogue"
_KERNEL = """import sys

sys.path.insert(0, {folder!r})
{imports}
from {copy}.catalogue import find

found = vars(find({name!r}).adapter())
globals().update({{each: value for each, value in found.items() if each not in ("name", "notes")}})
dtypes = ({dtype!r},)
"""


def chosen(number: int) -> list[tuple[Variant, str]]:
    """Choose so many variants, each with a dtype, evenly of all components."""
    attention = [(each, "float32") for each in variants("attention") if "float32" in each.dtypes]
    every = attention[:: len(attention) // ATTENTION][:ATTENTION]
    for dtype in ("float32", "bfloat16"):
        every += [(each, dtype) for name in COMPONENTS for each in variants(name) if dtype in each.dtypes]
    every = [each for each in every if each[0].name not in _LONG][:_ALL]
    return [every[place * len(every) // number] for place in range(min(number, len(every)))]


def expected(variant: Variant) -> str:
    """Return the verdict that the catalogue says."""
    required = any(CLAUSES[clause].level == "required" for clause in variant.caught_by)
    return "violates" if variant.wrong and required else "conforms"


def modules_of(library: Path) -> dict[str, str]:
    """Say of each variant, by its name, which module of the copy has it when it is imported."""
    sys.path.insert(0, str(library))
    found: dict[str, str] = {}
    for each in pkgutil.walk_packages([str(library / _COPY)], f"{_COPY}."):
        importlib.import_module(each.name)
        known = importlib.import_module(f"{_COPY}.catalogue").variants()
        found |= {variant.name: each.name for variant in known if variant.name not in found}
    return found


def write_kernels(folder: Path, chosen: Sequence[tuple[Variant, str]]) -> dict[str, str]:
    """Write an adapter file of each, and what they import; return the verdicts that are expected, by path."""
    source, library = Path(catalogue.__file__).parent, folder.resolve() / "lib"
    shutil.copytree(source, library / _COPY, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    (library / _COPY / "__init__.py").write_text('"""A copy of the catalogue."""\n', encoding="utf-8")
    modules = modules_of(library)
    (folder / "kernels").mkdir()
    verdicts = {}
    for number, (variant, dtype) in enumerate(chosen):
        path = folder / "kernels" / f"{number:04}_{variant.name.replace('-', '_')}_{dtype}.py"
        # A variant may look another one of its component up when it is called.
        imports = "\n".join(f"import {each}" for each in {modules[each.name] for each in variants(variant.component)})
        fields = {"folder": str(library), "imports": imports, "copy": _COPY, "name": variant.name, "dtype": dtype}
        text = _KERNEL.format(**fields)
        path.write_text(text, encoding="utf-8")
        verdicts[str(path)] = expected(variant)
    return verdicts


def command_of(folder: Path, at_once: int, more: Sequence[str]) -> list[str]:
    """Return the one command that judges all of them."""
    command = [sys.executable, "-P", "-m", "assay.conformance.interface.command_line", "run", "-", "--each"]
    return [*command, "--out", str(folder / "results"), "-n", str(at_once), *OPTIONS, *more]


def judge(command: Sequence[str], paths: Sequence[str], kill_at: int | None = None, table: Path | None = None) -> float:
    """Judge them, to the end or until so many are in the table; return the seconds."""
    began = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdin is not None
        process.stdin.write("\n".join(paths))
        process.stdin.close()
        while kill_at is not None and table is not None and process.poll() is None:
            if len(rows_of(table)) >= kill_at:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.1)
    return time.monotonic() - began


def rows_of(table: Path) -> dict[str, sqlite3.Row]:
    """Read the table of kernels, as far as it is there, by their paths."""
    if not table.exists():
        return {}
    with contextlib.closing(sqlite3.connect(f"file:{table}?mode=ro", uri=True, timeout=60)) as database:
        database.row_factory = sqlite3.Row
        with contextlib.suppress(sqlite3.OperationalError):  # it is being made
            return {row["adapter"]: row for row in database.execute("SELECT * FROM kernels ORDER BY place")}
    return {}


def processes_left(folder: Path) -> list[str]:
    """List the processes whose command names the folder, or that start judges."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder / "kernels") in words:
                found.append(words)
    return found


def faults(verdicts: dict[str, str], before: dict[str, sqlite3.Row], after: dict[str, sqlite3.Row]) -> Iterator[str]:
    """Say what is not as it should be."""
    yield from (f"{path} is lost" for path in verdicts if path not in after)
    for path, row in after.items():
        if "there is no variant" in row["sentence"]:
            yield f"{path} lacks a file of the catalogue"
        if row["verdict"] != verdicts[path]:
            yield f"{path} is said to be {row['verdict']}, and should be {verdicts[path]}: {row['sentence']}"
    for path, row in before.items():
        if tuple(after.get(path, ())) != tuple(row):
            yield f"{path} was judged twice"


def main() -> int:
    """Write, judge, kill, judge the rest, and check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kernels", type=int, default=_ALL)
    parser.add_argument("--at-once", type=int, default=cores())
    parser.add_argument("--ray", metavar="ADDRESS", help="judge on a cluster: what --ray of `assay run` takes")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True)
    verdicts = write_kernels(folder, chosen(options.kernels))
    paths, table = list(verdicts), folder / "results" / "results.sqlite"
    command = command_of(folder, options.at_once, ["--ray", options.ray] if options.ray else [])
    first = judge(command, paths, len(paths) // 2, table)
    before = rows_of(table)
    time.sleep(5.0)
    left = processes_left(folder)
    second = judge(command, paths)
    after = rows_of(table)
    wrong = [*(f"a process is left: {each}" for each in left), *faults(verdicts, before, after)]
    show(first, second, before, after, options.at_once)
    for each in wrong:
        print(each)
    print(f"{len(wrong)} faults")
    return 1 if wrong else 0


def show(first: float, second: float, before: dict[str, sqlite3.Row], after: dict[str, sqlite3.Row], room: int) -> None:
    """Say how fast it was, and what took the time."""
    wall, cpu = first + second, sum(row["cpu"] for row in after.values())
    print(f"{len(after)} kernels in {wall:.0f} s, {first:.0f} of them until the kill: {len(after) / wall:.2f} a second")
    print(f"{len(before)} were judged when it was killed, and {len(after) - len(before)} after that")
    print(
        f"{cpu / len(after):.2f} s of the processor each; judges had {cpu / wall:.2f} of {room} cores that they may use"
    )
    for name in (*COMPONENTS, "attention"):
        own = sorted(row["cpu"] for row in after.values() if row["components"] == name)
        if own:
            print(f"  {name:20} {len(own):4} kernels, {sum(own) / len(own):6.2f} s each, {own[-1]:.2f} at most")


if __name__ == "__main__":
    sys.exit(main())
