"""Who judges caps what is accepted: a last precision class, and declarations in place of the adapter's."""

import pytest

from assay.adapters import AdapterError
from assay.adapters.accepting import read_declarations
from assay.conformance.interface.judge import judge
from assay.conformance.interface.options import UsageError
from assay.conformance.interface.schema import fault

# Its results have eight bits, and it says so: class 3.
ROUNDED = """
import ml_dtypes
import numpy as np

numerics = {"float32": {"output": "bfloat16"}}

def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return (e / e.sum(-1, keepdims=True)).astype(ml_dtypes.bfloat16).astype(np.float32)
"""
BEYOND = "; nothing beyond precision class 2 is accepted"
ALL_1 = ("--clause", "ALL-1")


@pytest.fixture
def rounded(terminal):
    return terminal.write("rounded.py", ROUNDED)


def declarations(terminal, name="declared.json", text='{"numerics": {"float32": {"exp_error": 8}}}'):
    return terminal.write(name, text)


def test_the_report_says_what_was_declared_and_needed(terminal, rounded):
    done = terminal.assay("run", rounded, *ALL_1, "--json", "report.json")
    report = terminal.report()

    assert done.returncode == 0
    needed = {"clause": "ALL-1", "component": "softmax", "dtype": "float32", "numerics": "output = bfloat16"}
    assert report["declarations"] == {
        "by": "adapter",
        "class": 3,
        "numerics": {"float32": {"output": "bfloat16"}},
        "taken": [needed],
    }
    assert fault(report) is None


def test_what_needs_more_than_the_class_accepted_fails_in_words_and_again(terminal, rounded):
    done = terminal.assay("run", rounded, *ALL_1, "--class", "2", "--json", "report.json")
    report = terminal.report()

    assert done.returncode == 1
    (failed,) = [each for each in report["results"] if each["status"] == "fail"]
    assert failed["failure"]["message"].endswith(BEYOND)
    assert "--class 2" in done.stdout
    assert "nothing beyond precision class 2" in done.stdout.splitlines()[-1]
    assert report["declarations"]["class"] == 2
    assert "taken" not in report["declarations"]
    again = ("replay", failed["failure"]["case"], "--adapter", rounded, *ALL_1)
    assert terminal.assay(*again, "--class", "2").returncode == 1
    assert terminal.assay(*again).returncode == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [("mine.json", '{"numerics": {"float32": {"exp_ulp": 8}}}'), ("mine.toml", "[numerics.float32]\nexp_error = 8\n")],
)
def test_declarations_of_the_judge_stand_in_place_of_the_adapters(terminal, rounded, name, text):
    mine = declarations(terminal, name, text)
    done = terminal.assay("run", rounded, *ALL_1, "--declare", mine, "--json", "report.json")

    assert done.returncode == 1
    assert f"--declare={mine}" in done.stdout
    found = {"by": "judge", "class": 3, "numerics": {"float32": {"exp_error": 8}}}
    assert terminal.report()["declarations"] == found


def test_pytest_takes_both(terminal, rounded):
    arguments = ("-m", "pytest", "-p", "no:cacheprovider", "--assay", rounded, "--assay-clause", "ALL-1")

    assert BEYOND in terminal.python(*arguments, "--assay-class", "2").stdout
    assert terminal.python(*arguments, "--assay-declare", declarations(terminal)).returncode == 1


def test_judge_takes_both(terminal, rounded):
    def verdict(**options):
        return judge(rounded, in_process=True, clauses="ALL-1", **options).verdict

    class Silent:
        softmax = staticmethod(__import__("runpy").run_path(rounded)["softmax"])

    assert verdict() == "conforms"
    assert verdict(precision_class=2) == "violates"
    assert verdict(declare={}) == "violates"
    assert verdict(declare=declarations(terminal)) == "violates"
    assert judge(Silent, clauses="ALL-1").verdict == "violates"
    assert (
        judge(Silent, clauses="ALL-1", declare={"numerics": {"float32": {"output": "bfloat16"}}}).verdict == "conforms"
    )


def test_a_convention_of_the_judge_is_taken():
    class Nothing:
        def softmax(self, x):
            raise NotImplementedError

    declare = {"conventions": {"masked_row": "nan"}}

    assert judge(Nothing(), clauses="ALL-1", declare=declare).offer.conventions == declare["conventions"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.json", '{"numerics": {}, "numerics": {}}', "cannot be read as JSON: an object has a name twice"),
        ("a.json", '\ufeff{"numerics": {"float32": {"exp_ulp": NaN}}}', "NaN is no number of JSON"),
        ("a.json", "{", "cannot be read as JSON: Expecting property name"),
        ("a.toml", "numerics = ", "cannot be read as TOML: Invalid value"),
        ("a.json", "[" * 100_000, "cannot be read as JSON: "),
        ("a.json", "[]", "declarations must have the fields conventions or numerics, not []"),
        ("a.json", '{"numeric": {}}', "there is no declaration 'numeric'; did you mean 'numerics'?"),
        ("a.json", '{"numerics": []}', "numerics must be a dict"),
        (
            "a.json",
            '{"numerics": {"float32": {"exp_error": 1e999}}}',
            "['exp_error'] must be a number above 0, not inf",
        ),
        ("a.json", f'{{"numerics": {{"float32": {{"block": 1{"0" * 400}}}}}}}', "['block'] must be at most 2^53"),
        ("a.json", " " * 2**21, "has more than a megabyte, which no file of declarations has"),
        ("a.toml", '[conventions]\nmasked_row = "hole"\n', "must be 'zero', 'nan' or 'mean', not 'hole'"),
    ],
)
def test_a_file_that_is_none_is_one_sentence(terminal, name, text, sentence):
    with pytest.raises(AdapterError) as refusal:
        read_declarations(terminal.write(name, text))

    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--declare", "nowhere.json"), "assay: nowhere.json cannot be read: No such file or directory\n"),
        (("--class", "4"), "argument --class: must be 1, 2 or 3, not '4'\n"),
    ],
)
def test_a_wrong_option_is_a_mistake_of_the_users(terminal, rounded, options, sentence):
    done = terminal.assay("run", rounded, *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(sentence)


@pytest.mark.parametrize("number", [0, 4, True, "2", None, [], 2.5])
def test_a_class_that_is_none_is_refused(number):
    with pytest.raises(UsageError, match="precision_class must be 1, 2 or 3"):
        judge("torch", precision_class=number)
