"""Hashes of the arrays of cases: `python tests/case_arrays.py COMPONENT ...` adds lines to case_arrays.json."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from assay.adapters.contract import DTYPES
from assay.conformance.cases.drawing import covering_cases, drawn_cases
from assay.conformance.cases.sizes import pool
from assay.conformance.components import COMPONENTS, parse_case
from assay.conformance.terms.trial import Trial

FILE = Path(__file__).parent / "case_arrays.json"
_FORMATS = {"f": "<f8", "i": "<i8", "b": "?"}


def hash_of(line):
    """BLAKE2b of every argument and of the cotangent: names, shapes and values, however they lie in memory."""
    case = parse_case(line)
    component = COMPONENTS[case.component]
    inputs = component.make(case)
    arrays = dict(inputs.arrays)
    if component.gradient:
        arrays["cotangent"] = Trial(None, component, case).cotangent
    digest = hashlib.blake2b(json.dumps(inputs.options, sort_keys=True).encode(), digest_size=16)
    for name, array in sorted(arrays.items()):
        digest.update(json.dumps([name, array.dtype.kind, array.shape]).encode())
        digest.update(array.astype(_FORMATS[array.dtype.kind]).tobytes())
    return digest.hexdigest()


def hash_of_lists():
    """Hash the lines of the covering set of each component and of some draws, and the shapes of few sizes."""
    digest = hashlib.blake2b(digest_size=16)
    for component in COMPONENTS.values():
        cases = [*covering_cases(component, "float32", 1), *drawn_cases(component, "float32", 1, 20)]
        digest.update(json.dumps([[case.id for case in cases], pool(component)]).encode())
    return digest.hexdigest()


def words_of(component):
    """(parameter, word) of each that a line of the component may have: regimes, masks, layouts, dtypes, ..."""
    options = [option for options in component.factors.values() for option in options]
    words = {(name, value) for option in options for name, value in option.items() if isinstance(value, str)}
    return words | ({("dtype", dtype) for dtype in DTYPES} if component.has_dtype else set())


def lines_with(component, words):
    """Few lines that have all of the words, or two where there are none; the covering set has every word."""
    cases = covering_cases(component, "float32", 1)
    if component.has_dtype:
        cases = [case.but(dtype=DTYPES[number % len(DTYPES)]) for number, case in enumerate(cases)]
    lines = [] if words else [case.id for case in cases[:2]]
    while words:
        best = max(cases, key=lambda case: len(words & set(case.items())))
        lines.append(best.id)
        words = words - set(best.items())
    return lines


if __name__ == "__main__":
    hashes = json.loads(FILE.read_text(encoding="utf-8"))
    if sys.argv[1:]:
        for name in sys.argv[1:]:
            kept = [parse_case(line) for line in hashes if line.startswith(f"{name}?")]
            missing = words_of(COMPONENTS[name]) - {pair for case in kept for pair in case.items()}
            hashes |= {line: hash_of(line) for line in lines_with(COMPONENTS[name], missing)}
        FILE.write_text(json.dumps(hashes, indent=1) + "\n", encoding="utf-8")
    else:
        again = {line: hash_of(line) for line in hashes}
        print(json.dumps({"numpy": np.__version__, "lists": hash_of_lists(), "arrays": again}))
