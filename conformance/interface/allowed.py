"""Known failures, which an implementation may list: `SDPA-15 attention bfloat16 until=2027-01-31 reason=...` a line."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from ...adapters.contract import DTYPES
from ...adapters.declaration import UserError
from ..components import CLAUSES, COMPONENTS
from ..judging.result import Result
from .reading import read_text

FORM: Final = (
    "CLAUSE [COMPONENT [DTYPE]] [cause=ID] [until=YYYY-MM-DD] [link=ADDRESS] [reason=WORDS TO THE END OF THE LINE]"
)
_CAUSE: Final = re.compile(r"[a-z0-9.-]{1,100}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class AllowError(UserError, ValueError):
    """A line of an allow file that names no clause, or has another mistake: one sentence."""


@dataclass(frozen=True)
class Allowed:
    """One known failure; a star stands for any component or dtype, and for any clause of a cause."""

    clause: str
    component: str = "*"
    dtype: str = "*"
    cause: str = ""
    """The id of the only cause that is allowed; any is, if that is empty."""
    until: date | None = None
    """The last day on which it is allowed; it is for ever, if that is None."""
    link: str = ""
    reason: str = ""

    def covers(self, clause: str, component: str, dtype: str) -> bool:
        """Say whether the entry speaks of this clause, component and dtype."""
        pairs = ((self.clause, clause), (self.component, component), (self.dtype, dtype))
        return all(pattern in ("*", value) for pattern, value in pairs)

    @property
    def expired(self) -> bool:
        """Whether its last day has passed, everywhere."""
        return self.until is not None and self.until < datetime.now(UTC).date()

    @property
    def why(self) -> str:
        """What it says beside what it speaks of."""
        until = f"until {self.until}" if self.until else ""
        beside = ", ".join(filter(None, (self.link, until)))
        return " ".join(filter(None, (self.reason, f"({beside})" if self.reason and beside else beside)))

    @property
    def line(self) -> str:
        """The line that would be read as it, with a reason to be filled in where there is none."""
        until = f" until={self.until}" if self.until else ""
        return f"{self}{until}{f' link={self.link}' if self.link else ''} reason={self.reason}"

    def __str__(self) -> str:
        """Say what it speaks of."""
        return f"{self.clause} {self.component} {self.dtype}" + (f" cause={self.cause}" if self.cause else "")


def read_allowed(path: Path, option: str = "--allow") -> list[Allowed]:
    """Read the known failures of a file, one a line; a # begins a comment, but none within a link or a reason."""
    allowed: list[Allowed] = []
    for number, line in enumerate(read_text(path, f"{option} {path} cannot be read").splitlines(), 1):
        try:
            allowed += allowed_from(line)
        except AllowError as error:
            raise AllowError(f"{path}, line {number}: {line.strip()!r:.200} {error}") from None
    return allowed


def allowed_from(line: str) -> Iterator[Allowed]:
    """Read a line, which may have no entry; `AllowError` goes on where the line was quoted."""
    names: list[str] = []
    options: dict[str, str] = {}
    for word in re.finditer(r"\S+", line):
        key, equals, value = word[0].partition("=")
        if key == "reason" and equals:
            options[key] = line[word.start() + len("reason=") :].strip()
            break
        if key.startswith("#"):
            break
        if equals:
            if key not in ("cause", "until", "link") or key in options or not value:
                raise AllowError(f"should be {FORM}")
            options[key] = value
            continue
        name, comment, _ = key.partition("#")
        names.append(name)
        if options:
            raise AllowError(f"should be {FORM}")
        if comment:
            break
    if names or options:
        clause, component, dtype = _checked(names, options.get("cause"))
        link, reason = (options.get(key, "") for key in ("link", "reason"))
        yield Allowed(clause, component, dtype, options.get("cause", ""), _last_day(options), link, reason)


def _checked(names: Sequence[str], cause: str | None) -> tuple[str, str, str]:
    clause, component, dtype = [*names, *"***"][:3]
    every = ("*", *CLAUSES) if cause else CLAUSES
    right = (clause in every, component in ("*", *COMPONENTS), dtype in ("*", *DTYPES))
    if cause and not _CAUSE.fullmatch(cause):
        raise AllowError(f"names no cause: a report has their ids, as in softmax-value, not {cause!r:.100}")
    if len(names) > 3 or not all(right):
        known = "with a clause that `assay spec` lists, and a star for any component or dtype"
        raise AllowError(f"should be {FORM}, {known}")
    return clause, component, dtype


def _last_day(options: Mapping[str, str]) -> date | None:
    text = options.get("until")
    if text is None:
        return None
    try:
        return date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise AllowError(f"has no date of the form 2027-01-31, but {text!r:.100}") from None


def allowing(allowed: Iterable[Allowed], result: Result, causes: Sequence[str]) -> Allowed | None:
    """Return the entry that allows a failure today; if it has several causes, each must be allowed.

    `causes` has their ids; a failure whose cause is not known is allowed by entries of its clause alone.
    """
    covering = [each for each in allowed if each.covers(result.clause, result.component, result.dtype)]
    today = [each for each in covering if not each.expired]
    found = [next((each for each in today if each.cause in ("", cause)), None) for cause in causes or [""]]
    return None if None in found else found[0]
