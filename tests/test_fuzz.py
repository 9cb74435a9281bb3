"""Whatever bytes, lines, files and words come in: a value or one sentence, never a traceback, and soon.

A few examples each take seconds. `FUZZ_EXAMPLES=100000 pytest tests/test_fuzz.py` tries many, and keeps none.
"""

import argparse
import contextlib
import copy
import io
import json
import os
import string

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_resuming import LINES, OFFER
from test_strict_reading import REPORT

from assay.adapters import Opening
from assay.adapters.accepting import read_declarations
from assay.adapters.calling import reply_from
from assay.adapters.declaration import UserError, offer_from_header
from assay.adapters.foreign_text import LONGEST, visible
from assay.adapters.message import EndOfMessages, MessageError, frame, read_message
from assay.conformance.components import CLAUSES, COMPONENTS, parse_case
from assay.conformance.interface import options, terminal
from assay.conformance.interface.allowed import allowed_from, read_allowed
from assay.conformance.interface.claiming import claim_of, differences, read_claim
from assay.conformance.interface.comparing import changes
from assay.conformance.interface.comparison_page import comparison_page
from assay.conformance.interface.merging import merged
from assay.conformance.interface.repeating import suite
from assay.conformance.interface.report import Report
from assay.conformance.interface.report_json import read_json
from assay.conformance.interface.resuming import resume
from assay.conformance.interface.verifying import asked_by

fuzz = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "150")),
    # What somebody else's change is judged by is the same each time.
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    deadline=20_000,
    suppress_health_check=list(HealthCheck),
)

WORDS = ("", "0", "-1", "1e400", "9" * 400, "9" * 5000, "٣", "NaN", "null", "\x00", "\u2028", "\ud800")
WORDS += ("[/x]", "\x1b[2J", "[" * 3000)
NUMBERS = (-1, 0, 2**63, 10**400, 1e308, float("inf"))
HEADERS = [
    {"reply": "offer", "protocol": 1, "name": "mine", "functions": ["softmax"], "dtypes": ["float32"], "gradients": []}
    | {"conventions": {"masked_row": "nan"}, "numerics": {"float32": {"block": 8, "exp_ulp": 2.0}}, "sizes": "all"}
    | {"shapes": [{"n": 4}], "notes": ["slow"], "layouts": ["contiguous"], "package": "mine", "version": "1"},
    {"reply": "ok", "id": 7, "touched": [], "aliased": ["x"], "data": [["a", 1.5]]},
    {"reply": "unsupported", "id": 7, "message": "no", "lacks": "window"},
    {"reply": "error", "id": 7, "message": "ValueError", "detail": "one\ntwo"},
]
FRAMES = [b"".join(frame(header, {})) for header in HEADERS]
FRAMES += [b"".join(frame(HEADERS[1], {"result": np.zeros((2, 3), np.float32), "lse": np.zeros(2)}))]
RESULT = REPORT["results"][0]
FAILURE = {"message": "wrong", "case": "softmax?n=1", "ratio": 2.0, "looks_like": None, "typical": None}
FAILED = {**RESULT, "status": "fail", "failure": FAILURE}
REPORTS = [REPORT, {**REPORT, "incomplete": True, "results": [RESULT, FAILED]}]
CASES = [component.plainest("float32").id for component in COMPONENTS.values()]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([*WORDS, *NUMBERS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def edited(draw, of, pieces):
    """Cut out, double and insert pieces of a text or of bytes."""
    text = draw(st.sampled_from(of))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        middle = draw(st.sampled_from([text[:0], text[start:end] * 2]) | pieces)
        text = text[:start] + middle + text[end:]
    return text


def places(value):
    """List the places of a value of JSON: what holds each, and under which key."""
    for key in [*value] if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


@st.composite
def altered(draw, of):
    """Replace, remove or rename what stands anywhere in a value of JSON."""
    whole = [copy.deepcopy(draw(st.sampled_from(of)))]
    for _ in range(draw(st.integers(1, 2))):
        every = list(places(whole))
        holder, key = every[draw(st.integers(0, len(every) - 1))]
        if isinstance(holder, dict) and not draw(st.integers(0, 3)):
            value = holder.pop(key)
            if draw(st.booleans()):
                holder[draw(st.text(max_size=8) | st.sampled_from(sorted(REPORT)))] = value
        else:
            alike = st.sampled_from(NUMBERS if isinstance(holder[key], int | float) else WORDS)
            holder[key] = draw(alike | json_values)
    return whole[0]


def taken(header, tensors):
    """Read a message as the judge does: first as an offer, then as a reply."""
    with contextlib.suppress(UserError):
        offer_from_header(header, "mine")
    reply = reply_from(header, tensors)
    assert len(reply.message) <= LONGEST >= len(reply.detail)


@fuzz
@given(edited(FRAMES, st.binary(max_size=12)) | st.binary(max_size=200))
def test_bytes_of_a_program(data):
    with contextlib.suppress(MessageError, EndOfMessages):
        taken(*read_message(io.BytesIO(data)))


@fuzz
@given(altered(HEADERS))
def test_a_header_of_a_program(header):
    header = header if isinstance(header, dict) else {"reply": header}
    with contextlib.suppress(MessageError):
        taken(*read_message(io.BytesIO(b"".join(frame(header, {})))))


INDEX = {"result": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
INDEX |= {"lse": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]}}


@fuzz
@given(altered([INDEX]), st.integers(0, 40))
def test_tensors_of_a_program(index, length):
    text, header = json.dumps(index).encode(), json.dumps(HEADERS[1]).encode()
    block = len(text).to_bytes(8, "little") + text + bytes(length)
    lengths = len(header).to_bytes(4, "little") + len(block).to_bytes(8, "little")
    with contextlib.suppress(MessageError):
        taken(*read_message(io.BytesIO(lengths + header + block)))


letters = st.text(string.printable, max_size=6) | st.sampled_from([*WORDS, "&", "=", "?", "&n=1"]) | st.text(max_size=6)


@fuzz
@given(edited(CASES, letters))
def test_a_case_line(line):
    with contextlib.suppress(UserError):
        case = parse_case(line)
        assert parse_case(case.id) == case


KNOWN = "SM-1 softmax float32\n# known\nALL-1 * bfloat16 until=2027-01-31 link=https://a/b#c reason=it is # so\nALL-4\n"


@fuzz
@given(edited([KNOWN], letters | st.sampled_from(["\ufeff", " *"])))
def test_an_allow_file(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "known.txt"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(UserError):
        found = read_allowed(file)
        assert {each.clause for each in found} <= CLAUSES.keys()
        assert [again for each in found for again in allowed_from(each.line)] == found


DECLARED = {"conventions": {"masked_row": "nan"}, "numerics": {"float32": {"block": 8, "exp_ulp": 2.0}}}


@fuzz
@given(altered([DECLARED]).map(json.dumps) | edited([json.dumps(DECLARED)], letters))
def test_declarations_of_whoever_judges(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "declared.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(UserError):
        assert set(read_declarations(str(file))) == {"conventions", "numerics"}


@fuzz
@given(altered(REPORTS).map(json.dumps) | edited(list(map(json.dumps, REPORTS)), letters))
def test_a_report(tmp_path_factory, text):
    """What is read can be compared, and gone on with or refused."""
    file = tmp_path_factory.getbasetemp() / "report.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(UserError):
        found = read_json(file)
        screen = terminal.Screen()
        screen.file = io.StringIO()
        terminal.show_comparison(screen, found)
        screen.file.getvalue().encode()
        comparison_page(found, 2.0).decode()
        changes(found[0], found[-1], 2.0)
        report = Report(Opening("mine.py"), OFFER, "quick", 0, LINES)
        resume(report, [{**each, "run": report.run, "adapter": "mine"} for each in found], file, alone=True)
        json.dumps(report.as_json(), allow_nan=False)


MADE = {"suite": suite(), "python": "3", "numpy": "2", "machine": "m", "repeat": ["--seed=0", "--", "mine.py"]}
CLAIM = claim_of({**REPORT, "results": [RESULT, FAILED], "counts": {"pass": 1}, "made": MADE})


@fuzz
@given(altered([CLAIM]).map(json.dumps) | edited([json.dumps(CLAIM)], letters))
def test_a_claim(tmp_path_factory, text):
    """What is read can be compared with what another run found."""
    file = tmp_path_factory.getbasetemp() / "claim.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(UserError):
        claim = read_claim(file)
        parsed = argparse.Namespace(claim=file, adapter=None, memory=None, workers="0", json=None, worse_by=2.0)
        asked_by(claim, parsed, argparse.Namespace())
        report = {**REPORT, "results": [RESULT, FAILED], "counts": {"pass": 1}, "made": MADE}
        assert all(map(str.isprintable, map(visible, differences(claim, report, 2.0))))


PART = {
    **REPORT,
    "run": "r",
    "made": MADE,
    "shard": {"part": 1, "of": 1, "functions": ["softmax"], "dtypes": ["float32"]},
}
PART["shard"]["lines"] = [[RESULT["clause"], RESULT["component"], RESULT["dtype"], "judged"]]
PART["allowed"] = [
    {"entry": "SM-1 * *", "state": "unused", "failures": 0, "reason": "r", "link": "", "until": "2027-01-31"}
]


@fuzz
@given(altered([PART, {**PART, "results": [FAILED]}]).map(json.dumps) | edited([json.dumps(PART)], letters))
def test_a_part_of_a_run(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "part.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(UserError):
        for report in merged([file]):
            json.dumps(report.as_json(), allow_nan=False)


@pytest.mark.parametrize(
    "read",
    [options.seed, options.workers, options.seconds, options.memory, options.shape, options.shard, options.factor],
)
@fuzz
@given(text=edited(["1", "1.5e3", "512M", "L_q=1,n=4", "auto"], letters))
def test_a_word_of_the_command_line(read, text):
    with contextlib.suppress(UserError):
        assert read(text) is not None


@fuzz
@given(st.text() | edited(["x" * LONGEST, "\u202e" * LONGEST, "é" * 5000], letters))
def test_a_text_is_made_harmless(text):
    seen = visible(text)
    assert seen.isprintable()
    assert len(seen) <= LONGEST
    assert visible(seen) == seen
    assert seen.encode().decode() == seen
