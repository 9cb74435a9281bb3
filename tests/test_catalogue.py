"""The catalogue is left out of a plain `pytest`, and runs where it is asked for, as a whole or in parts."""

import catalogue
import pytest

from assay.conformance.variants import variants

pytest_plugins = ["pytester"]

SUITE = """
import pytest

def test_of_something_else():
    pass

@pytest.mark.parametrize("of", [pytest.param(of, marks=pytest.mark.catalogue(of)) for of in ("softmax", "attention")])
def test_a_variant(of):
    pass
"""
ELSE, SOFTMAX, ATTENTION = EVERY = ["test_of_something_else", "test_a_variant[softmax]", "test_a_variant[attention]"]


@pytest.fixture
def run(pytester):
    """Return a function that runs this small suite with the catalogue's hooks: its output, and the tests that ran."""
    pytester.makepyfile(SUITE)

    def run(*arguments):
        options = ("--strict-markers", "-rA", "-p", "no:hypothesispytest")
        done = pytester.runpytest_inprocess(*options, *arguments, plugins=[catalogue])
        return done, [line.split("::")[1] for line in done.outlines if line.startswith("PASSED")]

    return run


@pytest.mark.parametrize("arguments", [(), (".",)], ids=" ".join)
def test_a_plain_call_leaves_it_out_and_says_so(run, arguments):
    done, ran = run(*arguments)

    assert ran == [ELSE]
    done.stdout.fnmatch_lines([f"left out: the catalogue of {len(variants())} variants; *"])


@pytest.mark.parametrize(
    ("arguments", "due"),
    [
        (("-m", "catalogue"), [SOFTMAX, ATTENTION]),
        (("-m", "not catalogue"), [ELSE]),
        (("--of", "attention"), [ATTENTION]),
        (("--of", "attention", "--of", "softmax"), [SOFTMAX, ATTENTION]),
        (("test_what_runs_where_it_is_asked_for.py",), EVERY),
        (("test_what_runs_where_it_is_asked_for.py::test_a_variant",), [SOFTMAX, ATTENTION]),
        (("test_what_runs_where_it_is_asked_for.py", "--of", "softmax"), [SOFTMAX]),
    ],
    ids=str,
)
def test_what_runs_where_it_is_asked_for(run, arguments, due):
    done, ran = run(*arguments)

    assert ran == due
    assert "left out" not in str(done.stdout)


def test_a_component_that_is_not_there(run):
    done, ran = run("--of", "attenton")

    assert (done.ret, ran) == (4, [])
    done.stderr.fnmatch_lines(["*--of*attenton*"])
