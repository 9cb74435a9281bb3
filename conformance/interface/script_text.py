"""The text of a script: a heading, the function, the arguments, the call, and what is due."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ...adapters import Call, Standalone
from ...adapters.foreign_text import visible
from ..terms.clause import Clause
from ..terms.trial import Trial
from .script_arrays import COTANGENT, Format, Made, laid, number, target
from .script_finding import Finding

_WIDTH: Final = 110
_LAST: Final = ("numpy", "torch", "ml_dtypes")


@dataclass(frozen=True)
class Way:
    """How a case is shown."""

    trial: Trial
    clause: Clause
    call: Call
    """What is called: the case, or what the clause makes of it."""
    standalone: Standalone
    form: Format
    vjp: bool = False
    """Whether gradients are the adapter's own."""

    @property
    def backward(self) -> bool:
        """Whether it is a gradient that is shown."""
        return bool(self.call.cotangents)


def script_text(way: Way, arrays: Made, finding: Finding) -> str:
    """Write the script."""
    form, standalone = way.form, way.standalone
    imports = [*standalone.imports, *arrays.imports]
    imports += ["import torch" if form.framework == "torch" else "import numpy as np"]
    imports += ["import ml_dtypes"] if (form.framework, form.dtype) == ("numpy", "bfloat16") else []
    first, last = (
        sorted(each for each in {*imports} if (each.split()[1] in _LAST) == is_last) for is_last in (False, True)
    )
    # What is copied has annotations, whose names are not there.
    future = ["from __future__ import annotations", ""] if not standalone.vjp else []
    lines = [*_heading(way, finding), *future, *first, "" if first else None, *last, "", *standalone.lines, ""]
    lines += [part for line in arrays.lines for part in _folded(line)]
    for name, array in arrays.arrays.items():
        lines += laid(name, way.call.layouts.get(name, "contiguous"), array, form)
    lines += [*_calls(way, arrays, finding), "", *_comparison(way, finding)]
    return "\n".join(line for line in lines if line is not None) + "\n"


def comment(text: str) -> list[str]:
    """Write a text of anybody's as a comment, which it cannot leave: in ASCII, without line breaks."""
    plain = visible(text).encode("ascii", "backslashreplace").decode()
    return [f"# {line}" for line in _wrapped(plain, "")]


def _folded(line: str) -> list[str]:
    """Break a line with many numbers, within its brackets."""
    return _wrapped(line, "    ") if "[" in line else [line]


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _heading(way: Way, finding: Finding) -> Iterator[str]:
    trial, clause = way.trial, way.clause
    what = f"the gradient of {finding.of}" if way.backward else "the result"
    yield from comment(f"{trial.offer.name}: {what} of {trial.component.name} is wrong.")
    yield from comment(f"assay, clause {clause.id}: {clause.sentence}")
    if finding.said:
        yield from comment(f"Found: {finding.said}")
    yield from comment(trial.case.id)
    yield ""


def _given(way: Way, arrays: Made) -> list[str]:
    """Write the arguments of the contract's call."""
    row, options = way.trial.component.row, way.call.options
    words = {*row.masks, *row.options, *row.extensions}
    given = [number(options[name]) if name in row.plain else name for name in row.positional]
    given += [f"{name}={name}" for name in arrays.arrays if name in words]
    return given + [f"{name}={number(value)}" for name, value in options.items() if name in words]


def _calls(way: Way, arrays: Made, finding: Finding) -> Iterator[str]:
    """Call the function, and ask for the gradient that is in question."""
    given = _given(way, arrays)
    call = f"{way.standalone.call}({', '.join(given)})"
    if not way.backward:
        yield f"result = {call}"
        return
    of_weights = sorted(name for name in arrays.arrays if name.startswith("weights."))
    every = [*way.trial.component.row.real, *of_weights]
    if way.vjp:
        at = every.index(finding.of)
        yield f"result = {way.standalone.vjp}({', '.join([COTANGENT, *given])})"
        place = -1 if finding.of in of_weights else at
        yield f"result = result[{place}] if isinstance(result, (tuple, list)) else result"
        if finding.of in of_weights:
            yield f"result = result[{finding.of.removeprefix('weights.')!r}]"
        return
    asked = list(way.call.wrt or every)
    yield f"arguments = [{', '.join(map(target, asked))}]"
    yield "for argument in arguments:"
    yield "    argument.requires_grad_()"
    yield f"result = {call}"
    yield f"gradients = torch.autograd.grad(result, arguments, {COTANGENT}, allow_unused=True, materialize_grads=True)"
    yield f"result = gradients[{asked.index(finding.of)}]  # that of {finding.of}"


def _comparison(way: Way, finding: Finding) -> Iterator[str]:
    """Compare what comes with what is due, and end so that a shell knows."""
    if finding.how == "dtype":
        yield f"if result.dtype != {way.form.real}:"
        yield f'    raise SystemExit(f"the dtype is {{result.dtype}}, but should be {way.form.dtype}")'
    if finding.due or finding.how == "shape":
        yield f"if tuple(result.shape) != {finding.shape}:"
        yield f'    raise SystemExit(f"the shape is {{tuple(result.shape)}}, but should be {finding.shape}")'
    if not finding.due:
        return
    yield "# Where; what is due by the formula; and how far from it rounding may take a right result."
    yield "due = ["
    for where, expected, bound in finding.due:
        yield f"    ({where}, {number(expected)}, {number(bound)}),"
    yield "]"
    yield "wrong = 0"
    yield "for where, expected, bound in due:"
    yield "    found = float(result[where])"
    either = " or (found != found and expected != expected)" * any(each[1] != each[1] for each in finding.due)
    either = " or found != found" if finding.nan_too else either
    yield f"    right = found == expected or abs(found - expected) <= bound{either}"
    yield "    wrong += not right"
    yield '    print(f"{list(where)} is {found:.9g}, but should be {expected:.9g}: the error may be {bound:.3g}")'
    yield "if wrong:"
    yield '    raise SystemExit(f"{wrong} of {len(due)} elements are wrong")'
