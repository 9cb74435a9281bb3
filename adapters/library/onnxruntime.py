"""ONNX Runtime on the processor: the operators of ONNX, and its own MultiHeadAttention of the domain com.microsoft.

It raises on many arrays without elements; such calls are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ._onnx_operators import Array, Node, Operators, Run, run

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def load(model: bytes) -> Run:
    """Start a session; a model is refused if this build has no kernel for it."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # the judge has the other cores
    options.log_severity_level = 3
    try:
        session: InferenceSession = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except ort.capi.onnxruntime_pybind11_state.NotImplemented as error:
        raise NotImplementedError(str(error)) from None

    def answer(feed: Mapping[str, Array]) -> Array:
        if not all(array.size for array in feed.values()):
            raise NotImplementedError("ONNX Runtime raises on arrays without elements")
        result: Array = session.run(None, dict(feed))[0]
        return result

    return answer


@dataclass(frozen=True)
class MultiHeadAttention:
    """com.microsoft.MultiHeadAttention as attention: heads side by side in the last axis, the mask as a bias."""

    conventions: Mapping[str, str] = field(default_factory=lambda: {"masked_row": "nan"})
    framework: str = "numpy"
    package: str = "onnxruntime"
    requires: tuple[str, ...] = ("onnx", "onnxruntime")
    extra: str = "onnxruntime"
    dtypes: tuple[str, ...] = ("float32", "float16")

    def attention(
        self,
        query: Array,
        key: Array,
        value: Array,
        *,
        mask: Array | None = None,
        causal: bool = False,
        scale: float | None = None,
    ) -> Array:
        """Call the operator: its causal mask is `unidirectional`; the bias of a hidden key is minus infinity."""
        (batch, heads, queries, _), keys = query.shape, key.shape[2]
        if key.shape[1] != heads:
            raise NotImplementedError("com.microsoft.MultiHeadAttention has no grouped heads")
        if scale == 0:
            raise NotImplementedError("a scale of 0 stands for the default there")
        feed = {
            name: each.swapaxes(1, 2).reshape(batch, each.shape[2], heads * each.shape[3])
            for name, each in (("q", query), ("k", key), ("v", value))
        }
        inputs = ["q", "k", "v"]
        if mask is not None:
            feed["bias"] = np.where(np.broadcast_to(mask, (batch, heads, queries, keys)), 0, -np.inf).astype(
                query.dtype
            )
            inputs += ["", "", "bias"]
        attributes: list[tuple[str, Any]] = [("num_heads", heads), ("unidirectional", int(causal))]
        attributes += [("scale", float(scale))] if scale is not None else []
        node = Node("MultiHeadAttention", tuple(inputs), attributes=tuple(attributes), domain="com.microsoft")
        result = run(load, [node], feed)
        return result.reshape(batch, queries, heads, value.shape[3]).swapaxes(1, 2)


# Products of float16 are rounded to float16 before the softmax sees them.
_NUMERICS = {"float16": {"scores": "float16"}}
_PACKAGE: dict[str, Any] = {"package": "onnxruntime", "requires": ("onnx", "onnxruntime"), "extra": "onnxruntime"}

adapters = {
    "onnxruntime": Operators(load, dtypes=("float64", "float32", "float16"), numerics=_NUMERICS, **_PACKAGE),
    "onnxruntime-mha": MultiHeadAttention(),
}
