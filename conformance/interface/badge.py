"""A badge: verdict, precision class, version of the spec and largest size; SVG, or what shields.io makes one of."""

import json
from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import quoteattr

from ...adapters.foreign_text import visible
from .report import CONFORMS, NO_EVIDENCE, SPEC, VIOLATES, Report

_COLOURS: Final = {CONFORMS: "2ea043", VIOLATES: "cf222e", NO_EVIDENCE: "9a6700"}
_WORDS: Final = {CONFORMS: "conforms", VIOLATES: "violates", NO_EVIDENCE: "no verdict"}
_CHARACTER: Final = 7
"""The width of one in pixels, at least."""


def badge_svg(reports: Sequence[Report], refused: Mapping[str, str]) -> bytes:
    """Draw it, without a font or a picture of anybody else's."""
    label, message, colour = _said(reports, refused)
    left, right = (_CHARACTER * len(text) + 12 for text in (label, message))
    name = quoteattr(f"{label}: {message}")
    texts = "".join(
        f'<text x="{middle}" y="14" textLength="{_CHARACTER * len(text)}">{text}</text>'
        for middle, text in ((left / 2, label), (left + right / 2, message))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label={name} width="{left + right}" height="20">'
        f'<rect width="{left + right}" height="20" rx="3" fill="#{colour}"/><rect width="{left}" height="20" rx="3" '
        f'fill="#444"/><g fill="#fff" text-anchor="middle" font-family="Verdana,sans-serif" font-size="11">{texts}</g>'
        "</svg>\n"
    ).encode()


def badge_json(reports: Sequence[Report], refused: Mapping[str, str]) -> bytes:
    """Write what the endpoint badge of shields.io reads."""
    label, message, colour = _said(reports, refused)
    return json.dumps({"schemaVersion": 1, "label": label, "message": message, "color": colour}).encode() + b"\n"


def _said(reports: Sequence[Report], refused: Mapping[str, str]) -> tuple[str, str, str]:
    """Return label, message and colour; of several adapters the worst verdict, the last class and the smallest size."""
    verdicts = [report.verdict for report in reports] + [NO_EVIDENCE] * bool(refused)
    verdict = next(each for each in (VIOLATES, NO_EVIDENCE, CONFORMS) if each in verdicts)
    classes = [each.precision_class for report in reports for each in report.results if each.status == "pass"]
    words = [_WORDS[verdict]]
    if verdict == CONFORMS:
        last = max((each for each in classes if each), default=None)
        allowed = sum(report.counts.get("allowed", 0) for report in reports)
        words += [f"{allowed} allowed to fail"] if allowed else []
        words += [f"class {last}"] if last else []
        largest = [each for each in map(_largest, reports) if each]
        words += [min(largest)[1]] if len(largest) == len(reports) else []
    return f"assay {SPEC}", visible(", ".join(words)), _COLOURS[verdict]


def _largest(report: Report) -> tuple[int, str] | None:
    sizes = [(size, f"{name} to {size:,}") for sizes in report.largest.values() for name, size in sizes.items()]
    return max(sizes, default=None)
