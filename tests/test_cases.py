"""Cases: lines that rebuild their arrays, covering sets that miss no pair, draws that a seed fixes."""

import contextlib
import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.conformance.cases.covering import covering_set
from assay.conformance.cases.drawing import cases_of, covering_cases, drawn_cases, evenly_spaced
from assay.conformance.cases.profiles import PROFILES
from assay.conformance.cases.sizes import drawn_for
from assay.conformance.components import CLAUSES, COMPONENTS, clauses_of, parse_case
from assay.conformance.strategies import cases
from assay.conformance.terms.case import Case, CaseError, split_id
from assay.conformance.terms.rounding import rounded

DTYPES = ("float64", "float32", "bfloat16", "float16")
each_component = pytest.mark.parametrize("component", COMPONENTS.values(), ids=COMPONENTS.keys())


def any_case(component):
    """Draw a case in any dtype."""
    return st.one_of([cases(component.name, dtype) for dtype in (DTYPES if component.has_dtype else DTYPES[:1])])


def some_cases(component, dtype):
    """Choose a hundred of those that a standard run may judge, a quarter of them in each dtype."""
    found = [*component.probes(dtype), *covering_cases(component, dtype, 1), *drawn_cases(component, dtype, 1, 50)]
    return list(evenly_spaced(found, 100))[DTYPES.index(dtype) :: len(DTYPES)]


@each_component
@given(data=st.data())
@settings(max_examples=25, database=None, deadline=None)
def test_a_case_survives_being_written_as_a_line(component, data):
    case = data.draw(any_case(component))

    assert parse_case(case.id) == case
    assert parse_case(f"  {case.id}\n").id == case.id
    assert "\n" not in case.id
    assert " " not in case.id


@each_component
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_line_rebuilds_its_arrays_exact_in_the_dtype(component, dtype):
    """Bit for bit the same, each time; every float is a number of the dtype; the shapes are those of the result."""
    for case in some_cases(component, dtype):
        first, again = component.make(case), component.make(parse_case(case.id))
        assert first.options == again.options
        assert first.arrays.keys() == again.arrays.keys()
        for name, array in first.arrays.items():
            assert array.tobytes() == again.arrays[name].tobytes(), (case.id, name)
            if array.dtype.kind == "f":
                assert array.tobytes() == rounded(array, dtype).tobytes(), (case.id, name)
        if not component.gives_data:
            assert all(isinstance(length, int) for length in component.shape(first))


@each_component
def test_another_seed_gives_other_values(component):
    """Of the plainest case that has floats at all."""
    plain = component.plainest("float32")
    one, other = (component.make(plain.but(seed=seed)).arrays for seed in (0, 1))
    floats = [name for name, array in one.items() if array.dtype.kind == "f" and array.size]

    assert bool(floats) == component.has_dtype
    assert all(not np.array_equal(one[name], other[name]) for name in floats)


@each_component
@pytest.mark.parametrize("name", ["seed", "dtype", "nothing"])
def test_a_parameter_too_few_or_too_many_is_one_sentence(component, name):
    line = component.plainest("float32").id
    texts = split_id(line)[1]
    if name in texts:
        del texts[name]
    else:
        texts[name] = "1"
    with pytest.raises(CaseError) as raised:
        component.parse(texts)
    words = "needs" if name in component.parameters else "has no"
    assert str(raised.value).startswith(f"a case of {component.name} {words} {name}; its parameters are ")
    assert "\n" not in str(raised.value)


def test_a_case_may_have_an_option_that_others_lack():
    component = COMPONENTS["attention"]
    plain = component.plainest("float32")
    case = component.with_optional(plain, softcap=5.0)

    assert case.id == f"{plain.id}&softcap=5.0"
    assert parse_case(case.id) == parse_case(f"{plain.id}&softcap=5") == case
    assert case.but(L_q=7)["softcap"] == component.make(case).options["softcap"] == 5.0
    assert "softcap" not in component.make(plain).options
    assert component.with_optional(case) == plain
    with pytest.raises(KeyError, match="nothing"):
        component.with_optional(plain, nothing=1)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "1e999", "none"])
def test_a_value_that_an_option_cannot_have_is_one_sentence(text):
    line = COMPONENTS["attention"].plainest("float32").id
    with pytest.raises(CaseError) as raised:
        parse_case(f"{line}&softcap={text}")
    assert str(raised.value) == f"softcap of a case of attention cannot be {text!r}; it is a number above 0"


@pytest.mark.parametrize(
    "line", ["", "?", "softmax", "softmax?n", "softmax?=1", "softmax?n=1&", "?n=1", "softmax?&n=1"]
)
def test_a_line_of_another_form_is_one_sentence(line):
    with pytest.raises(CaseError) as raised:
        parse_case(line)
    assert str(raised.value).startswith(f"{line!r} is no case")


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1e3", "nan", "x", "0x5", "5,0"])
def test_a_number_that_is_none(text):
    with pytest.raises(CaseError) as raised:
        parse_case(f"softmax?dtype=float32&rows=1&n={text}&regime=normal&layout=contiguous&seed=1")
    assert str(raised.value) == f"n of a case of softmax cannot be {text!r}; it is a whole number, 0 or more"


@given(st.sampled_from(list(COMPONENTS)), st.data())
def test_any_texts_are_a_case_or_none(name, data):
    """Those of a case, where some are words or numbers that it never had."""
    component = COMPONENTS[name]
    texts = split_id(component.plainest("float32").id)[1]
    some = st.text() | st.integers().map(str) | st.floats().map(repr) | st.integers(300, 5000).map("9".__mul__)
    texts |= data.draw(st.dictionaries(st.sampled_from(list(texts)), some))
    with contextlib.suppress(CaseError):
        case = component.parse(texts)
        assert parse_case(case.id) == case


@given(st.text())
def test_any_text_is_no_line(text):
    with pytest.raises(CaseError):
        parse_case(text)


def test_values_beyond_those_that_are_drawn_can_be_asked_for():
    """To go on from a case that failed."""
    case = parse_case("softmax?dtype=bfloat16&rows=7&n=11&regime=normal&layout=contiguous&seed=123456789")
    assert COMPONENTS["softmax"].make(case).arrays["x"].shape == (7, 11)


def test_a_case_is_a_mapping_that_does_not_change():
    case = Case("softmax", (("n", 5), ("seed", 1)))
    assert (dict(case), len(case), case.but(n=6).id) == ({"n": 5, "seed": 1}, 2, "softmax?n=6&seed=1")
    assert case.id == "softmax?n=5&seed=1"
    with pytest.raises(KeyError, match="softmax has no parameter m"):
        case.but(m=1)
    with pytest.raises(KeyError):
        case["m"]


@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    forbidden=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=3),
)
@example(sizes=[1, 1], forbidden=[(0, 0)])
@settings(max_examples=60, database=None, deadline=None)
def test_a_covering_set_holds_every_pair_that_an_admissible_row_can_hold(sizes, forbidden):
    """Against all combinations; `forbidden` are options of the first two factors that do not go together."""

    def admissible(row):
        return row[:2] not in forbidden

    def pairs(rows):
        return {frozenset(pair) for row in rows for pair in itertools.combinations(enumerate(row), 2)}

    rows = covering_set(sizes, admissible)
    every = [row for row in itertools.product(*map(range, sizes)) if admissible(row)]
    assert pairs(rows) == pairs(every)
    assert set(rows) <= set(every)
    assert len(rows) <= len(every)
    assert rows == covering_set(sizes, admissible)


@each_component
def test_ten_covering_cases_hold_nearly_all_that_ten_can(component):
    """Of each factor all options but one, or ten of many: a quick run judges most clauses on no more."""
    rows = [component.option_indices(case) for case in covering_cases(component, "float32", 0)]
    for factor, name in enumerate(component.factors):
        found, possible = ({row[factor] for row in some} for some in (rows[:10], rows))
        assert len(found) >= min(len(possible), 10) - 1, name


def chosen_pairs(component, cases):
    """How often two options of two factors occur together."""
    rows = [list(enumerate(component.option_indices(case))) for case in cases]
    return Counter(pair for row in rows for pair in itertools.combinations(row, 2))


@each_component
def test_the_covering_cases_of_a_component_hold_every_pair_that_draws_find(component):
    """And are not many more than the two largest factors have pairs."""
    covering = covering_cases(component, "float32", 0)
    drawn = drawn_cases(component, "float32", 0, 1000)

    assert chosen_pairs(component, drawn).keys() <= chosen_pairs(component, covering).keys()
    assert all(component.admissible(case) for case in covering)
    assert len(set(covering)) == len(covering)
    *_, second, largest = sorted([1, *(len(options) for options in component.factors.values())])
    assert len(covering) <= 2 * second * largest


def test_a_component_with_other_options_has_a_covering_set_of_its_own():
    """One of the same name with an option more covers it, one with an option fewer does without."""
    softmax = COMPONENTS["softmax"]
    covering_cases(softmax, "float32", 0)
    more = replace(softmax, factors={**softmax.factors, "n": [*softmax.factors["n"], {"n": 2000}]})
    fewer = replace(softmax, factors={**softmax.factors, "regime": softmax.factors["regime"][:1]})

    regimes = {option["regime"] for option in softmax.factors["regime"]}
    assert {case["regime"] for case in covering_cases(more, "float32", 0) if case["n"] == 2000} == regimes
    assert {case["regime"] for case in covering_cases(fewer, "float32", 0)} == {"normal"}


@each_component
def test_the_same_seed_gives_the_same_cases_and_another_seed_others(component):
    for find in (lambda seed: covering_cases(component, "float32", seed), lambda seed: drawn(component, seed)):
        assert find(3) == find(3)
        assert not set(find(3)) & set(find(4))
    assert len(drawn(component, 3)) == 40
    assert all(component.admissible(case) for case in drawn(component, 3))


def drawn(component, seed):
    """Forty draws."""
    return drawn_cases(component, "float32", seed, 40)


@each_component
def test_in_the_quick_profile_the_seed_decides_the_values_alone(component):
    dtype = "float32" if component.has_dtype else ""
    for clause in clauses_of(component):
        drawn_from = drawn_for(clause, component)
        one, other = (
            {case.but(seed=0) for case in cases_of(clause, drawn_from, dtype, PROFILES["quick"], seed)}
            for seed in (1, 2)
        )
        assert one == other, clause.id


@pytest.mark.parametrize("name", [name for name, each in COMPONENTS.items() if each.gradient is not None])
def test_gradients_take_half_of_the_covering_set_in_the_quick_profile_with_every_option_in_it(name):
    component, clause = COMPONENTS[name], CLAUSES["GRAD-1"]
    quick, whole = (
        list(cases_of(clause, component, "float32", profile, 1))
        for profile in (PROFILES["quick"], replace(PROFILES["quick"], halves=False))
    )
    covering = [case for case in covering_cases(component, "float32", 1) if component.differentiated(case)]

    assert set(whole) - set(quick) == set(covering[(len(covering) + 1) // 2 :]) - set(quick)
    assert set(covering) <= set(whole)
    assert options_of(component, covering) == options_of(component, [case for case in quick if case in covering])


def options_of(component, cases):
    """Say which options of each factor the cases have."""
    return [set(each) for each in zip(*map(component.option_indices, cases), strict=True)]


def test_draws_are_the_same_whatever_else_the_program_has_loaded(terminal):
    """Strategies of Hypothesis mix in the constants of other modules; a report must not depend on them."""
    terminal.write("constants.py", f"VALUES = {[k * 7919 + 13 for k in range(2000)]}\n")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n{}\n"
        "from assay.conformance.cases.drawing import drawn_cases\nfrom assay.conformance.components import COMPONENTS\n"
        "print(*(case.id for case in drawn_cases(COMPONENTS['softmax'], 'float32', 5, 1000)), sep='\\n')"
    )
    one, other = (terminal.python("-c", code.format(line), str(terminal.files)) for line in ("", "import constants"))
    here = "".join(f"{case.id}\n" for case in drawn_cases(COMPONENTS["softmax"], "float32", 5, 1000))
    assert one.stdout == other.stdout == here


def test_a_spread_of_cases_is_even():
    every = list(range(10))
    assert list(evenly_spaced(every, 5)) == [0, 2, 4, 6, 8]
    assert list(evenly_spaced(every, 20)) == every
    assert list(evenly_spaced([], 5)) == []
