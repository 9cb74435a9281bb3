"""The operators of ONNX, each as a model of one node or of the few that an exporter writes.

`onnxruntime.py` and `onnx_reference.py` run the same models. Arrays are numpy's, and there are no gradients.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Run = Callable[[Mapping[str, Array]], Array]

OPSET = 24
TRAINING = "ai.onnx.preview.training"


@dataclass(frozen=True)
class Node:
    """One operator: its inputs and outputs by name, an empty one where an input is left out."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...] = ("y",)
    attributes: tuple[tuple[str, Any], ...] = ()
    domain: str = ""


@dataclass(frozen=True)
class Operators:
    """The functions of the contract, over a way to load a model."""

    load: Callable[[bytes], Run]
    package: str
    requires: tuple[str, ...]
    extra: str
    dtypes: tuple[str, ...]
    numerics: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    framework: str = "numpy"

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
        """Attention-24 with 4-D inputs; True in its mask keeps, and its causal mask begins with the first key."""
        if not key.shape[2]:
            raise NotImplementedError("attention over no keys, on which every runtime tried so far raises")
        attributes = (("is_causal", int(causal)), *((("scale", float(scale)),) if scale is not None else ()))
        feed = {"q": query, "k": key, "v": value}
        if mask is not None:
            # The last two axes do not broadcast in every runtime.
            whole = (*((1,) * (4 - mask.ndim) + mask.shape)[:2], query.shape[2], key.shape[2])
            feed["mask"] = np.broadcast_to(mask, whole)
        return run(self.load, [Node("Attention", tuple(feed), attributes=attributes)], feed)

    def softmax(self, x: Array) -> Array:
        """Softmax-13 over the last axis."""
        return run(self.load, [Node("Softmax", ("x",), attributes=(("axis", -1),))], {"x": x})

    def log_softmax(self, x: Array) -> Array:
        """LogSoftmax-13 over the last axis."""
        return run(self.load, [Node("LogSoftmax", ("x",), attributes=(("axis", -1),))], {"x": x})

    def layer_norm(self, x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
        """LayerNormalization-17 over the last axis."""
        attributes = (("axis", -1), ("epsilon", float(epsilon)))
        node = Node("LayerNormalization", ("x", "gain", "bias"), attributes=attributes)
        return run(self.load, [node], {"x": x, "gain": gain, "bias": bias})

    def rms_norm(self, x: Array, gain: Array, *, epsilon: float = 1e-6) -> Array:
        """RMSNormalization-23 over the last axis."""
        node = Node("RMSNormalization", ("x", "gain"), attributes=(("axis", -1), ("epsilon", float(epsilon))))
        return run(self.load, [node], {"x": x, "gain": gain})

    def feed_forward(self, x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
        """MatMul, Add, Relu, MatMul, Add."""
        nodes = [
            Node("MatMul", ("x", "w_1"), ("a",)),
            Node("Add", ("a", "b_1"), ("b",)),
            Node("Relu", ("b",), ("c",)),
            Node("MatMul", ("c", "w_2"), ("d",)),
            Node("Add", ("d", "b_2")),
        ]
        return run(self.load, nodes, {"x": x, "w_1": w_1, "b_1": b_1, "w_2": w_2, "b_2": b_2})

    def embedding(self, tokens: Array, weight: Array) -> Array:
        """Gather, and a product with sqrt(d_model), which is in float32 at least, as in torch."""
        wide = np.float64 if weight.dtype == np.float64 else np.float32
        rows = run(self.load, [Node("Gather", ("weight", "tokens"))], {"weight": weight, "tokens": tokens})
        feed = {"rows": rows.astype(wide), "factor": np.asarray(weight.shape[1] ** 0.5, wide)}
        return run(self.load, [Node("Mul", ("rows", "factor"))], feed).astype(weight.dtype)

    def output_logits(self, hidden: Array, weight: Array) -> Array:
        """Transpose and MatMul."""
        nodes = [Node("Transpose", ("weight",), ("columns",)), Node("MatMul", ("hidden", "columns"))]
        return run(self.load, nodes, {"hidden": hidden, "weight": weight})

    def cross_entropy(
        self,
        logits: Array,
        targets: Array,
        *,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
        ignore_index: int = -100,
    ) -> Array:
        """SoftmaxCrossEntropyLoss-13."""
        if label_smoothing:
            raise NotImplementedError("SoftmaxCrossEntropyLoss has no label smoothing")
        attributes = (("reduction", reduction), ("ignore_index", ignore_index))
        node = Node("SoftmaxCrossEntropyLoss", ("logits", "targets"), attributes=attributes)
        return run(self.load, [node], {"logits": logits, "targets": targets})


def run(load: Callable[[bytes], Run], nodes: Sequence[Node], feed: Mapping[str, Array]) -> Array:
    """Run the model of these nodes, which is made and loaded once for each set of dtypes."""
    kinds = tuple((name, array.dtype) for name, array in feed.items())
    return _loaded(load, tuple(nodes), kinds)({name: np.asarray(array, order="C") for name, array in feed.items()})


@functools.lru_cache(maxsize=512)
def _loaded(load: Callable[[bytes], Run], nodes: tuple[Node, ...], kinds: tuple[tuple[str, Any], ...]) -> Run:
    return load(model(nodes, kinds))


def model(nodes: Sequence[Node], kinds: Sequence[tuple[str, Any]]) -> bytes:
    """Make a model with inputs of these names and dtypes, of any shape, that returns what the last node computes."""
    from onnx import helper

    made = [
        helper.make_node(
            node.operator, list(node.inputs), list(node.outputs), domain=node.domain, **dict(node.attributes)
        )
        for node in nodes
    ]

    def described(name: str, kind: Any) -> Any:
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(kind), None)

    inputs = [described(name, kind) for name, kind in kinds]
    outputs = [described(name, kinds[0][1]) for name in nodes[-1].outputs]
    graph = helper.make_graph(made, "graph", inputs, outputs)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid(TRAINING, 1)]
    whole: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=11).SerializeToString()
    return whole
