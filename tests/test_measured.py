"""What a report says of how close errors come to their bounds, by size and by regime: what was judged, and no more."""

import json
import timeit

import numpy as np
import pytest
from conftest import RIGHT

from assay.conformance import judge
from assay.conformance.components import COMPONENTS
from assay.conformance.interface.report_json import json_text
from assay.conformance.interface.schema import fault
from assay.conformance.judging.measured import LEAST, Measured, up_to
from assay.conformance.terms.subject import Subject
from assay.conformance.terms.trial import Trial
from assay.conformance.terms.verdict import Outcome


class Growing:
    """Right up to 16 entries; beyond, every result is a quarter too large."""

    dtypes = ("float32",)

    @staticmethod
    def softmax(x):
        """Be off beyond 16 entries."""
        e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
        return e / e.sum(-1, keepdims=True) * np.float32(1.25 if x.shape[-1] > 16 else 1)


@pytest.fixture(scope="module")
def lines():
    """Judge it once: the results by clause, and the text of the report."""
    report = judge(Growing, components="softmax", clauses=("ALL-1", "ALL-4", "ALL-12"), memory=2**28)
    assert fault(report.as_json()) is None
    return {each["clause"]: each for each in report.as_json()["results"]}, json_text([report]).decode()


def test_sizes_are_gathered_between_powers_of_two():
    assert [up_to(size) for size in (1, 2, 3, 4, 5, 128, 129, 131_072)] == [1, 2, 4, 4, 8, 128, 256, 131_072]


def test_errors_are_told_by_the_size_that_they_grow_with(lines):
    by_size = lines[0]["ALL-1"]["measured"]["sizes"]["n"]

    assert list(map(int, by_size)) == sorted(map(int, by_size))
    assert all(largest <= 1 for size, (_, _, largest) in by_size.items() if int(size) <= 16)
    assert all(largest > 1000 for size, (_, _, largest) in by_size.items() if int(size) > 16)
    assert all(median <= largest for _, median, largest in by_size.values())


def test_every_case_that_a_number_says_something_of_is_counted_once(lines):
    line = lines[0]["ALL-1"]
    cases = {name: sum(numbers[0] for numbers in of.values()) for name, of in line["measured"]["sizes"].items()}
    regimes = line["measured"]["regimes"]

    # Rows without entries have no error; the others have a size and a regime.
    assert cases["n"] == sum(numbers[0] for numbers in regimes.values())
    assert 0 < cases["n"] <= line["examples"]
    for _, *quartiles in regimes.values():
        assert quartiles == sorted(quartiles)


def test_what_compares_nothing_with_a_bound_tells_nothing_and_sizes_of_models_tell_sizes(lines):
    assert "measured" not in lines[0]["ALL-4"]
    assert lines[0]["ALL-12"]["measured"]["regimes"] == {}
    assert lines[0]["ALL-12"]["measured"]["sizes"]["n"].keys() >= {"4", "512"}


def test_numbers_of_a_list_are_on_one_line(lines):
    results, text = lines

    assert f'"8": {json.dumps(results["ALL-1"]["measured"]["sizes"]["n"]["8"])}' in text
    assert {each["clause"]: each for each in json.loads(text)["results"]} == results


def test_it_is_the_same_however_many_judge(terminal):
    file = terminal.write("mine.py", RIGHT)
    asked = ("--component", "softmax", "--dtype", "float32", "--clause", "ALL-1,ALL-12", "--memory", "2G")
    found = []
    for number in (1, 2):
        done = terminal.assay("run", file, *asked, "-n", str(number), "--json", "report.json")
        assert done.returncode == 0, done.stderr
        found.append([each.get("measured") for each in terminal.report()["results"]])

    assert found[0] == found[1]
    assert sum(map(bool, found[0])) == 2


def test_a_component_names_sizes_that_its_cases_have():
    for component in COMPONENTS.values():
        sizes = {name for options in component.factors.values() for name, value in options[0].items()}
        assert sizes.issuperset(component.against), component.name
        assert bool(component.against) != component.gives_data, component.name


def test_what_no_number_says_and_what_no_bound_was_asked_for_is_left_out():
    component = COMPONENTS["softmax"]
    trial = Trial(Subject(_Silent), component, component.plainest("float32"))
    found = Measured(component, at_size=False)
    found.take(trial, Outcome("pass", 0.5))
    assert found.as_json() is None

    trial.power.counts[0] = 1
    for outcome in (Outcome("fail"), Outcome("unsupported", 0.5), Outcome("fail", float("inf"))):
        found.take(trial, outcome)
    found.take(trial, Outcome("pass", LEAST / 2))
    assert found.as_json() == {"sizes": {"n": {"1": [2, 0.0, 0.0]}}, "regimes": {"normal": [2, 0.0, 0.0, 0.0, 0.0]}}


class _Silent:
    offer = type("Offer", (), {"conventions": {}})


def test_it_costs_next_to_nothing():
    """A case of the smallest component takes a millisecond."""
    component = COMPONENTS["attention"]
    trial = Trial(Subject(_Silent), component, component.plainest("float32"))
    trial.power.counts[0] = 1
    found = Measured(component, at_size=False)
    seconds = min(timeit.repeat(lambda: found.take(trial, Outcome("pass", 0.5)), number=1000, repeat=5))

    assert seconds / 1000 < 1e-4
