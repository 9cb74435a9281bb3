"""`assay init`: the skeleton of an adapter that runs, with what it guesses marked, and a workflow."""

import os

import pytest
from platforms import POSIX
from test_bad_input import complaint

KERNEL = """
import numpy as np

def flash(q, k, v, is_causal=False, softmax_scale=None, window=None):
    if k.shape[1] != q.shape[1] or k.shape[2] == 0:
        raise NotImplementedError("grouped heads, no keys")
    scale = q.shape[-1] ** -0.5 if softmax_scale is None else softmax_scale
    scores = q.astype(np.float64) @ np.swapaxes(k.astype(np.float64), -1, -2) * scale
    if is_causal:
        seen = np.tril(np.ones(scores.shape[-2:], bool), scores.shape[-1] - scores.shape[-2])
        scores = np.where(seen, scores, -np.inf)
    highest = scores.max(-1, keepdims=True, initial=-1e300)
    weights = np.exp(scores - highest)
    total = weights.sum(-1, keepdims=True)
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    return (weights @ v.astype(np.float64)).astype(q.dtype)
"""


def test_a_skeleton_maps_the_names_and_proposes_the_conventions(terminal):
    (terminal.cwd / "kernels.py").write_text(KERNEL, encoding="utf-8")
    terminal.environment["PYTHONPATH"] = str(terminal.cwd)
    done = terminal.assay("init", "kernels:flash", "--as", "attention")
    text = (terminal.cwd / "assay_adapter.py").read_text(encoding="utf-8")
    workflow = (terminal.cwd / ".github/workflows/assay.yml").read_text(encoding="utf-8")

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("assay run assay_adapter.py -n auto\n")
    assert "# To be confirmed: easy cases show it.\nconventions = {'causal_alignment': 'bottom-right'}\n" in text
    assert "    return flash(q=query, k=key, v=value, is_causal=causal, softmax_scale=scale)\n" in text
    assert '    if mask is not None:\n        raise NotImplementedError("mask")\n' in text
    assert "# To be confirmed: flash also takes window." in text
    assert "with: {adapter: assay_adapter.py}" in workflow
    judged = terminal.assay("run", "assay_adapter.py", "--clause", "SDPA-1,ALL-1", "--json", "r.json")
    assert (judged.returncode, terminal.report("r.json")["verdict"]) == (0, "conforms"), judged.stdout


def test_nothing_is_overwritten(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k.py").write_text("def flash(x): ...\n", encoding="utf-8")
    said = complaint(capsys, "init", "k:flash", "--as", "softmax", "--out", "k.py")
    assert said == "k.py exists, and is not overwritten"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k.py"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("k:flahs", "--as", "softmax"), "k.py defines no function 'flahs'; did you mean 'flash'?"),
        (("k", "--as", "softmax"), "'k' should be package.module:function, or path/to/file.py:function"),
        (("k:flash", "--as", "sofmax"), "there is no component 'sofmax'; did you mean 'softmax'?"),
        (("k:flash", "--as", "encoder_layer"), "encoder_layer takes more than arrays: write its adapter by hand"),
        (("k:flash", "--as", "tokenize"), "tokenize takes more than arrays: write its adapter by hand"),
        (("no.such:flash", "--as", "softmax"), "no.such cannot be read: No such file or directory"),
        (("../k.py:flash", "--as", "softmax"), "'../k.py' is no module that can be imported from here"),
        (("broken:flash", "--as", "softmax"), "broken.py is no Python: "),
        (("k:flash", "--as", "softmax", "--out", "a b.txt"), "should be a path of letters and digits that ends in .py"),
    ],
)
def test_a_mistake_is_one_sentence(capsys, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k.py").write_text("def flash(x): ...\n", encoding="utf-8")
    (tmp_path / "broken.py").write_text("def flash(x:\n", encoding="utf-8")
    assert says in complaint(capsys, "init", *arguments)
    assert not (tmp_path / ".github").exists()


@POSIX
def test_at_a_terminal_it_asks_until_the_answers_can_be_used(terminal):
    (terminal.cwd / "kernels.py").write_text("def softmax(x):\n    raise NotImplementedError\n", encoding="utf-8")
    ours, theirs = os.openpty()
    os.write(ours, b"kernels:softmx\nkernels:softmax\nsofmax\n\n\nfloat32,bfloat16\n")
    asking = terminal.start("init", stdin=theirs, stderr=theirs)
    done, _ = asking.communicate(timeout=100)
    said = os.read(ours, 100_000).decode()
    os.close(theirs)
    os.close(ours)

    assert asking.returncode == 0, said
    for sentence in (
        "assay: kernels.py defines no function 'softmx'; did you mean 'softmax'?",
        "assay: there is no component 'sofmax'; did you mean 'softmax'?",
        "[softmax]: ",
        "[numpy]: ",
        "[float32]: ",
    ):
        assert sentence in said
    text = (terminal.cwd / "assay_adapter.py").read_text(encoding="utf-8")
    assert "framework = 'numpy'\ndtypes = ('float32', 'bfloat16')\n" in text
    assert "def softmax(x):\n" in text
    assert done.endswith("assay run assay_adapter.py -n auto\n")


def test_without_a_terminal_nothing_is_asked(terminal):
    done = terminal.assay("init", "kernels:flash")

    assert done.returncode == 2
    assert done.stderr.startswith(
        "assay: init needs FUNCTION and --as COMPONENT, as in `assay init my_package.kernels:flash"
    )
    assert not list(terminal.cwd.iterdir())


def test_what_the_function_needs_and_its_module_says_is_taken_over(terminal):
    """A number that it must be given has a default, the dtypes are its own, and what a first look finds is said."""
    kernel = KERNEL.replace("is_causal=False, softmax_scale=None", "is_causal, softmax_scale")
    kernel = kernel.replace("import numpy as np\n", 'import numpy as np\n\ndtypes = ("float64",)\n')
    kernel = kernel.replace("return (weights @", "return 1.01 * (weights @")
    (terminal.cwd / "kernels.py").write_text(kernel, encoding="utf-8")
    terminal.environment["PYTHONPATH"] = str(terminal.cwd)
    done = terminal.assay("init", "kernels:flash", "--as", "attention")
    text = (terminal.cwd / "assay_adapter.py").read_text(encoding="utf-8")

    assert done.returncode == 0, done.stderr
    assert "dtypes = ('float64',)\n" in text
    assert "    scale = query.shape[-1] ** -0.5 if scale is None else scale\n" in text
    assert "a first look at its values: the weights of query 0 sum to 1.01, not to 1" in done.stdout
