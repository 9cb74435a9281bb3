"""A failure as five facts: who and in which dtype; the clause and its source; where, actual and expected; error and
allowance; the smallest case, with the command that runs it again. If it looks like a known bug, that is a sixth.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ...adapters import Opening
from ...adapters.foreign_text import visible
from ..components import CLAUSES, COMPONENTS
from ..judging.causes import Cause
from ..judging.result import Failure, Result
from ..terms.case import in_words


def title(spec: str, result: Result) -> str:
    """Say who violates which clause, of what and in which dtype."""
    of_data = COMPONENTS[result.component].gives_data and not result.dtype
    where = "" if of_data else f" in {result.dtype or 'a format of its own'}"
    return f"{spec}: {result.component}{where} violates {result.clause}"


def facts(opening: Opening, result: Result) -> dict[str, str]:
    """Return the other facts as they can be shown, by a word each."""
    assert result.failure is not None
    clause, component = CLAUSES[result.clause], COMPONENTS[result.component]
    # What holds for every component is said of this one's formula.
    said = component if clause.component is None else clause
    told = {
        "clause": clause.sentence,
        "formula": f"{said.formula} ({said.source})",
        "found": result.failure.message,
        **({"like": looks_like(result.failure.looks_like)} if result.failure.looks_like else {}),
        **_typical(result.failure.typical),
    }
    return {name: visible(text) for name, text in told.items()} | {"replay": replay_command(opening, result)}


def sentence(cause: Cause) -> str:
    """Say what is wrong, in one sentence: by the known bug that it behaves like, by what was tried, or by what came."""
    from ..variants import find

    failure = cause.failure
    if failure.looks_like:
        return find(failure.looks_like).sentence
    return failure.told or failure.message.partition("; ")[0]


def beyond(message: str, said: str) -> str:
    """Give what a message tells beside a sentence of it."""
    before, _, after = message.partition(said)
    return "; ".join(filter(None, (before.strip(":; "), after.lstrip(":; "))))


def conditions(cause: Cause) -> str:
    """Name the parameters that it takes to be wrong."""
    return in_words(cause.failure.trigger).replace(",", ", ")


_NUMBERS: Final = re.compile(r": (?:the error is|they differ by) [^;]*")
_FAR_LESS: Final = 1e-3
"""The share of the example's error ratio below which a property says nothing of the same bug."""


def also(cause: Cause) -> Iterator[str]:
    """Say what was seen of each property that the cause violates, and of its gradients: most tell more than a number.

    Of a known bug, its name says more.
    """
    shown = cause.failure
    for result, failure in cause.members if shown.looks_like is None else ():
        slope = result.clause == "GRAD-1" and not shown.backward
        own = (slope or CLAUSES[result.clause].component is not None) and failure is result.failure
        claim = failure.message.partition(": ")[0]
        usual = ["the value is wrong", "the gradient is wrong"][: 1 if slope else 2]
        told = claim in usual or claim == shown.message.partition(": ")[0]
        tells = own and result.level == "required" and not told
        if tells and (failure.ratio is None or failure.ratio >= _FAR_LESS * (shown.ratio or 0.0)):
            yield f"{result.clause}: {_NUMBERS.sub('', failure.message)}"


def counted(number: int, word: str) -> str:
    """Write a number of things: `1 cause`, `2 causes`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def cause_as_json(cause: Cause) -> dict[str, Any]:
    """Return a cause as the report has it."""
    result, failure = cause.example
    return {
        "id": cause.id,
        "sentence": sentence(cause),
        "how": failure.how,
        "level": cause.level,
        "trigger": dict(failure.trigger),
        "clauses": cause.clauses,
        "components": cause.components,
        "dtypes": cause.dtypes,
        "violations": cause.violations,
        "component": result.component,
        "clause": result.clause,
        "dtype": result.dtype,
        "case": failure.case,
        "looks_like": failure.looks_like,
        "declare": failure.declare,
    }


def _typical(first: Mapping[str, str] | None) -> dict[str, str]:
    return {"at first": f"{first['message']}, in {first['case']}"} if first else {}


def looks_like(name: str) -> str:
    """Describe the known bug that a failure looks like: its name, what it is, and where it was seen."""
    from ..variants import find

    variant = find(name)
    seen = f" (seen in {', '.join(variant.seen_in)})" if variant.seen_in else ""
    return f"it behaves like `{name}`: {variant.sentence}{seen}"


def replay_command(opening: Opening, result: Result, failure: Failure | None = None) -> str:
    """Return the command that runs the failing case again, whole: it is to be copied."""
    shown = failure or result.failure
    assert shown is not None
    return replay_line(opening, result.clause, shown.case)


def replay_line(opening: Opening, clause: str, case: str) -> str:
    """Return the command that checks a clause on a case."""
    # A case is quoted, whether the shell needs it or not.
    return visible(f"assay replay {shlex.quote(case)} {shlex.join([*opening.words, '--clause', clause])}", None)


def failure_text(opened: Opening, result: Result) -> str:
    """Return the five facts in plain text; pytest shows the first line alone where it is short of room."""
    assert result.failure is not None
    known = f"like {result.failure.looks_like}: " if result.failure.looks_like else ""
    found = visible(known + result.failure.message)
    lines = [f"  {name:8} {text}" for name, text in facts(opened, result).items() if name != "found"]
    return "\n".join([found, visible(title(opened.spec, result)), *lines])
