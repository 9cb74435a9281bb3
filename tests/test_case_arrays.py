"""A case line rebuilds its arrays anywhere: their hashes are kept, and found again in another environment.

Where one of them changes, lines that users have kept give other arrays: raise `SPEC` in conformance/interface/report.py
and write the new hashes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from case_arrays import FILE, hash_of, hash_of_lists, words_of

from assay.conformance.components import COMPONENTS, parse_case

KEPT = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("line", KEPT)
def test_the_arrays_of_a_line_are_those_of_always(line):
    assert parse_case(line).id == line
    assert hash_of(line) == KEPT[line], "if this is meant, take the line out, add lines anew, and raise `SPEC`"


@pytest.mark.parametrize("component", COMPONENTS.values(), ids=COMPONENTS.keys())
def test_every_word_of_every_parameter_has_a_line(component):
    """Regimes, masks, layouts, kinds of tokens and texts; and every dtype."""
    cases = [parse_case(line) for line in KEPT if line.startswith(f"{component.name}?")]
    missing = words_of(component) - {pair for case in cases for pair in case.items()}
    assert cases, f"`python tests/case_arrays.py {component.name}` adds lines"
    assert missing == set(), f"`python tests/case_arrays.py {component.name}` adds lines"


def test_arrays_and_lists_of_cases_are_the_same_in_another_environment():
    """Other kernels of BLAS, other numbers of threads, no vector units beyond the least, other hashes of texts."""
    extensions = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    changed = {"OPENBLAS_CORETYPE": "Prescott", "OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"}
    changed |= {"NPY_DISABLE_CPU_FEATURES": " ".join(extensions), "PYTHONHASHSEED": "1"}
    script = Path(__file__).parent / "case_arrays.py"
    done = subprocess.run(
        [sys.executable, script], env=os.environ | changed, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {"numpy": np.__version__, "lists": hash_of_lists(), "arrays": KEPT}
