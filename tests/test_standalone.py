"""What a script is made of: the function without assay, arguments as they lie in memory, and a run that is confined."""

import ast
import contextlib
import math
import sys

import numpy as np
import pytest
import torch

from assay.adapters import AdapterError, NotStandaloneError, Opening, run_script, without_assay
from assay.adapters.layouts import LAYOUTS, lay
from assay.adapters.standalone import _loaded
from assay.conformance.interface.script_arrays import Format, laid


@pytest.mark.parametrize("framework", ["numpy", "torch"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (2, 3, 4, 5), (2, 0, 4)])
@pytest.mark.parametrize("kind", ["float32", "int64", "bool"])
def test_arguments_lie_in_memory_as_the_adapters_do(kind, shape, layout, framework):
    values = (np.arange(math.prod(shape)).reshape(shape) % 5).astype(kind)
    values = np.broadcast_to(values[:1], shape).copy() if layout == "expanded" else values
    form = Format(framework, "float32", "cpu")
    names: dict = {"np": np, "torch": torch, "x": np.array(values) if framework == "numpy" else torch.tensor(values)}
    exec("\n".join(laid("x", layout, values, form)), names)
    view, due = names["x"], lay(values, layout)

    strides = view.stride() if framework == "torch" else tuple(each // view.itemsize for each in view.strides)
    assert np.array_equal(np.asarray(view), values)
    if values.size:  # the strides of nothing are anybody's
        assert tuple(strides) == due.strides


@pytest.mark.parametrize("spec", ["torch", "torch-adam-fused", "torch-sdpa-math", "torch-flex"])
def test_what_is_copied_of_a_built_in_adapter_is_whole(spec):
    """Each global name that the copied source looks up is there."""
    with contextlib.closing(Opening(spec).open()) as adapter:
        functions = adapter.offer.functions
    for name in functions:
        try:
            had = without_assay(Opening(spec), name)
        except NotStandaloneError:
            continue
        source = "\n".join(["from __future__ import annotations", *had.imports, *had.lines])
        names: dict = {"__name__": "script"}
        sys.modules["script"] = type(sys)("script")  # where dataclasses look
        exec(compile(source, "script", "exec"), names)
        assert "assay" not in source
        tree = ast.parse(source)
        stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        stored |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                stored |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                stored.add(node.name)
        looked_up = {each for body in tree.body for each in _loaded(body)}
        assert looked_up <= stored, (spec, name)
    assert functions


def test_a_script_is_run_where_the_adapter_may_be(tmp_path):
    """In a sandbox, it writes nowhere but in its own folder, as the adapter."""
    written = tmp_path / "written"
    text = f"import pathlib\npathlib.Path({str(written)!r}).write_text('mine')"
    assert run_script(text, Opening("torch")).status == 0
    assert written.exists()
    written.unlink()
    with contextlib.suppress(AdapterError):  # where the system grants no sandbox, there is none to be run in
        Opening("torch", sandbox=True).open().close()
        assert run_script(text, Opening("torch", sandbox=True)).status == 1
        assert not written.exists()


def test_a_script_that_prints_without_end_or_hangs_is_ended(monkeypatch):
    monkeypatch.setattr("assay.adapters.script._START", 1.0)
    for endless in ("while True: print('x' * 10_000)", "while True: pass"):
        assert run_script(endless, Opening("torch", timeout=1.0)).status is None
