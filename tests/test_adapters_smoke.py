"""Every built-in adapter that is installed answers one tiny call of each function, and its gradient, in the right form.

If this fails, the adapter or its bridge is wrong, not the implementation: no value is compared. An adapter of one's own
needs no such test, since the first case of ALL-1 says the same.
"""

import contextlib

import numpy as np
import pytest

from assay.adapters import available, open_adapter
from assay.conformance.components import COMPONENTS

INSTALLED = [each.name for each in available() if each.source == "built-in" and each.installed]


def test_there_are_some():
    assert INSTALLED


@pytest.mark.filterwarnings("default")  # a library may warn; in a worker nobody would hear it
@pytest.mark.parametrize("name", INSTALLED)
def test_a_tiny_call_of_each_function_comes_back(name):
    with contextlib.closing(open_adapter(name, in_process=True)) as adapter:
        for function in adapter.offer.functions:
            component = COMPONENTS[function]
            dtypes = adapter.offer.dtypes if component.has_dtype else ("",)
            found = {dtype: status_of(adapter, component, dtype) for dtype in dtypes}

            assert "ok" in found.values(), (function, found)
            assert set(found.values()) <= {"ok", "unsupported"}, (function, found)


def status_of(adapter, component, dtype):
    """Return what came of the plainest case in a dtype; the form of what came is right."""
    inputs = component.make(component.plainest(dtype or "float64"))
    arguments = (component.name, inputs.arrays, inputs.options)
    reply = adapter.call(*arguments, dtype=dtype)
    if reply.status != "ok":
        return reply.status if reply.status == "unsupported" else f"{reply.status}: {reply.message}"
    if component.gives_data:
        assert reply.data is not None
        return reply.status
    assert reply.value.shape == component.shape(inputs)
    if component.name in adapter.offer.gradients:
        of_gradients = adapter.call(*arguments, dtype=dtype, cotangent=np.ones(reply.value.shape))
        assert of_gradients.status in ("ok", "unsupported"), of_gradients.message
        assert of_gradients.status == "unsupported" or {
            each: gradient.shape for each, gradient in of_gradients.gradients.items()
        } == {each: array.shape for each, array in inputs.arrays.items() if array.dtype.kind == "f"}
    return reply.status
