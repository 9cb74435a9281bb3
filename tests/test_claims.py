"""The notes' claims: every figure of docs/claims.md taken anew, and each within what its verdict needs."""

import functools
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

from assay.conformance.claims import claims, figure
from assay.conformance.claims import positions as claims_positions
from assay.oracle.positional_encoding import positional_encoding_at

TEXT = (Path(__file__).parent.parent / "docs" / "claims.md").read_text(encoding="utf-8")
WORDS = " ".join(TEXT.split())
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in TEXT.partition("| claim |")[2].splitlines()
    if line.startswith("| N")
]
MEASUREMENTS = [(claim, measurement) for claim in claims.values() for measurement in claim.measurements]


@functools.cache
def measured(row):
    """Measure once for several tests."""
    return MEASUREMENTS[row][1].measure()


def test_the_page_has_every_measurement():
    assert [row[:2] for row in ROWS] == [[claim.number, measurement.name] for claim, measurement in MEASUREMENTS]


@pytest.mark.parametrize("row", range(len(MEASUREMENTS)), ids=lambda row: ": ".join(ROWS[row][:2]))
def test_a_figure_is_that_of_the_page_and_supports_the_verdict(row):
    """What rounding leaves may be another elsewhere; there the limits alone count, for the page, too."""
    _, measurement = MEASUREMENTS[row]
    value = measured(row)

    assert measurement.least <= value <= measurement.most
    if measurement.of_rounding:
        assert measurement.least <= float(ROWS[row][2]) <= measurement.most
    else:
        assert figure(value) == ROWS[row][2]


@pytest.mark.parametrize("claim", claims.values(), ids=claims)
def test_the_page_has_the_claim_its_verdict_and_what_holds(claim):
    assert f'**{claim.number}: {claim.verdict}.** "{claim.claimed}"' in WORDS
    assert claim.holds in WORDS
    assert len(claim.measurements) > 1


def test_the_claims_are_those_that_can_be_measured():
    assert list(claims) == ["N3", "N5", "N6", "N8", "N11", "N12", "N13"]
    assert re.findall(r"\*\*(N\d+):", TEXT) == ["N1", *claims]
    with pytest.raises(FrozenInstanceError):
        claims["N3"].verdict = "false"


def test_a_measurement_is_the_same_at_every_call():
    for row, (claim, measurement) in list(enumerate(MEASUREMENTS))[::7]:
        assert measured(row) == measurement.measure(), claim.number


@pytest.mark.parametrize("d_model", [2, 4, 8])
def test_no_two_codes_are_nearer_than_the_scan_finds(d_model):
    """Every pair of positions to 2000, by the codes themselves."""
    distance, nearest = claims_positions.nearest_codes(d_model, 2000)
    codes = positional_encoding_at(np.arange(2001), d_model)
    every = np.linalg.norm(codes[1:] - codes[0], axis=1)
    pairs = np.sqrt(np.maximum(np.square(codes[:, None, :] - codes[None, :400]).sum(-1), 0))
    apart = np.arange(2001)[:, None] != np.arange(400)

    assert nearest == every.min()
    assert distance == every.argmin() + 1
    assert pairs[apart].min() == pytest.approx(nearest, rel=1e-9)


THE_COMMAND = """
import runpy
from assay.conformance.claims import claims
for number in claims.keys() - {"N5", "N8"}:
    del claims[number]
runpy.run_module("assay.conformance.claims", run_name="__main__")
"""


def test_the_command_prints_the_table():
    """Of N5 and N8, so that it is quick."""
    done = subprocess.run([sys.executable, "-c", THE_COMMAND], capture_output=True, text=True, check=True)
    head, rule, *rows = done.stdout.splitlines()
    printed = [[cell.strip() for cell in line.split("|")[1:-1]] for line in rows]

    assert f"{head}\n{rule}\n" in TEXT
    assert [row[:2] for row in printed] == [row[:2] for row in ROWS if row[0] in ("N5", "N8")]
    assert all(float(row[2]) >= 0 for row in printed)
