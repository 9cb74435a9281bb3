"""`assay properties`: the numbers of a Transformer, or of one's own kernel, to look at: in words, and as plots."""

import argparse
import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable

from ...adapters import Adapter, Opening
from ...adapters.contract import DTYPES
from ...adapters.declaration import AdapterError, suggestion
from ...adapters.foreign_text import visible
from ..cases.profiles import seed_for
from ..properties import TOPICS, topic
from ..properties.drawing import LACKING, can_draw, svg
from ..properties.kinds import Shown
from ..properties.own import SWEEPS, measure
from .options import OPENING, UsageError, add_options, check_dtypes, known_names, listed, opening, seed
from .properties_page import page
from .report_files import check_files, write_asked
from .terminal import Screen

_WORD: Final = re.compile(r"[\w-]+")
"""What may be meant as a topic."""
_PAGE: Final = "index.html"


def add_what_is_shown(command: argparse.ArgumentParser) -> None:
    """Add what `assay properties` takes."""
    topics = ", ".join(TOPICS)
    command.add_argument("of", nargs="?", metavar="TOPIC|ADAPTER", help=f"of {topics} (all); or whose errors are drawn")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="write a page and its plots there")
    command.add_argument("--seed", type=seed, metavar="N", help="the seed of all random numbers, or random (0)")
    command.add_argument("--component", metavar="NAME", help=f"of an adapter: {', '.join(SWEEPS)} (the first it has)")
    dtypes = listed("dtype", DTYPES)
    command.add_argument("--dtype", type=dtypes, metavar="NAME,...", help="of an adapter: only these dtypes")
    add_options(command.add_argument, OPENING)


def show_properties(parsed: argparse.Namespace) -> int:
    """Print what is measured, topic after topic, and write the page at the end."""
    if parsed.out is not None:
        _check_folder(parsed.out)
    number, _ = seed_for("quick", parsed.seed)
    screen, every = Screen(), []
    for shown in _measured(parsed, number):
        every.append(shown)
        _print(screen, shown)
    if parsed.out is not None:
        _write(parsed.out, every, number)
        screen.say(f"{parsed.out / _PAGE} is written")
    return 0


def _measured(parsed: argparse.Namespace, number: int) -> Iterator[Shown]:
    """Measure what is asked for."""
    if parsed.of is None or parsed.of in TOPICS:
        if parsed.component or parsed.dtype:
            raise UsageError("--component and --dtype are for an adapter, whose errors are measured; name one")
        for name in TOPICS if parsed.of is None else [parsed.of]:
            yield topic(name).shown(number)
        return
    if parsed.component is not None:
        known_names("component whose errors are drawn", parsed.component, SWEEPS)
    with contextlib.closing(_opened(parsed)) as adapter:
        component = _component(parsed.component, adapter)
        dtypes = parsed.dtype or adapter.offer.dtypes
        check_dtypes(dtypes, adapter.offer)
        with _torch(parsed.of) as beside:
            for dtype in dtypes:
                yield measure(adapter, component, dtype, number, beside)


def _opened(parsed: argparse.Namespace) -> Adapter:
    """Open the adapter; if there is none of that name, a topic may have been meant."""
    try:
        return opening(parsed.of, parsed).open()
    except AdapterError as error:
        if not _WORD.fullmatch(parsed.of):
            raise
        hint = suggestion(parsed.of, TOPICS) or f"; the topics are {', '.join(TOPICS)}"
        raise UsageError(f"there is no topic {parsed.of!r}{hint}; and as an adapter: {error}") from None


def _component(name: str | None, adapter: Adapter) -> str:
    """Choose what is measured: what is asked for, or the first that the adapter has."""
    if name is not None:
        if name not in adapter.offer.functions:
            raise UsageError(f"{adapter.offer.name} does not offer {name}")
        return name
    offered = [each for each in SWEEPS if each in adapter.offer.functions]
    if not offered:
        raise UsageError(f"{adapter.offer.name} offers nothing whose errors are drawn: {', '.join(SWEEPS)}")
    return offered[0]


@contextlib.contextmanager
def _torch(spec: str) -> Iterator[Adapter | None]:
    """Open torch's own functions to compare with, where torch is installed and is not what is measured."""
    adapter = None
    if spec != "torch":
        with contextlib.suppress(AdapterError):
            adapter = Opening("torch").open()
    try:
        yield adapter
    finally:
        if adapter is not None:
            adapter.close()


def _print(screen: Screen, shown: Shown) -> None:
    screen.say((visible(shown.title), "bold"), (f"  {shown.source}", "dim"))
    for sentence in shown.sentences:
        screen.say(f"  {visible(sentence)}")
    for each in shown.tables:
        table = RichTable(
            title=visible(each.caption),
            title_justify="left",
            header_style="bold",
            box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
        )
        for head in each.heads:
            table.add_column(visible(head), overflow="fold")
        for row in each.rows:
            table.add_row(*map(visible, row))
        screen.print(table)
    screen.say("")


def _check_folder(folder: Path) -> None:
    """Refuse, before the work, what could not be written."""
    if not can_draw():
        raise UsageError(LACKING)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder {folder} cannot be made: {error.strerror}") from None
    check_files({"--out": folder / _PAGE})


def _write(folder: Path, every: Sequence[Shown], number: int) -> None:
    """Write the plots, and the page with all of them in it."""
    drawn = {plot.name: svg(plot) for shown in every for plot in shown.plots}
    files = {f"{name}.svg": text for name, text in drawn.items()}
    check_files({name: folder / name for name in files})
    for name, text in files.items():
        write_asked(folder / name, text.encode(), "the plot")
    write_asked(folder / _PAGE, page(every, drawn, number), "the page")
