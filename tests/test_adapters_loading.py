"""Every mistake in an adapter is one sentence that names the remedy; every way to name one works."""

import contextlib
import sys

import numpy as np
import pytest

from assay.adapters import AdapterError, Opening, available, open_adapter
from assay.adapters.contract import FUNCTIONS
from assay.adapters.declaration import check_numerics, notes_on_names, offer_from_header
from assay.adapters.loading import check_requirements, load

GOOD = "def softmax(x):\n    return x\n"


def sentence(tmp_path, text, suffix="", **options):
    """Return what loading a file with this text says."""
    file = tmp_path / "mine.py"
    file.write_text(text)
    with pytest.raises(AdapterError) as raised:
        open_adapter(f"{file}{suffix}", in_process=True, **options)
    said = str(raised.value)
    assert "\n" not in said
    assert "mine" in said
    return said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\nraise RuntimeError('no\\ngood')", "cannot be imported: RuntimeError: no (line 2)"),
        ("\n\ndef softmax(x:\n", "cannot be imported: SyntaxError: '(' was never closed (line 3)"),
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library' (line 1)"),
        ("import sys\nsys.exit('bye')", "cannot be imported: SystemExit: bye (line 2)"),
        ("def helper(): pass", "offers no function of the contract (attention, softmax, "),
        ("def atention(q): pass", "it has 'atention'; did you mean 'attention'?"),
        ("def softmax(x, axis): return x", "softmax(x, axis) does not accept the contract's call softmax(x): missing"),
        (
            "def attention(query, key, value, *, causal=False, scale=None): pass",
            "call attention(query, key, value, *, mask=None, causal=False, scale=None, softcap=None): got an",
        ),
        (GOOD + "def softmax_vjp(x): pass", "contract's call softmax_vjp(cotangent, x): too many positional"),
        (GOOD + "framework = 'pytorch'", "there is no framework 'pytorch'; did you mean 'torch'?"),
        (GOOD + "framework = 'lisp'", "there is no framework 'lisp'; assay has bridges to numpy, torch"),
        (GOOD + "device = 'cuda'", "the device 'cuda' cannot be used with numpy: numpy has only the device \"cpu\""),
        (GOOD + "dtypes = ('float32')", "dtypes must be a tuple of names such as (\"float32\",), not 'float32'"),
        (GOOD + "dtypes = ()", "dtypes must be a tuple of names"),
        (GOOD + "dtypes = ('bf16',)", "'bf16', which is not a dtype of assay"),
        (GOOD + "dtypes = ('float46',)", "'float46', which is not a dtype of assay; did you mean 'float"),
        (GOOD + "conventions = 'masked_row'", "conventions must be a dict"),
        (
            GOOD + "conventions = {'mask_row': 'nan'}",
            "'mask_row', which is not a convention; did you mean 'masked_row'?",
        ),
        (GOOD + "conventions = {'masked_row': 'NaN'}", "'masked_row' must be 'zero', 'nan' or 'mean', not 'NaN'"),
        (GOOD + "notes = 5", "notes must be a text or a tuple of texts, not int"),
        (GOOD + "requires = None", 'requires must be a tuple of names of modules such as ("torch",), not None'),
        (GOOD + "requires = 'torch'", "requires must be a tuple of names of modules such as (\"torch\",), not 'torch'"),
        (GOOD + "requires = ('torch>=2',)", "requires must be a tuple of names of modules"),
        (GOOD + "requires = ('',)", "requires must be a tuple of names of modules"),
        (GOOD + "requires = ('no_such_library.part',)", "mine needs no_such_library.part, which is not installed: pip"),
        (GOOD + "requires = ('nothing',)\ninstall = 5", "install must be a string, not 5"),
        (GOOD + "package = None", "package must be a string, not None"),
        (GOOD + "framework = 5", "there is no framework 5"),
        (GOOD + "device = None", "the device 'None' cannot be used with numpy"),
        (GOOD + "dtypes = None", 'dtypes must be a tuple of names such as ("float32",), not None'),
        (GOOD + "dtypes = ({},)", "dtypes names {}, which is not a dtype of assay"),
        (GOOD + "conventions = None", 'conventions must be a dict such as {"masked_row": "nan"}, not NoneType'),
        (GOOD + "conventions = {'masked_row': ['nan']}", "'masked_row' must be 'zero', 'nan' or 'mean', not ['nan']"),
        (GOOD + "numerics = None", "numerics must be a dict"),
        (GOOD + "sizes = None", "sizes must be 'all' or 'few', not None"),
        (GOOD + "softmax = 5", "softmax must be a function, not int"),
        (GOOD + "softmax_vjp = 5", "softmax_vjp must be a function, not int"),
        (GOOD + "def __getattr__(name): raise KeyError('no\\nname')", "mine cannot be read: KeyError: 'no"),
        (
            GOOD + "import numpy as np\ndtypes = (np.ones(2),)",
            "mine cannot be read: ValueError: The truth value of an array",
        ),
        (GOOD + "shapes = {'n': 3}", "shapes must be a list such as [{"),
        (GOOD + "shapes = [3]", "shapes must be a list such as [{"),
        (GOOD + "shapes = [{'n': 0}]", "the size n in shapes must be a whole number, from 1 to 10^12, not 0"),
        (GOOD + "sizes = 'small'", "sizes must be 'all' or 'few', not 'small'"),
        (GOOD + "numerics = ['float32']", "numerics must be a dict"),
        (GOOD + "numerics = {'half': {}}", "numerics names 'half', which is not a dtype"),
        (GOOD + "numerics = {'float16': 'float32'}", "numerics['float16'] must be a dict of fields, not str"),
        (
            GOOD + "numerics = {'float16': {'accumulator': 'float32'}}",
            "no field 'accumulator'; did you mean 'accumulate'?",
        ),
        (
            GOOD + "numerics = {'float16': {'accumulate': 'float23'}}",
            "['accumulate'] is 'float23'; did you mean 'float32'?",
        ),
        (GOOD + "numerics = {'float16': {'rounding': 'up'}}", "is 'up'; it is one of nearest or toward-zero"),
        (GOOD + "numerics = {'float16': {'exp_error': 0}}", "['exp_error'] must be a number above 0, not 0"),
        (GOOD + "numerics = {'float16': {'exp_error': float('nan')}}", "must be a number above 0, not nan"),
        (GOOD + "numerics = {'float16': {'exp_error': True}}", "must be a number above 0, not True"),
        (
            GOOD + "numerics = {'float32': {'exp_error': 2.0**53 + 2}}",
            "numerics['float32']['exp_error'] must be at most 2^53",
        ),
        (GOOD + "numerics = {'float32': {'exp_ulp': 1e300}}", "numerics['float32']['exp_ulp'] must be at most 2^53"),
        (GOOD + "numerics = {'float32': {'exp_ulp': 10**5000}}", "numerics['float32']['exp_ulp'] must be at most 2^53"),
        (GOOD + "numerics = {'float32': {'block': 10**400}}", "numerics['float32']['block'] must be at most 2^53"),
        (GOOD + "numerics = {'float32': {'gradient_chunks': 10**400}}", "['gradient_chunks'] must be at most 2^53"),
        (GOOD + "numerics = {'float16': {'exp_ulp': -1}}", "['exp_ulp'] must be a number above 0, not -1"),
        (
            GOOD + "numerics = {'float16': {'exp_ulp': 2, 'exp_error': 2}}",
            "numerics['float16'] declares 'exp_ulp' and 'exp_error', which are one field: leave 'exp_ulp' out",
        ),
        (GOOD + "numerics = {'float16': {'block': 0}}", "['block'] must be a whole number, 1 or more, not 0"),
        (GOOD + "numerics = {'float16': {'block': 2.0}}", "must be a whole number, 1 or more, not 2.0"),
    ],
)
def test_a_mistake_in_a_file(tmp_path, text, says):
    """It says what was wrong and what would be right."""
    assert says in sentence(tmp_path, text)


@pytest.mark.parametrize(
    ("suffix", "options", "says"),
    [
        (":sofmax", {}, "has no 'sofmax'; did you mean 'softmax'?"),
        (":softmax", {}, "is a bare function: say which component it is, for example --as softmax"),
        (":softmax", {"component": "sofmax"}, "'sofmax' is not a function of the contract; did you mean 'softmax'?"),
        (":softmax", {"component": "attention"}, "softmax(x) does not accept the contract's call attention("),
        ("", {"component": "softmax"}, "is no bare function, so --as softmax has nothing to name"),
        (":softmax", {"component": "softmax", "framework": "nunpy"}, "did you mean 'numpy'?"),
    ],
)
def test_a_mistake_in_the_command(tmp_path, suffix, options, says):
    """The same for what follows the file name."""
    assert says in sentence(tmp_path, GOOD, suffix, **options)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("no/such/file.py", "there is no file no/such/file.py"),
        ("torhc", "there is no adapter 'torhc'; did you mean 'torch'?"),
        ("xyzzy", "a name is one of "),
        ("no.such.module:object", "there is no adapter 'no.such.module:object'"),
        ("is this a name?", "there is no adapter 'is this a name?'"),
        ("json", "json offers no function of the contract"),
        ("json:decoder.NaN", "json:decoder.NaN offers no function of the contract"),
        ("json:lods", "json has no 'lods'; did you mean 'loads'?"),
    ],
)
def test_a_name_that_is_none(spec, says):
    """The names that there are, or the one that was meant."""
    with pytest.raises(AdapterError) as raised:
        open_adapter(spec, in_process=True)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_dtype_that_is_named_twice_is_judged_once(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(GOOD + "dtypes = ('float32', 'float64', 'float32')")
    assert load(str(file)).offer.dtypes == ("float32", "float64")


def test_a_missing_library_comes_with_the_command():
    """What to type, not a traceback."""

    class Needy:
        requires = ("no_such_library",)
        extra = "needy"

    with pytest.raises(AdapterError) as raised:
        check_requirements(Needy, "needy", "numpy")
    assert str(raised.value) == "needy needs no_such_library, which is not installed: pip install 'assay[needy]'"


def test_a_worker_says_the_same_sentence(tmp_path):
    """The sentence crosses the pipe."""
    file = tmp_path / "mine.py"
    file.write_text("raise RuntimeError('no good')")
    with pytest.raises(AdapterError) as raised:
        open_adapter(str(file))
    assert str(raised.value) == f"{file} cannot be imported: RuntimeError: no good (line 1)"


def test_every_way_to_name_an_adapter(tmp_path, monkeypatch):
    """A file, an object in it, a bare function, a module, an object in a module."""
    (tmp_path / "neighbour.py").write_text("one = 1.0\n")
    (tmp_path / "naming_test.py").write_text(
        "from neighbour import one\nclass Holder:\n    dtypes = ('float64',)\n"
        "    def softmax(self, x): return x + one\nheld = Holder()\n"
        "def softmax(x): return x + one\ndef mine(x): return x + one\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    specs = {
        "naming_test.py": {},
        "naming_test.py:held": {},
        "naming_test.py:mine": {"component": "softmax", "framework": "numpy"},
        "naming_test": {},
        "naming_test:held": {},
        "naming_test:mine": {"component": "softmax"},
    }
    for spec, options in specs.items():
        with contextlib.closing(open_adapter(spec, **options)) as adapter:
            reply = adapter.call("softmax", {"x": np.ones(2)}, dtype="float64")
        assert reply.value.tolist() == [2.0, 2.0], spec
        assert adapter.offer.name == spec.replace(".py", "")
        assert adapter.offer.dtypes == (("float64",) if "held" in spec else ("float32",))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["naming_test.py", "neighbour.py"], (
        "nothing is left behind"
    )


@pytest.mark.parametrize(
    ("opening", "words"),
    [
        (Opening("torch"), []),
        (Opening("my file.py"), ["--adapter", "my file.py"]),
        (
            Opening("mine.py:f", "softmax", "torch", 0.5, in_process=True),
            *[
                [
                    "--adapter",
                    "mine.py:f",
                    "--as",
                    "softmax",
                    "--framework",
                    "torch",
                    "--timeout",
                    "0.5",
                    "--in-process",
                ]
            ],
        ),
    ],
    ids=["torch", "file", "function"],
)
def test_the_words_of_an_opening_are_those_of_the_command_line(opening, words):
    """As `assay replay` reads them, they give the same opening."""
    from assay.conformance.interface import options
    from assay.conformance.interface.command_line import _parser

    parsed = _parser().parse_args(["replay", "case", *words])
    assert opening.words == words
    assert options.opening(parsed.adapter, parsed) == opening


def test_what_is_declared_is_offered(tmp_path):
    """Name, device, conventions, numerics, notes."""
    file = tmp_path / "mine.py"
    file.write_text(
        GOOD + "package = 'numpy'\ndtypes = ['bfloat16']\nconventions = {'masked_row': 'nan'}\n"
        "numerics = {'bfloat16': {'exp_error': 2, 'block': 4}}\nnotes = 'a note'\n"
    )
    offer = load(str(file)).offer

    assert (offer.name, offer.framework, offer.device, offer.package) == ("mine", "numpy", "cpu", "numpy")
    assert offer.version == np.__version__
    assert (offer.functions, offer.dtypes, offer.notes) == (("softmax",), ("bfloat16",), ("a note",))
    assert offer.conventions == {"masked_row": "nan"}
    assert offer.numerics == {"bfloat16": {"exp_error": 2, "block": 4}}


def test_the_name_that_a_field_had_is_taken_with_a_note(tmp_path):
    """From a file as from the handshake of a program: the same number, by its name of today."""
    declared = {"float32": {"exp_ulp": 7}, "float16": {"exp_ulp": 1024, "block": 4}}
    (tmp_path / "mine.py").write_text(GOOD + f"notes = 'a note'\nnumerics = {declared}")
    for offer in (
        load(str(tmp_path / "mine.py")).offer,
        offer_from_header({"functions": ["softmax"], "notes": ["a note"], "numerics": declared}, "mine"),
    ):
        assert offer.numerics == {"float32": {"exp_error": 7}, "float16": {"exp_error": 1024, "block": 4}}
        assert offer.notes == (
            "a note",
            "numerics declares exp_ulp, which is called exp_error now and means the same",
        )
    assert check_numerics({"float32": {"exp_error": 7}}, "mine") == {"float32": {"exp_error": 7}}
    assert notes_on_names({"float32": {"exp_error": 7}}) == ()


def test_the_list_imports_no_framework():
    """Every built-in adapter is listed, with what it offers, from constants alone."""
    import subprocess

    code = (
        "import sys\nfrom assay.adapters import available\nassert available()\n"
        "loaded = {'torch', 'jax', 'tensorflow', 'mlx'} & set(sys.modules)\nassert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    for listed in available():
        if listed.source == "built-in":
            assert listed.functions
            assert set(listed.functions) <= set(FUNCTIONS)
            assert listed.installed == (not listed.install)
