"""The report `assay-report/1`: results come in any order and go out in that of the plan."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ...adapters import Offer, Opening
from ...adapters.foreign_text import harmless
from ..judging.causes import Cause, causes_of
from ..judging.coverage import joined
from ..judging.plan import Line, due, in_turn
from ..judging.result import Result, lack_of_evidence
from .allowances import Allowance, allow, allowances
from .allowed import Allowed
from .baseline import Comparison, compare
from .explaining import cause_as_json
from .repeating import made_with
from .resuming import digest

SCHEMA: Final = "assay-report/1"
SPEC: Final = "2026.12"
CONFORMS, VIOLATES, NO_EVIDENCE = "conforms", "violates", "no-evidence"
EXIT_STATUS: Final[Mapping[str, int]] = {CONFORMS: 0, VIOLATES: 1, NO_EVIDENCE: 3}
USAGE: Final = 2


@dataclass
class Report:
    """One run of one adapter."""

    opening: Opening
    """How the adapter was opened."""
    offer: Offer
    profile: str
    seed: int
    lines: Sequence[Line]
    shapes: Sequence[Mapping[str, int]] = ()
    """Sizes of the user's own, at which it is judged as well."""
    allowed: Sequence[Allowed] = ()
    memory: int | None = None
    """The bytes that cases at the sizes of models may need; None: whatever they need."""
    holds: Sequence[str] = ()
    """What kept the implementation away from the judge."""
    late: bool = False
    """Whether the seed was drawn after the adapter had been loaded, so that nobody could know the values."""
    judged: dict[Line, Result] = field(default_factory=dict)
    ahead: dict[Line, Result] = field(default_factory=dict)
    """What was seen to fail before the turn of its line."""
    asked_again: set[Line] = field(default_factory=set)
    """The lines that were asked once more, at the end."""
    interrupted: bool = False
    begun: int = 0
    """The cases that were judged of lines that it was interrupted in."""
    seconds: float | None = None
    """The time that it may take."""
    ended: str = ""
    """Why it has ended before its end, if somebody asked for that."""
    before: Mapping[str, Any] | None = None
    """The report with which it is compared."""
    factor: float = 2.0
    """By which errors must have grown to be worse than before."""
    words: Sequence[str] = ()
    """What repeats it, after `assay run`."""
    part: Mapping[str, Any] | None = None
    """Which part of a run it is, and what the whole judges."""
    run: str = ""
    """What identifies the run, for one that goes on with it."""

    def __post_init__(self) -> None:
        """Look at the adapter's file now, before anybody changes it."""
        self.run = self.run or digest(self.opening, self.offer, SPEC, self.profile, self.seed, list(self.shapes))

    def add(self, line: Line, result: Result) -> None:
        """Take in a result; a failure that is allowed becomes that."""
        allow([result], self.allowed)
        first = replace(line, again=False)
        if result.failure is None:
            result = self.ahead.get(first, result)
        if line.again:
            self.asked_again.add(line)
        # What shows only when it is asked again is a result of the clause like any other, whichever comes first.
        if self.judged.setdefault(first, result).failure is None and (result.failure is not None or not line.again):
            self.judged[first] = result

    def allow_causes(self) -> None:
        """Let fail what is allowed by its cause, once all are known."""
        allow(self.results, self.allowed, self.causes)

    def replace(self, line: Line, result: Result, explained: Result) -> None:
        """Put what explains a failure in the place of it; what is allowed stays so."""
        first = replace(line, again=False)
        if self.judged.get(first) is result:
            explained.status, explained.reason = result.status, result.reason
            self.judged[first] = explained

    @property
    def due(self) -> list[Line]:
        """The lines that count: what only explains does once a required clause has failed in its component."""
        found = [each for each in (*self.judged.values(), *self.ahead.values()) if each.level == "required"]
        failed = {result.component for result in found if result.status in ("fail", "allowed")}
        return due([line for line in self.lines if not line.again], failed)

    @property
    def left(self) -> list[Line]:
        """The lines that are still to be judged, in turn."""
        done = {*self.judged, *self.asked_again}
        every = [*self.due, *(line for line in self.lines if line.again)]
        return in_turn((line for line in every if line.offered and line not in done), hurried=self.seconds is not None)

    @property
    def results(self) -> list[Result]:
        """The results in the order of the plan, those of functions that are not offered among them."""
        found = []
        for line in self.due:
            if result := self.judged.get(line) or self.ahead.get(line):
                found.append(result)
            elif not line.offered:
                reason = f"{line.component} is not offered"
                found.append(
                    Result(line.clause.id, line.clause.level, line.component, line.dtype, "not-offered", reason=reason)
                )
        return found

    @property
    def checked(self) -> int:
        """How many lines were judged."""
        return sum(result.status in ("pass", "fail", "allowed") for result in self.results)

    @property
    def failures(self) -> list[Result]:
        """The required clauses that are violated."""
        return [result for result in self.results if result.status == "fail" and result.level == "required"]

    @property
    def warnings(self) -> list[Result]:
        """The advisory clauses that are violated."""
        return [result for result in self.results if result.status == "fail" and result.level == "advisory"]

    @property
    def causes(self) -> list[Cause]:
        """What is wrong, each once: the violations of one cause are one finding."""
        return causes_of(self.results)

    @property
    def largest(self) -> dict[str, dict[str, int]]:
        """The largest of each size that was judged, by component."""
        found: dict[str, dict[str, int]] = {}
        for result in self.results:
            for name, size in (result.largest or {}).items():
                sizes = found.setdefault(result.component, {})
                sizes[name] = max(size, sizes.get(name, 0))
        return found

    @property
    def limits(self) -> dict[str, dict[str, int]]:
        """Up to which sizes a component was judged in every dtype, where some had no room or no time."""
        found: dict[str, dict[str, int]] = {}
        for result in self.results:
            reached = result.largest or {}
            for sizes in result.unfit or ():
                of_component = found.setdefault(result.component, {})
                for name in (name for name in reached if sizes[name] > reached[name]):
                    of_component[name] = min(reached[name], of_component.get(name, reached[name]))
        return found

    @property
    def peaks(self) -> dict[str, int]:
        """The most bytes of memory that any process of the judge and of the implementation has had."""
        found: dict[str, int] = {}
        for result in self.results:
            for name, size in (result.memory or {}).items():
                found[name] = max(size, found.get(name, 0))
        return found

    @property
    def declarations(self) -> dict[str, Any]:
        """What was declared beyond the defaults, by whom, the last class that was accepted, and what was needed."""
        offer = self.offer
        taken = [
            {"clause": each.clause, "component": each.component, "dtype": each.dtype, "numerics": each.took}
            for each in self.results
            if each.took
        ]
        found = {"conventions": dict(offer.conventions), "numerics": {**offer.numerics}, "taken": taken}
        return {"by": offer.declared_by, "class": offer.precision_class, **{k: v for k, v in found.items() if v}}

    @property
    def _of_each(self) -> dict[tuple[str, str], list[Result]]:
        """What was judged, by component and dtype."""
        found: dict[tuple[str, str], list[Result]] = {}
        for result in self.judged.values():
            found.setdefault((result.component, result.dtype), []).append(result)
        return found

    @property
    def unseen(self) -> dict[tuple[str, str], str]:
        """The components, each with a dtype, of which there is no evidence, and why."""
        why = {pair: lack_of_evidence(results) for pair, results in self._of_each.items()}
        return {pair: reason for pair, reason in why.items() if reason}

    @property
    def coverage(self) -> dict[str, dict[str, Any]]:
        """How much of what was asked of a component in a dtype is answered."""
        found: dict[str, dict[str, Any]] = {}
        for (component, dtype), results in self._of_each.items():
            if several := [each.coverage for each in results if each.coverage]:
                found.setdefault(component, {})[dtype] = joined(several)
        return found

    @property
    def allowances(self) -> list[Allowance]:
        """What became of each entry of the known failures."""
        return allowances(self.allowed, self.offer, self.lines, self.judged, self.causes)

    @property
    def counts(self) -> dict[str, int]:
        """How many results there are of each status; advisory failures are apart."""
        pairs = ((each.level, each.status) for each in self.results)
        words = ["advisory" if pair == ("advisory", "fail") else pair[1] for pair in pairs]
        return {word: words.count(word) for word in sorted(set(words))}

    @property
    def changes(self) -> Comparison | None:
        """What got worse since the baseline, and what was mended."""
        if self.before is None:
            return None
        causes = self.causes
        now = {
            "verdict": self.verdict,
            "part": self.part,
            "causes": [cause_as_json(cause) for cause in causes],
            "results": self._results_as_json(causes),
        }
        return compare(self.before, harmless(now), self.factor)

    @property
    def verdict(self) -> str:
        """No evidence is not a pass, and neither is half a run."""
        if self.failures:
            return VIOLATES
        unseen = self.unseen
        required = any(
            result.level == "required" and result.status == "pass" and (result.component, result.dtype) not in unseen
            for result in self.judged.values()
        )
        return CONFORMS if required and not self.incomplete else NO_EVIDENCE

    @property
    def incomplete(self) -> bool:
        """Whether something is not judged yet, or never was; in a time that was given, whether that was too little."""
        return self.interrupted or any(not self.ended or line.clause.id == "ALL-1" for line in self.left)

    def as_json(self) -> dict[str, Any]:
        """Return the object that --json writes."""
        whole = {
            "schema": SCHEMA,
            "assay": importlib.metadata.version("assay"),
            "spec": SPEC,
            "adapter": self.offer.name,
            "implementation": {
                "package": self.offer.package,
                "version": self.offer.version,
                "device": self.offer.device,
                "sizes": self.offer.sizes,
                "notes": list(self.offer.notes),
            },
            "profile": self.profile,
            "seed": self.seed,
            "verdict": self.verdict,
            "expected": len(self.due),
            "checked": self.checked,
            "counts": self.counts,
            "run": self.run,
            "inputs": "drawn late" if self.late else "public",
            "made": made_with(self.words),
        }
        causes, changes = self.causes, self.changes
        optional = {
            "shard": self.part and dict(self.part),
            "confinement": list(self.holds),
            "declarations": self.declarations if self.declarations != {"by": "adapter", "class": 3} else None,
            "allowed": [each.as_json() for each in self.allowances] if self.allowed else None,
            "baseline": changes and changes.as_json(),
            "shapes": list(map(dict, self.shapes)),
            "largest": self.largest,
            "coverage": self.coverage,
            "memory": self.peaks and ({} if self.memory is None else {"budget": self.memory}) | self.peaks,
            "incomplete": self.incomplete,
            "left_out": [line.name for line in self.left if line not in self.ahead] if self.ended else None,
            "causes": [cause_as_json(cause) for cause in causes],
        }
        whole |= {name: value for name, value in optional.items() if value}
        made: dict[str, Any] = harmless({**whole, "results": self._results_as_json(causes)})
        return made

    def _results_as_json(self, causes: Sequence[Cause]) -> list[dict[str, Any]]:
        """Write every result; a failure has the id of its cause."""
        ids = {id(failure): cause.id for cause in causes for _, failure in cause.members}
        return [result.as_json(ids) for result in self.results]
