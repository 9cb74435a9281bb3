"""A failing case as a program without assay: it runs, it shows the failure, and nobody's text gets out of a comment."""

import ast
import contextlib
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from assay.adapters import Opening, run_script
from assay.conformance.components import CLAUSES, COMPONENTS, parse_case
from assay.conformance.interface.command_line import main
from assay.conformance.interface.script_finding import Finding
from assay.conformance.interface.script_text import comment
from assay.conformance.interface.scripting import NoScriptError, script_of, shows

SOFTMAX = "softmax?dtype={dtype}&rows=2&n={n}&regime=normal&layout={layout}&seed=7"
ATTENTION = (
    "attention?dtype={dtype}&B=1&H=1&H_kv=1&L_q=3&L_k=3&d_k=4&d_v=4&mask={mask}&scale=none"
    "&regime=normal&layout=contiguous&seed=5"
)
NUMPY = """
import numpy as np

dtypes = ("float64", "float32", "float16", "bfloat16")

def softmax(x):
    wide = x.astype(np.float64)
    e = np.exp(wide - wide.max(-1, keepdims=True, initial=-np.inf))
    return (e / e.sum(-1, keepdims=True) * 1.25).astype(x.dtype)

def softmax_vjp(cotangent, x):
    return (2 * cotangent).astype(x.dtype)
"""
RIGHT = NUMPY.replace(" * 1.25", "")
# Looks at no query; keys that are masked count as well.
TORCH = """
framework = "torch"
dtypes = ("bfloat16", "float32")

def attention(query, key, value, *, mask=None, causal=False, scale=None):
    w = mask.to(value.dtype).expand(*query.shape[:3], key.shape[2]) if mask is not None else 1
    return (value.mean(2, keepdim=True).expand(*query.shape[:3], -1) * w[..., :1] if mask is not None
        else value.mean(2, keepdim=True).expand(*query.shape[:3], -1).clone())
"""


def made(file, case, clause="ALL-1", **how):
    """Give the script, and what becomes of it where it is run as a user runs it."""
    opening = Opening(str(file), **how)
    with contextlib.closing(opening.open()) as adapter:
        text = script_of(adapter, opening, CLAUSES[clause], parse_case(case))
    done = subprocess.run([sys.executable, "-"], input=text, capture_output=True, text=True, timeout=100, check=False)
    assert "assay." not in re.sub(r"^#.*", "", text, flags=re.MULTILINE)
    assert text.isascii()
    return text, done


def write(folder, text, name="mine.py"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("dtype", "layout"),
    [("float64", "contiguous"), ("float32", "transposed"), ("float16", "sliced"), ("bfloat16", "strided")],
)
def test_a_wrong_softmax_is_shown_and_its_repair_is_seen(dtype, layout, tmp_path):
    file = write(tmp_path, NUMPY)
    text, done = made(file, SOFTMAX.format(dtype=dtype, n=3, layout=layout))

    assert done.returncode == 1
    assert done.stderr == "4 of 4 elements are wrong\n"
    assert len(re.findall(r"^\[[01], [012]\] is .*, but should be ", done.stdout, re.MULTILINE)) == 4
    assert text.count("  # a view\n") == (layout in ("sliced", "strided"))
    write(tmp_path, RIGHT)
    repaired = run_script(text, Opening(str(file)))
    assert repaired.status == 0
    assert "wrong" not in repaired.printed


def test_a_layout_is_that_of_the_case(tmp_path):
    blind = RIGHT.replace(
        "wide = x", "x = np.ndarray(x.shape, x.dtype, x.base if x.base is not None else x)\n    wide = x"
    )
    text, done = made(write(tmp_path, blind), SOFTMAX.format(dtype="float32", n=5, layout="sliced"), "ALL-1")

    assert "wide[..., 3 : 8] = x" in text
    assert done.returncode == 1


def test_many_numbers_are_drawn_and_special_ones_are_kept(tmp_path, monkeypatch):
    large = SOFTMAX.format(dtype="float32", n=200, layout="contiguous")
    drawn, _ = made(write(tmp_path, NUMPY), large)
    first = float(COMPONENTS["softmax"].make(parse_case(large)).arrays["x"][0, 0])
    # Wrong where a number of the case is, and right for others.
    rare = RIGHT.replace("return (e", f"e[:, 0] *= np.where(x[:, 0] == np.float32({first!r}), 3, 1)\n    return (e")
    file = write(tmp_path, rare, "rare.py")
    kept, done = made(file, large)

    assert "rng.randn(2, 200)" in drawn
    assert "base64" not in drawn
    assert "b64decode" in kept
    assert done.returncode == 1
    monkeypatch.setattr("assay.conformance.interface.script_arrays._LONGEST", 1000)
    with pytest.raises(NoScriptError, match=r"^there is no script: the arrays are too large for one; `--save FILE` "):
        made(file, large)


def test_gradients_of_an_adapters_own_are_shown(tmp_path):
    text, done = made(write(tmp_path, NUMPY), SOFTMAX.format(dtype="float32", n=3, layout="contiguous"), "GRAD-1")

    assert "result = adapter.softmax_vjp(cotangent, x)" in text
    assert (done.returncode, done.stderr) == (1, "4 of 4 elements are wrong\n")


@pytest.mark.parametrize("mask", ["none", "causal", "random"])
def test_wrong_attention_in_torch(mask, tmp_path):
    text, done = made(write(tmp_path, TORCH), ATTENTION.format(dtype="bfloat16", mask=mask))

    assert ("mask = torch.tensor([" in text) == (mask == "random")
    assert ("causal=True" in text) == (mask == "causal")
    assert (done.returncode, done.stderr) == (1, "4 of 4 elements are wrong\n")


def test_a_gradient_that_torch_finds(tmp_path):
    text, done = made(write(tmp_path, TORCH), ATTENTION.format(dtype="float32", mask="none"), "GRAD-1")

    assert "torch.autograd.grad(result, arguments, cotangent, " in text
    assert done.returncode == 1


def test_a_kernel_that_raises(tmp_path):
    says = 'raise ValueError("no \\"\\"\\"\\nimport os; os._exit(9) # \\x1b[2J \\u2028 rows")'
    file = write(tmp_path, RIGHT.replace("    wide = x", f"    {says}\n    wide = x"))
    text, done = made(file, SOFTMAX.format(dtype="float32", n=3, layout="contiguous"))

    assert done.returncode == 1
    assert "ValueError: no" in done.stderr
    assert [line for line in text.splitlines() if "os._exit" in line] == [
        '# Found: it raised ValueError: no """ import os; os._exit(9) # \\x1b[2J rows'
    ]
    write(tmp_path, RIGHT)
    assert run_script(text, Opening(str(file))).status == 0


@pytest.mark.parametrize(
    ("kernel", "status", "said"),
    [
        ("import os; os._exit(7)", 7, ""),
        ("return x[:1]", 1, "the shape is (1, 3), but should be (2, 3)"),
        ("return np.float64(softmax_right(x))", 1, "the dtype is float64, but should be float32"),
    ],
)
def test_other_kinds_of_failures(kernel, status, said, tmp_path):
    right = RIGHT.replace("softmax(x)", "softmax_right(x)", 1)
    clause = "ALL-4" if "dtype" in said else "ALL-1"
    file = write(tmp_path, f"{right}\ndef softmax(x):\n    {kernel}\n")
    _, done = made(file, SOFTMAX.format(dtype="float32", n=3, layout="contiguous"), clause)

    assert done.returncode == status
    assert said in done.stderr


@pytest.mark.parametrize(
    "name", ['it\'s "mine".py', 'a"""\nimport os; os._exit(9)\n#.py', "\u202ereversed.py", "torch.py", "\udcff.py"]
)
def test_the_name_of_a_file_is_a_name(name, tmp_path):
    try:
        file = write(tmp_path, NUMPY, name)
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system has no such names")
    text, done = made(file, SOFTMAX.format(dtype="float32", n=3, layout="contiguous"))

    assert (done.returncode, done.stderr) == (1, "4 of 4 elements are wrong\n")
    calls = [
        node.func.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    assert "_exit" not in calls


def test_a_bare_function_and_an_object(tmp_path):
    case = SOFTMAX.format(dtype="float32", n=3, layout="contiguous")
    file = write(
        tmp_path, NUMPY.replace("def softmax(", "def mine(") + "\nclass Mine:\n    softmax = staticmethod(mine)\n"
    )

    assert "result = adapter.mine(x)" in made(f"{file}:mine", case, component="softmax")[0]
    assert "result = adapter.Mine.softmax(x)" in made(f"{file}:Mine", case)[0]


def test_a_bug_of_torch_is_shown_with_the_function_copied():
    """The second of docs/findings.md."""
    case = "log_softmax?dtype=bfloat16&axes=2&rows=1&n=3&regime=normal&layout=contiguous&seed=3"
    text, done = made("torch", case)

    assert "return torch.log_softmax(x, dim=-1)" in text
    assert done.returncode == 1
    assert re.search(r"^[123] of [123] elements are wrong$", done.stderr, re.MULTILINE)


def test_a_clause_that_calls_with_other_arguments_shows_its_call():
    """Causal attention with a scale of zero, which no case has, in docs/findings.md."""
    case = ATTENTION.format(dtype="float32", mask="causal").replace("seed=5", "seed=491")
    text, done = made("torch", case, "SDPA-11")

    assert re.search(r"causal=True, scale=(0\.0|-)", text)
    assert done.returncode == 1
    assert "is nan, but should be" in done.stdout


@pytest.mark.parametrize(
    ("spec", "case", "why"),
    [
        ("exec:true", SOFTMAX, "is a program of its own"),
        ("assay.conformance.variants:softmax_not_shifted", SOFTMAX, "a script must not need that"),
        ("tokenizers", "tokenize?text=letters&L=4&merges=shuffled&count=2&seed=2", "tokenize gives no arrays"),
    ],
)
def test_what_no_script_can_show_is_one_sentence(spec, case, why, tmp_path):
    with contextlib.closing(Opening(str(write(tmp_path, NUMPY))).open()) as adapter:
        line = case.format(dtype="float32", n=3, layout="contiguous")
        with pytest.raises(NoScriptError, match=f"^there is no script: .*{why}"):
            script_of(adapter, Opening(spec), CLAUSES["ALL-1"], parse_case(line))


def test_other_frameworks_have_none(tmp_path):
    file, case = str(write(tmp_path, NUMPY)), parse_case(SOFTMAX.format(dtype="float32", n=3, layout="contiguous"))
    with contextlib.closing(Opening(file).open()) as adapter:
        adapter.offer = replace(adapter.offer, framework="jax")
        with pytest.raises(NoScriptError, match=r"scripts are of numpy and torch, and this adapter is of jax$"):
            script_of(adapter, Opening(file), CLAUSES["ALL-1"], case)


def test_only_the_script_is_on_standard_output(tmp_path, capsys):
    file, case = str(write(tmp_path, NUMPY)), SOFTMAX.format(dtype="float32", n=3, layout="contiguous")
    ended = []
    for clause in ("ALL-1", "ALL-4"):
        with pytest.raises(SystemExit) as left:
            main(["replay", case, "--adapter", file, "--clause", clause, "--script"])
        ended.append((left.value.code, *capsys.readouterr()))

    (status, script, errors), (other, nothing, why) = ended
    assert (status, errors, other, nothing) == (1, "", 0, "")
    ast.parse(script)
    assert why == "assay: there is no script: no clause that was judged is violated in this case\n"


def test_a_script_that_fails_otherwise_shows_nothing():
    opening = Opening("torch")
    wrong = Finding("result", "value", (1,), [((0,), 1.0, 0.1)])
    raised = Finding("result", "exception", (), (), said="it raised ValueError: no rows")
    for text, finding, shown in (
        ("raise SystemExit('1 of 1 elements are wrong')", wrong, True),
        ("raise NameError('1 of 1 elements')", wrong, False),
        ("", wrong, False),
        ("raise ValueError('no rows')", raised, True),
        ("raise ValueError('no columns')", raised, False),
    ):
        assert shows(run_script(text, opening), finding) is shown, text


def test_a_comment_stays_one():
    hostile = 'a\nimport os\r\x0b\x0c\u2028\u2029\x85\x1c"""\\\nb' + "\u202e\udcff" + "x" * 300
    text = "\n".join(comment(hostile)) + "\nlast = 1"

    assert [type(node).__name__ for node in ast.parse(text).body] == ["Assign"]
    assert text.isascii()
