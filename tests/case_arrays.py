"""Hashes of the arrays of cases: `python tests/case_arrays.py LINE ...` prints them, for case_arrays.json."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

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


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps({line: hash_of(line) for line in sys.argv[1:]}, indent=1))
    else:
        hashes = {line: hash_of(line) for line in json.loads(FILE.read_text(encoding="utf-8"))}
        print(json.dumps({"numpy": np.__version__, "lists": hash_of_lists(), "arrays": hashes}))
