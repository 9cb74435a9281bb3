"""The options of `assay run` and of its pytest plugin, once: `--seed` there is `--assay-seed` here.

What may stand after an option is checked by its type; each mistake is one sentence.
"""

import argparse
import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from ...adapters import Offer, Opening
from ...adapters.contract import DTYPES
from ...adapters.declaration import LARGEST, UserError, suggestion
from ..cases.profiles import PROFILES, RANDOM
from ..components import CLAUSES, COMPONENTS
from ..judging.plan import Selection


class UsageError(UserError, argparse.ArgumentTypeError):
    """An option, an argument or a file of the user's is wrong; argparse says of which option it speaks."""


def known_names(what: str, given: str | Collection[str], known: Collection[str]) -> tuple[str, ...]:
    """Return the names given, of which each must be known; one alone may be a string."""
    names = (given,) if isinstance(given, str) else tuple(given)
    for name in names:
        if name not in known:
            hint = suggestion(name, known) or f"; there are {', '.join(known)}"
            raise UsageError(f"there is no {what} {name!r}{hint}")
    return names


def check_dtypes(dtypes: Collection[str], offer: Offer) -> None:
    """Refuse a dtype that the adapter does not take: it is a mistake, not an empty run."""
    for dtype in dtypes:
        if dtype not in offer.dtypes:
            raise UsageError(f"{offer.name} does not take {dtype}; its dtypes are {', '.join(offer.dtypes)}")


def listed(what: str, known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """Return the type of an option that takes names separated by commas."""

    def names(text: str) -> tuple[str, ...]:
        given = known_names(what, list(filter(None, text.split(","))), known)
        if not given:
            raise UsageError(f"names no {what}")
        return given

    return names


# In the digits of ASCII, and no more of them than any use has.
_WHOLE: Final = re.compile(r"[0-9]{1,40}")
_NUMBER: Final = re.compile(r"(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:e[+-]?[0-9]{1,3})?", re.IGNORECASE)
LONGEST_WAIT: Final = 10.0**9
"""The seconds of a time-out that every clock can count, 30 years."""


def seed(text: str) -> int | str:
    """Read a number for all cases, or the word that has one drawn."""
    if text == RANDOM:
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    raise UsageError(f"must be a whole number, 0 or more, or {RANDOM}, not {text!r:.200}")


def workers(text: str) -> str:
    """Read how many processes of xdist there are."""
    if text == "auto":
        return text
    if _WHOLE.fullmatch(text):
        return str(int(text))
    raise UsageError(f"must be a whole number or auto, not {text!r:.200}")


def seconds(text: str) -> float:
    """Read a time-out."""
    if _NUMBER.fullmatch(text) and 0 < float(text) <= LONGEST_WAIT:
        return float(text)
    raise UsageError(f"must be a number of seconds above 0, not {text!r:.200}; 10^9 are enough")


_SHARD: Final = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")
_PARTS: Final = 1000


def shard(text: str) -> tuple[int, int]:
    """Read which part of how many it is, as in 2/8."""
    found = _SHARD.fullmatch(text)
    if found and 1 <= int(found[1]) <= int(found[2]) <= _PARTS:
        return int(found[1]), int(found[2])
    raise UsageError(f"must be a part such as 2/8, of {_PARTS} at most, not {text!r:.200}")


def factor(text: str) -> float:
    """Read a factor by which something may grow."""
    if _NUMBER.fullmatch(text) and 1 <= float(text) < math.inf:
        return float(text)
    raise UsageError(f"must be a number from 1 on, not {text!r:.200}")


def precision_class(text: str) -> int:
    """Read the number of a precision class."""
    if text in ("1", "2", "3"):
        return int(text)
    raise UsageError(f"must be 1, 2 or 3, not {text!r:.200}")


_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([KMGT]?)(?:i?B)?", re.IGNORECASE)
_UNITS: Final = ("", "K", "M", "G", "T")


def memory(text: str) -> int:
    """Read an amount of memory in bytes, in units of 1,024."""
    found = _SIZE.fullmatch(text)
    size = int(float(found[1]) * 1024 ** _UNITS.index(found[2].upper())) if found else 0
    if size > 0:
        return size
    raise UsageError(f"must be an amount of memory such as 4G or 512M, not {text!r:.200}")


def shape(text: str) -> dict[str, int]:
    """Read a shape of the command line."""
    found: dict[str, int] = {}
    for pair in text.split(","):
        name, equals, number = (each.strip() for each in pair.partition("="))
        if not name or not equals:
            raise UsageError(f"should look like B=1,L_q=1,L_k=4096, not {text!r:.200}")
        if name in found:
            raise UsageError(f"names {name} twice")
        found[name] = int(number) if _WHOLE.fullmatch(number) else -1
    for name, size in found.items():
        if not 1 <= size <= LARGEST:
            raise UsageError(f"the size {name} must be a whole number, from 1 to 10^12, in {text!r:.200}")
    return found


def _only(what: str, known: Collection[str], form: str) -> dict[str, Any]:
    note = f"only these {what}s; may be repeated"
    return {"action": "extend", "type": listed(what, known), "default": [], "metavar": form, "help": note}


OPENING: Final[Mapping[str, Mapping[str, Any]]] = {
    "as": {"metavar": "COMPONENT", "help": "what a bare function is"},
    "framework": {"metavar": "NAME", "help": "whose arrays a bare function takes (numpy, torch)"},
    "timeout": {
        "type": seconds,
        "default": Opening.timeout,
        "metavar": "S",
        "help": "seconds a call, and the start of a program, may take (60)",
    },
    "in-process": {"action": "store_true", "help": "no worker process, for debuggers"},
    "sandbox": {"action": "store_true", "help": "no network, and no writing but to a folder of its own (Linux)"},
    "limit": {
        "type": memory,
        "metavar": "SIZE",
        "help": "the memory beyond which the implementation is ended, as in 8G (default: half of what is free)",
    },
    "class": {
        "type": precision_class,
        "default": Opening.precision_class,
        "metavar": "N",
        "help": "the last precision class that is accepted: 1, 2 or 3 (default: 3, whatever is declared)",
    },
    "declare": {"metavar": "FILE", "help": "conventions and numerics, in place of what the adapter declares"},
}
"""How an adapter is opened: the words after -- or --assay-, and what argparse and pytest are told of each."""

JUDGING: Final[Mapping[str, Mapping[str, Any]]] = {
    "component": _only("component", COMPONENTS, "NAME,..."),
    "dtype": _only("dtype", DTYPES, "NAME,..."),
    "clause": _only("clause", CLAUSES, "ID,..."),
    "profile": {"choices": list(PROFILES), "default": "quick", "help": "how many cases (default: quick)"},
    "seed": {
        "type": seed,
        "metavar": "N",
        "help": "the seed of all cases, or random: drawn once the adapter is loaded (default: 0; strict: random)",
    },
    "shape": {
        "action": "append",
        "type": shape,
        "default": [],
        "metavar": "L_q=1,L_k=4096,...",
        "help": "sizes of your own, judged with every mask, regime and layout; may be repeated",
    },
    "memory": {
        "type": memory,
        "metavar": "SIZE",
        "help": "what cases at the sizes of models may need, as in 4G (default: a quarter of what is free)",
    },
    "go-on": {"action": "store_true", "help": "judge even where easy cases show that the adapter is wired wrongly"},
    "shard": {"type": shard, "metavar": "I/N", "help": "judge one part of N; `assay merge` joins their reports"},
}
"""What is judged of it."""

COMPARING: Final[Mapping[str, Mapping[str, Any]]] = {
    "allow": {"metavar": "FILE", "help": "known failures: CLAUSE [COMPONENT [DTYPE]] a line"},
    "strict": {"action": "store_true", "help": "entries of the known failures that nothing needs fail the run"},
    "baseline": {"metavar": "REPORT", "help": "fail on what got worse since that report, and only on that"},
    "worse-by": {
        "type": factor,
        "default": 2.0,
        "metavar": "FACTOR",
        "help": "by which errors and bounds must have grown to be worse than in the baseline (default: 2)",
    },
}
"""What its failures are compared with."""


def add_options(add: Callable[..., object], options: Mapping[str, Mapping[str, Any]], prefix: str = "") -> None:
    """Add a table of options by `add`, which is argparse's or pytest's function."""
    for name, settings in options.items():
        add(f"--{prefix}{name}", **settings)


def opening(spec: str, parsed: argparse.Namespace, prefix: str = "") -> Opening:
    """Return how the adapter of that name is opened, by the options given."""
    return Opening(spec, *(_given(parsed, prefix, name) for name in OPENING))


def selection(parsed: argparse.Namespace, prefix: str = "") -> Selection:
    """Return what the options select."""
    return Selection(*(_given(parsed, prefix, name) for name in ("component", "dtype", "clause")))


def _given(parsed: argparse.Namespace, prefix: str, name: str) -> Any:
    return getattr(parsed, f"{prefix}{name}".replace("-", "_"))
