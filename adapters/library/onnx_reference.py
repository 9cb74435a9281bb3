"""The reference evaluator of ONNX: its operators in numpy, as the standard's own tests have them, Adam among them."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ._onnx_operators import TRAINING, Array, Node, Operators, Run, model

if TYPE_CHECKING:
    from onnx.reference import ReferenceEvaluator


@functools.lru_cache(maxsize=512)
def evaluator(made: bytes) -> "ReferenceEvaluator":
    """Make the evaluator of a model."""
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(made)


def _run(made: bytes, feed: Mapping[str, Array]) -> Any:
    return evaluator(made).run(None, dict(feed))


def load(made: bytes) -> Run:
    """Make a function that runs the model and returns its one output."""

    def answer(feed: Mapping[str, Array]) -> Array:
        result: Array = np.asarray(_run(made, feed)[0])
        return result

    return answer


@dataclass(frozen=True)
class Reference(Operators):
    """With Adam-1 of ai.onnx.preview.training, which adds epsilon before the bias correction."""

    conventions: Mapping[str, str] = field(default_factory=lambda: {"adam_epsilon": "hat", "rms_cast": "before"})

    def adam(
        self,
        parameters: Array,
        gradients: Array,
        *,
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> Array:
        """Take one step at a time, the first with T = 1.

        The operator would put the decay into the gradient: it gets none.
        """
        if weight_decay:
            raise NotImplementedError("the decay of the operator Adam is in the gradient, not decoupled")
        options = (("alpha", beta_1), ("beta", beta_2), ("epsilon", epsilon))
        node = Node("Adam", ("rate", "step", "x", "g", "m", "v"), ("x1", "m1", "v1"), options, TRAINING)
        dtype = parameters.dtype
        kinds = [(name, np.dtype(np.int64) if name == "step" else dtype) for name in node.inputs]
        step = model([node], kinds)
        x, m, v = parameters, np.zeros_like(parameters), np.zeros_like(parameters)
        after = []
        for number, gradient in enumerate(gradients, 1):
            state = {"rate": np.asarray(learning_rate, dtype), "step": np.asarray(number), "x": x, "g": gradient}
            x, m, v = _run(step, {**state, "m": m, "v": v})
            after.append(x)
        return np.stack(after) if after else np.empty(gradients.shape, dtype)


_REFERENCE: dict[str, Any] = {"load": load, "package": "onnx", "requires": ("onnx",), "extra": "onnx"}

adapters = {"onnx-reference": Reference(dtypes=("float64", "float32", "bfloat16", "float16"), **_REFERENCE)}
