"""Pages of reports that are large, old, or by another hand."""

import time

from test_comparing import failing, line, report
from test_html_page import Reader

from assay.conformance.interface.html_page import page


def test_a_full_run_with_many_causes_is_a_page_of_three_megabytes_in_ten_seconds():
    """Twenty-four components, four dtypes, as many causes; twenty with arrays and scripts, as a run keeps them."""
    rows = [[-1.2345678901234567e-05] * 16] * 16
    array = {"name": "result", "shape": [2, 16, 16], "first": [1, 0, 0], "actual": rows, "expected": rows}
    arrays = [array | {"allowed": rows, "ratio": [[12345.678] * 16] * 16}]
    beside = [{"changed": {f"factor_{k}": k}, "passes": bool(k % 2)} for k in range(30)]
    evidence = {"arrays": arrays, "beside": beside, "script": ["x" * 100] * 100}
    sizes = {f"size_{k}": {str(2**power): [9, 0.12345, 0.98765] for power in range(19)} for k in range(2)}
    measured = {"sizes": sizes, "regimes": {f"regime-{k}": [9, 0.01, 0.1, 0.2, 0.9] for k in range(17)}}
    results = [
        line(f"component_{k}", dtype, clause, measured=measured)
        for k in range(24)
        for dtype in ("float64", "float32", "bfloat16", "float16")
        for clause in ("ALL-1", "ALL-12", *(f"C-{number}" for number in range(25)))
    ]
    wrong = [failing(f"component_{k}", "float32", "SM-1", f"cause {k}") for k in range(24)]
    for each in wrong[:20]:
        each["failure"]["evidence"] = evidence
    started = time.monotonic()
    text = page([report("mine", *results, *wrong)])

    assert time.monotonic() - started < 10
    assert len(text) < 3_000_000
    assert text.count(b"<polyline") == 24 * 4 * 2 * 2


def test_a_report_without_causes_says_what_fails():
    old = report("old", failing("softmax", "float32", "SM-1", "sum"), failing("softmax", "float32", "SM-2", "tail"))
    del old["causes"]
    read = Reader(page([old]).decode())

    assert "2 violations" in read.text
    assert "sum is wrong" in read.text
    assert "SM-1 to SM-2" in read.text


def test_cases_of_small_sizes_and_of_models_are_counted_together():
    told = [
        {"sizes": {"n": {"64": [cases, median, largest], "128": [1, median, median]}}, "regimes": {}}
        for cases, median, largest in ((3, 0.5, 0.9), (1, 33.2, 33.2))
    ]
    lines = [
        line("softmax", "float32", clause, measured=each)
        for clause, each in zip(("ALL-1", "ALL-12"), told, strict=True)
    ]
    text = page([report("mine", *lines)]).decode()

    assert "of 4 cases at most 33.2, about half 0.5" in text
    assert "of 2 cases at most 33.2" in text


def test_figures_of_another_hand_are_left_out():
    told = {"sizes": {"n": {"-4": [1, 0.5, 0.5], "\u0664": [1, 0.5, 0.5], "9" * 400: [1, 0.5, 0.5]}}, "regimes": {}}
    read = Reader(page([report("mine", line("softmax", "float32", "ALL-1", measured=told))]).decode())

    assert not read.open
    assert "polyline" not in read.tags
