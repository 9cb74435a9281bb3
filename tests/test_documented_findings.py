"""What docs/findings.md and docs/findings-kernels.md show of libraries is so, of those that are here.

The others are judged in environments of their own (`libraries.py`); a test of theirs says which module it lacks.
"""

import ast
import contextlib
import importlib.util
import io
import re
import shlex
import warnings

import numpy as np
import pytest
from documented import BLOCKS

from assay.conformance.interface.command_line import main

MODULES = {
    "FlashAttention": "flash_attn",
    "Flax": "flax",
    "JAX": "jax",
    "Keras": "keras",
    "Keras on numpy": "keras",
    "Keras on torch": "keras",
    "Liger-Kernel": "liger_kernel",
    "MLX": "mlx",
    "ONNX Runtime": "onnxruntime",
    "Optax": "optax",
    "Pallas": "jax",
    "SageAttention": "sageattention",
    "onnx": "onnx",
    "tokenizers": "tokenizers",
    "torch": "torch",
}
"""What a section needs, by how its heading begins."""

UNSEEN = {
    "processors with AMX": "it needs such a processor, and none without AMX shows it",
}
"""Sections that are not run, by words of the heading."""

BEFORE = {
    "tokenizers": "from tokenizers import Tokenizer, models\n",
    "torch": "import torch\nimport torch.nn.functional as F\nfrom torch.nn.attention import SDPBackend, sdpa_kernel\n",
}
"""What the page takes for granted before a section's lines."""

SECTIONS = {
    f"{page.removeprefix('docs/')}: {section}": [each for each in BLOCKS[page] if each.section == section]
    for page in ("docs/findings.md", "docs/findings-kernels.md")
    for section in dict.fromkeys(each.section for each in BLOCKS[page] if each.section)
}


def sections(language):
    """Make a parameter of each section that has blocks of the language; one of all that a missing library has."""
    found, missing = [], {}
    for name, blocks in SECTIONS.items():
        chosen = [each for each in blocks if each.language == language]
        if chosen and (why := why_not(chosen[0].section)):
            missing[why] = pytest.param(chosen, id=why, marks=pytest.mark.skip(reason=why))
        elif chosen:
            found.append(pytest.param(chosen, id=name[:90]))
    return pytest.mark.parametrize("blocks", [*found, *missing.values()])


def library(section):
    """Name the library of a section."""
    return section.partition(":")[0]


def why_not(section):
    """Say why a section cannot be run here, if so."""
    module = MODULES.get(library(section), "")
    here = not module or importlib.util.find_spec(module)
    return next(
        (why for words, why in UNSEEN.items() if words in section), "" if here else f"{module} is not installed"
    )


@sections("")
def test_a_case_fails_as_the_page_says(blocks):
    """In this process: a worker for each would import torch anew."""
    for line in "".join(block.text for block in blocks).splitlines():
        assert line.startswith("assay replay "), line
        with contextlib.redirect_stdout(io.StringIO()) as printed, pytest.raises(SystemExit) as left:
            main([*shlex.split(line)[1:], "--in-process"])
        advisory = "advisory)" in blocks[0].section  # that alone is no evidence
        assert left.value.code == (3 if advisory else 1), f"{line}\n{printed.getvalue()}"
        clause = shlex.split(line)[-1]
        assert re.search(rf"^{clause} +fail: ", printed.getvalue(), re.MULTILINE)


@sections("python")
def test_the_lines_of_a_section_give_what_stands_beside_them(blocks):
    names = {}
    exec(BEFORE.get(library(blocks[0].section), ""), names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a library, about what the section is about
        for block in blocks:
            run(block.text, names)


def run(text, names):
    """Run statement after statement; the value of one that stands alone is what its comment says."""
    lines = text.splitlines()
    for node in ast.parse(text).body:
        inner = node.body[-1] if isinstance(node, ast.With) else node
        comment = lines[node.end_lineno - 1].partition("  # ")[2]
        if isinstance(inner, ast.Expr) and comment:
            *first, last = node.body if isinstance(node, ast.With) else [node]
            value = ast.Assign([ast.Name("value_", ast.Store())], last.value)
            whole = ast.With(node.items, [*first, value]) if isinstance(node, ast.With) else value
            exec(compile(ast.fix_missing_locations(ast.Module([whole], [])), "page", "exec"), names)
            assert_said(comment, names["value_"], lines[node.lineno - 1])
        else:
            exec(compile(ast.Module([node], []), "page", "exec"), names)


def assert_said(comment, value, line):
    """Hold the value to the first words of the comment, where these are NaN, inf, zeros or a number."""
    said = re.match(r"(NaN|inf|zeros|-?\d[\d.e-]*)(?=,|;| in each|$)", comment)
    if said:
        numbers = np.asarray(_flat(value), dtype=np.float64)
        due = 0.0 if said[1] == "zeros" else float(said[1])
        right = np.isclose(numbers, due, rtol=1e-3, equal_nan=True)
        assert right.any() if said[1] == "NaN" else right.flat[0], f"{line}: {value}"


def _flat(value):
    """List the numbers of a tensor, of several or of nested ones."""
    if isinstance(value, list | tuple):
        return [number for each in value for number in _flat(each)]
    detached = value.detach().float() if hasattr(value, "detach") else value
    return np.asarray(detached, dtype=np.float64).ravel().tolist()


def test_every_section_has_a_library():
    assert {each.partition(": ")[2].partition(":")[0] for each in SECTIONS} <= set(MODULES) | {"ONNX", "XLA"}
