"""The end of a run: what is wrong, by cause, and what was not judged, on one screen of 24 lines.

The most telling cause comes last, where people look. What is longer is asked for (`-v`), or stands in the files.
"""

import sys
from collections.abc import Sequence
from typing import Final

from rich.text import Text

from ...adapters.foreign_text import visible
from ..claims.coverage import ranges
from ..components import CLAUSES
from ..judging.causes import Cause
from ..judging.judging import NOTHING
from ..judging.result import Result
from ..terms.case import in_words
from .ending import remarks
from .explaining import also, beyond, conditions, counted, looks_like, replay_command, sentence
from .report import CONFORMS, NO_EVIDENCE, VIOLATES, Report
from .terminal import Screen, table_of

_LINES: Final = 23
"""Of a screen of 24, the last of which has the prompt."""
_VERDICTS: Final = {
    CONFORMS: ("conforms", "bold green"),
    VIOLATES: ("violates", "bold red"),
    NO_EVIDENCE: ("nothing could be checked", "bold yellow"),
}
_UNDECIDED: Final = ("no verdict", "bold yellow")
_TELLING: Final = ("like", "replay", "when", "found", "also", "shows", "right")
"""What is known of a cause, the most telling first."""
_BRIEF: Final = ("like", "when", "found")
_REMARKS: Final = 4
"""Remarks that are shown; the files have all."""


def show_summary(screen: Screen, report: Report, *, verbose: bool = False) -> None:
    """Print the verdict, the causes, and what else should be known; if it is verbose, all of that."""
    causes = report.causes
    head, remarks, foot = _head(report, causes), _remarks(report, verbose), _foot(report)
    left = _LINES - sum(_height(screen, text) for text in (head, *remarks, foot))
    _print(screen, head)
    if all(cause.allowed or cause.level == "advisory" for cause in causes):
        table = table_of(report)
        height = len(screen.render_lines(table))
        if table.row_count and height + len(causes) <= left:
            screen.print(table)
            left -= height
        elif table.row_count:
            _print(screen, _passes(report))
            left -= 1
    for text in remarks:
        _print(screen, text)
    for text in _fitted(screen, report, causes, sys.maxsize if verbose else left):
        _print(screen, text)
    _print(screen, foot)


def _print(screen: Screen, text: Text) -> None:
    """Print a text; on a terminal, a line that is no more than told is cut where the screen ends."""
    if text.overflow == "ellipsis" and screen.is_terminal:
        screen.print(text, no_wrap=True, overflow="ellipsis")
    else:
        screen.print(text, soft_wrap=True)


def _height(screen: Screen, text: Text) -> int:
    """Count the lines that a text takes on the screen."""
    return 1 if text.overflow == "ellipsis" else sum(max(1, -(-len(line) // screen.width)) for line in text.split())


def _head(report: Report, causes: Sequence[Cause]) -> Text:
    """Say who was judged, with which verdict, and of how many causes."""
    implementation = " ".join(filter(None, (report.offer.package, report.offer.version)))
    where = f" ({implementation} on {report.offer.device})" if implementation else ""
    said = _UNDECIDED if report.interrupted and not report.failures else _VERDICTS[report.verdict]
    if said == _VERDICTS[NO_EVIDENCE] and any(result.status == "allowed" for result in report.results):
        said = ("nothing but failures that are allowed", "bold yellow")
    required = [cause for cause in causes if cause.level == "required" and not cause.allowed]
    advisory = [cause for cause in causes if cause.level == "advisory" and not cause.allowed]
    violations = counted(len(report.failures), "violation")
    told = f"{counted(len(required), 'cause')} ({violations})" if required else violations
    beside = f", {counted(len(advisory), 'advisory cause')} ({len(report.warnings)})" if advisory else ""
    begun = f", in clauses of which {report.begun:,} cases were judged" if report.begun else ""
    incomplete = f"; the run was interrupted{begun}" if report.interrupted else ""
    left_out = sum(line not in report.ahead for line in report.left)
    incomplete += f"; {report.ended}: {counted(left_out, 'check')} left out" if report.ended else ""
    name = visible(report.offer.name + where)
    rest = f"{_limits(report)}{_unseen(report)}: {told}{beside}{incomplete}"
    return Text.assemble(f"{name}: ", said, rest)


def _foot(report: Report) -> Text:
    """Say how much was judged, how it was drawn, and where the rest is."""
    counts = [f"{report.checked} of {sum(line.offered for line in report.due)} checks made"]
    for word, status in (("unsupported", "unsupported"), ("allowed to fail", "allowed"), ("vacuous", "vacuous")):
        count = sum(result.status == status for result in report.results)
        counts += [f"{count} {word}"] if count else []
    settings = [f"profile {report.profile}"]
    settings += ["few sizes"] * (report.offer.sizes == "few")
    settings += [f"the sizes {' and '.join(map(in_words, report.shapes))}"] if report.shapes else []
    settings += [f"nothing beyond precision class {report.offer.precision_class}"] * (report.offer.precision_class < 3)
    settings += [f"declared {visible(f'{name} = {value}')}" for name, value in report.offer.conventions.items()]
    settings += ["the judge's declarations"] * (report.offer.declared_by == "judge")
    settings += [f"seed {report.seed}" + ", drawn after it was loaded" * report.late]
    more = "; -v shows every check" if report.due else ""
    if report.interrupted or report.ended:
        more += "; --resume REPORT goes on from what --json REPORT has kept"
    return Text(f"{', '.join(counts)}; {', '.join(settings)}{more}", "dim")


def _limits(report: Report) -> str:
    """Name the largest sizes that were judged, of each component that had no room or no time for larger ones."""
    each = (
        f"{component} to {', '.join(f'{name} = {size:,}' for name, size in sizes.items())}"
        if sizes
        else f"{component}, but not at every size"
        for component, sizes in report.limits.items()
    )
    return "".join(f"; {one}" for one in each)


def _unseen(report: Report) -> str:
    """Name the components of which there is no evidence in a dtype, and say why."""
    each = ((" in ".join(filter(None, pair)), why) for pair, why in report.unseen.items())
    return "".join(f"; no evidence of {what}: {why}" for what, why in each)


def _remarks(report: Report, verbose: bool) -> list[Text]:
    """Say what of the offer was not judged, what was allowed to fail, and what an import has changed."""
    refused: dict[str, list[Result]] = {}
    for result in report.results:
        # What it does not have is no news.
        if result.status == "vacuous" or (result.status == "unsupported" and not _is_absent(result)):
            refused.setdefault(result.component, []).append(result)
    found = [
        f"not judged: {', '.join(dict.fromkeys(each.clause for each in results))} of {component}: {results[0].reason}"
        for component, results in refused.items()
    ]
    found += [
        f"{result.clause} of {result.component} {result.dtype}: {result.reason}"
        for result in report.results
        if report.shapes and CLAUSES[result.clause].at_size and result.reason and result.status != "not-offered"
    ]
    said = [*(Text(each, "yellow") for each in remarks(report))]
    said += [
        _line(text, "dim") for text in (*map(visible, found), *(f"note: {visible(n)}" for n in report.offer.notes))
    ]
    if len(said) > _REMARKS and not verbose:
        said = [*said[: _REMARKS - 1], Text(f"and {len(said) - _REMARKS + 1} more remarks, which -v shows", "dim")]
    return said


def _is_absent(result: Result) -> bool:
    return result.reason is None or result.reason == NOTHING or result.reason.endswith("is offered")


def _line(text: str, style: str = "") -> Text:
    """Give a line that is cut where the screen ends."""
    return Text(text, style, overflow="ellipsis", no_wrap=True)


def _passes(report: Report) -> Text:
    """Name what passes, where a table of it is too high."""
    names = list(dict.fromkeys(result.component for result in report.results if result.status == "pass"))
    return Text(f"{counted(len(names), 'component')} pass: {', '.join(names)}", "green")


def _fitted(screen: Screen, report: Report, causes: Sequence[Cause], room: int) -> list[Text]:
    """Show the causes in so many lines, the most telling last: a line each, and what else is known while there is room.

    Of the most telling, as much is shown as fits; of the others, all, or what they look like, or a line.
    """
    if not causes:
        return []
    most = len(causes) if len(causes) <= room else max(room - 1, 1)
    shown = [[_in_a_line(cause, number)] for number, cause in enumerate(causes[:most], 1)]
    hidden = len(causes) - most
    more = [Text(f"and {counted(hidden, 'more cause')}, which -v shows", "yellow")] if hidden else []
    room -= len(shown) + len(more)
    title, *facts = _in_full(report, causes[0], 1)
    room -= _height(screen, title) - 1
    kept = []
    for fact in sorted(facts, key=lambda each: _TELLING.index(each.plain.split()[0])):
        if _height(screen, fact) <= room:
            kept.append(fact)
            room -= _height(screen, fact)
    shown[0] = [title, *(fact for fact in facts if fact in kept)]
    for number, cause in enumerate(causes[1:most], 1):
        full = _in_full(report, cause, number + 1)
        short = [text for text in full if text is full[0] or text.plain.split()[0] in _BRIEF]
        for texts in (full, short) if cause.level == "required" else ():
            extra = sum(_height(screen, text) for text in texts) - 1
            if extra <= room:
                shown[number], room = texts, room - extra
                break
    return [*more, *(text for texts in reversed(shown) for text in texts)]


def _in_a_line(cause: Cause, number: int) -> Text:
    where = cause.components[0] + (f" and {len(cause.components) - 1} more" if len(cause.components) > 1 else "")
    dtypes = ", ".join(filter(None, cause.dtypes))
    when = f", when {conditions(cause)}" if cause.failure.trigger else ""
    advisory = ", advisory" * (cause.level == "advisory")
    count = f"{advisory} ({counted(cause.violations, 'check')}{f' in {dtypes}' if dtypes else ''}{when})"
    text = _line("")
    text.append(f"{number}. {where}", _style(cause))
    text.append(f"{count}: {visible(sentence(cause))}")
    return text


def _style(cause: Cause) -> str:
    return "dim" if cause.allowed else "yellow" if cause.level == "advisory" else "bold red"


def _in_full(report: Report, cause: Cause, number: int) -> list[Text]:
    """Show the sentence, when it is wrong, what it looks like, and the command that shows it again."""
    result, failure = cause.example
    level = {"required": "", "advisory": ", advisory"}[cause.level] + ", allowed" * cause.allowed
    title = Text(f"{number}. {', '.join(cause.components)}{level}: ", _style(cause))
    title.append(visible(sentence(cause)), "bold")
    dtypes = ", ".join(filter(None, cause.dtypes))
    shows = (
        f"{counted(cause.violations, 'check')}{f' in {dtypes}' if dtypes else ''}: {', '.join(ranges(cause.clauses))}"
    )
    facts = [("when", conditions(cause)), ("shows in", shows)]
    if failure.looks_like:
        facts += [("found", failure.message), ("like", looks_like(failure.looks_like))]
    elif len(failure.message) > len(sentence(cause)):
        facts += [("found", beyond(failure.message, sentence(cause)))]
    facts += [("also", text) for text in also(cause)]
    if passing := _passing(report, result):
        facts += [("right", ", ".join(ranges(passing)) + (f" in {result.dtype}" if result.dtype else ""))]
    facts += [("replay", replay_command(report.opening, result, failure))]
    return [title, *(_fact(name, text) for name, text in facts if text)]


def _passing(report: Report, result: Result) -> list[str]:
    """List the component's own clauses that pass in the dtype: what is right is half of a diagnosis."""
    own = [each for each in report.results if (each.component, each.dtype) == (result.component, result.dtype)]
    return [each.clause for each in own if each.status == "pass" and not each.clause.startswith(("ALL", "GRAD"))]


def _fact(name: str, text: str) -> Text:
    cut = name == "right"
    line = Text("", overflow="ellipsis" if cut else None, no_wrap=cut or None)
    line.append(f"  {name:8} ", "dim")
    line.append(text if name == "replay" else visible(text))
    return line
