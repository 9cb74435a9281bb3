"""A failure as five facts: who and in which dtype; the clause and its source; where, actual and expected; error and
allowance; the smallest case, with the command that runs it again. If it looks like a known bug, that is a sixth.
"""

import shlex
from collections.abc import Mapping

from ...adapters import Opening
from ...adapters.foreign_text import visible
from ..components import CLAUSES, COMPONENTS
from ..judging.result import Result


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


def _typical(first: Mapping[str, str] | None) -> dict[str, str]:
    return {"at first": f"{first['message']}, in {first['case']}"} if first else {}


def looks_like(name: str) -> str:
    """Describe the known bug that a failure looks like: its name, what it is, and where it was seen."""
    from ..variants import find

    variant = find(name)
    seen = f" (seen in {', '.join(variant.seen_in)})" if variant.seen_in else ""
    return f"it behaves like `{name}`: {variant.sentence}{seen}"


def replay_command(opening: Opening, result: Result) -> str:
    """Return the command that runs the failing case again, whole: it is to be copied."""
    assert result.failure is not None
    # A case is quoted, whether the shell needs it or not.
    case = shlex.quote(result.failure.case)
    return visible(f"assay replay {case} {shlex.join([*opening.words, '--clause', result.clause])}", None)
