"""docs/reliability.md: every trick of the tables, with what was seen of it."""

from collections.abc import Callable

from . import Seen, Trick, row
from .around import EVENTS
from .cheats import CHEATS
from .declarations import DECLARATIONS, REFUSALS
from .faults import FAULTS
from .reaching import REACHES
from .texts import TEXTS

HEAD = """# What was tried to break or to fool it

Each line is an adapter that a test runs (`tests/test_reliability.py`, of the tables in `tests/tricks/`): its softmax
tries something, and a log-softmax that is right stands beside it. The third column is what the user saw when this page
was made, and the last whether the function beside it was judged, and conforms. A trick that needs what a system does
not grant ([sandbox.md](sandbox.md)) is skipped there, and the test says so.
`python benchmarks/pages.py reliability` makes the page anew.
"""
PARTS = (
    ("Written to pass", "", CHEATS),
    ("Declared to pass", "", DECLARATIONS),
    ("Refused to pass", "", REFUSALS),
    ("Reaching for the judge", "Each of these raises what it got, so that it shows; it stands alone.\n\n", REACHES),
    ("Faults of an implementation", "", FAULTS),
    ("Hostile text", "", TEXTS),
)
EVERY = tuple(trick for *_, tricks in PARTS for trick in tricks)
COLUMNS = "| it | what is done | the verdict, and what the user sees | everything else is judged |\n|---|---|---|---|\n"


def text(seen: Callable[[Trick], Seen]) -> str:
    """Write the page."""
    parts = [HEAD]
    for title, what, tricks in PARTS:
        parts.append(f"## {title}\n\n{what}{COLUMNS}" + "".join(f"{row(each, seen(each))}\n" for each in tricks))
    lines = (
        f"| {each.does} | {each.done} | {'; '.join(f'`{said}`' for said in each.says)} | {each.rest} |\n"
        for each in EVENTS.values()
    )
    parts.append(f"## Faults around a run\n\n{COLUMNS}" + "".join(lines))
    return "\n".join(parts)
