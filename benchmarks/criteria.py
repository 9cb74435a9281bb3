"""How kernels are accepted today: the rules of other projects, each with the inputs that it is used on.

A rule sees the candidate's arrays (the value under an empty name, gradients under those of their arguments) and
references from the eager formula: in T, the format of the arguments, in float32 and in float64. That is what these
projects do; assay's own oracle has no part in it. What they test beside values is left out: FlashAttention's and
xformers' reruns for equal bits, and xformers' padding of NaN.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from criteria_inputs import Asked, attention_inputs, component_inputs

from assay.conformance.terms.rounding import rounded

Array = np.ndarray[Any, np.dtype[Any]]
Named = Mapping[str, Array]
HALF: Final = ("bfloat16", "float16")
SINGLE_AND_HALF: Final = ("float32", *HALF)
EVERY: Final = ("float64", *SINGLE_AND_HALF)


@dataclass
class References:
    """The eager formula's answers to one question, in each format when asked for."""

    asked: Asked
    dtype: str
    """T, that of the arguments."""
    answer: Callable[[str], Named]
    """From a format to the answers in it."""
    kept: dict[str, Named] = field(default_factory=dict)

    def of(self, dtype: str) -> Named:
        """Return the answers of the arithmetic in that format, from the arguments as they are in T."""
        if dtype not in self.kept:
            self.kept[dtype] = self.answer(dtype)
        return self.kept[dtype]


Rule = Callable[[str, Array, References], bool]
"""Whether one array of the candidate is accepted."""


@dataclass(frozen=True)
class Criterion:
    """One project's way to accept a kernel."""

    name: str
    source: str
    rule: Rule
    dtypes: tuple[str, ...]
    kind: str
    """Of inputs: some criteria share them."""
    attention_only: bool = True
    gradients: bool = True
    same_dtype: bool = True
    """Whether a result of another dtype is noticed."""

    def inputs(self, component: Any, dtype: str) -> list[Asked]:
        """Make the questions that the criterion asks of a component in a dtype."""
        return (attention_inputs if self.attention_only else component_inputs)(self.kind, component, dtype)

    def accepts(self, candidate: Named, references: References) -> bool:
        """Say whether every array passes."""
        with np.errstate(all="ignore"):
            return all(
                array.shape == references.of(references.dtype)[name].shape and self.rule(name, array, references)
                for name, array in candidate.items()
                if name in references.of(references.dtype)
            )


def largest(array: Array) -> float:
    """Return the largest absolute element; NaN if there is one."""
    return float(np.abs(array).max(initial=0.0))


def close(actual: Array, reference: Array, rtol: float, atol: float, *, relative_to: Array | None = None) -> bool:
    """numpy's and torch's allclose: |a - r| <= atol + rtol |r| for every element; NaN is close to nothing."""
    scale = reference if relative_to is None else relative_to
    same = actual == reference  # infinities
    return bool(np.all(same | (np.abs(actual - reference) <= atol + rtol * np.abs(scale))))


# FlashAttention: at most so many times the error of the eager formula in T


def flash_attention_2(name: str, actual: Array, references: References) -> bool:
    """max |y - r| <= 2 max |p - r| + 1e-5; gradients 3 times, without a causal mask."""
    reference = rounded(references.of("float32")[name], references.dtype)
    of_peer = largest(references.of(references.dtype)[name] - reference)
    causal = references.asked.inputs.options.get("causal", False)
    factor = 2.0 if not name or causal else 3.0
    return largest(actual - reference) <= factor * of_peer + (0.0 if name and not causal else 1e-5)


def flash_attention_3(name: str, actual: Array, references: References) -> bool:
    """max |y - r| <= 2 max |p - r| + a, where a is twice what adding and subtracting 0.3 in T loses."""
    dtype = references.dtype
    reference = rounded(references.of("float32")[name], dtype)
    of_peer = largest(references.of(dtype)[name] - reference)
    shaken = rounded(rounded(reference + 0.3, dtype) - 0.3, dtype)
    return largest(actual - reference) <= 2 * of_peer + 2 * largest(shaken - reference)


# PyTorch


def sdpa(factors: Mapping[str, float]) -> Rule:
    """max |g - y| <= max(1e-5, f max |g - p|), g in float32 for half formats, float64 for float32."""

    def rule(name: str, actual: Array, references: References) -> bool:
        gold = references.of("float64" if references.dtype == "float32" else "float32")[name]
        return largest(gold - actual) <= max(
            1e-5, factors[name] * largest(gold - references.of(references.dtype)[name])
        )

    return rule


CUDA: Final = {"": 4.0, "query": 180.0, "key": 16.0, "value": 4.0}
ROCM: Final = {"": 5.0, "query": 1550.0, "key": 190.0, "value": 6.0}


def flex_attention(name: str, actual: Array, references: References) -> bool:
    """mean |g - y| <= f mean |g - p|, g in float64; f is 1.1 for half formats, 10 for float32."""
    gold, peer = references.of("float64")[name], references.of(references.dtype)[name]
    if not gold.size:
        return True
    factor = 1.1 if references.dtype in HALF else 10.0
    return bool(np.abs(gold - actual).mean() <= factor * np.abs(gold - peer).mean())


ASSERT_CLOSE: Final = {
    "float64": (1e-7, 1e-7),
    "float32": (1.3e-6, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float16": (1e-3, 1e-5),
}
"""rtol and atol of `torch.testing.assert_close`."""


def assert_close(name: str, actual: Array, references: References) -> bool:
    """Compare with the eager formula in T, with the default tolerances."""
    return close(actual, references.of(references.dtype)[name], *ASSERT_CLOSE[references.dtype])


# Absolute and relative tolerances


def xformers(name: str, actual: Array, references: References) -> bool:
    """Compare with the unrounded result in float32, by allclose."""
    forward = {"float32": (2e-5, 3e-4), "float16": (4e-4, 4e-3), "bfloat16": (5e-3, 2e-2)}
    backward = {"float32": (1e-4, 9e-4), "float16": (2e-2, 0.2), "bfloat16": (0.1, 0.9)}
    return close(actual, references.of("float32")[name], *(backward if name else forward)[references.dtype])


def transformer_engine(name: str, actual: Array, references: References) -> bool:
    """Compare with another low-precision backend, here the eager formula in T, by allclose."""
    tolerance = {"float16": 1e-3, "bfloat16": 1.5e-2}[references.dtype]
    return close(actual, references.of(references.dtype)[name], tolerance, tolerance)


def kernel_bench(single: float) -> Rule:
    """|r - y| <= t + t |y|: relative to the candidate."""

    def rule(name: str, actual: Array, references: References) -> bool:
        tolerance = 1e-2 if references.dtype in HALF else single
        return close(actual, references.of(references.dtype)[name], tolerance, tolerance, relative_to=actual)

    return rule


def backend_bench(name: str, actual: Array, references: References) -> bool:
    """1e-2 both ways for every dtype, and NaN is close to NaN."""
    reference = references.of(references.dtype)[name]
    both = np.isnan(actual) & np.isnan(reference)
    return close(np.where(both, 0, actual), np.where(both, 0, reference), 1e-2, 1e-2)


def eager_matches_sdpa(name: str, actual: Array, references: References) -> bool:
    """Accept if 80 % of the sequences of a batch, or more, are close to the eager formula in T."""
    reference = references.of(references.dtype)[name]
    if not len(reference):
        return True
    rtol, atol = {
        "float32": (1e-4, 1e-6),
        "float16": (5e-3, 5e-3),
        "bfloat16": (1e-2, max(1e-2, 0.03 * largest(reference))),
    }[references.dtype]
    return bool(np.mean([close(a, r, rtol, atol) for a, r in zip(actual, reference, strict=True)]) >= 0.8)


def onnx(name: str, actual: Array, references: References) -> bool:
    """(1e-3, 1e-7) for every dtype."""
    return close(actual, references.of(references.dtype)[name], 1e-3, 1e-7)


_FLASH: Final = "Dao-AILab/flash-attention, test_flash_attn.py"
_HOPPER: Final = "Dao-AILab/flash-attention, hopper: test_flash_attn.py"
_SDPA: Final = "pytorch/pytorch, test_transformers.py"
_FLEX: Final = "pytorch/pytorch, test_flex_attention.py"
_XFORMERS: Final = "facebookresearch/xformers, test_mem_eff_attention.py"
_ENGINE: Final = "NVIDIA/TransformerEngine, the attention tests of its PyTorch side"
_TRANSFORMERS: Final = "huggingface/transformers, test_modeling_common.py"
_KERNELS: Final = "ScalingIntelligence/KernelBench, src/eval.py"
_BACKENDS: Final = "meta-pytorch/BackendBench, BackendBench/eval.py"
_NODES: Final = "onnx/onnx, onnx/backend/test/runner"
_FORWARD: Final[dict[str, Any]] = {"gradients": False}
_ANY: Final[dict[str, Any]] = {"attention_only": False, "gradients": False}
_LAX: Final[dict[str, Any]] = {**_ANY, "same_dtype": False}

CRITERIA: Final = (
    Criterion("FlashAttention 2", _FLASH, flash_attention_2, HALF, "flash"),
    Criterion("FlashAttention 3", _HOPPER, flash_attention_3, HALF, "flash"),
    Criterion("PyTorch SDPA, CUDA", _SDPA, sdpa(CUDA), SINGLE_AND_HALF, "sdpa"),
    Criterion("PyTorch SDPA, ROCm", _SDPA, sdpa(ROCM), SINGLE_AND_HALF, "sdpa"),
    Criterion("FlexAttention", _FLEX, flex_attention, SINGLE_AND_HALF, "flex"),
    Criterion("xformers", _XFORMERS, xformers, SINGLE_AND_HALF, "xformers"),
    Criterion("TransformerEngine", _ENGINE, transformer_engine, HALF, "engine"),
    Criterion("transformers eager-sdpa", _TRANSFORMERS, eager_matches_sdpa, SINGLE_AND_HALF, "sequences", **_FORWARD),
    Criterion("KernelBench", _KERNELS, kernel_bench(1e-4), SINGLE_AND_HALF, "uniform", **_LAX),
    Criterion("KernelBench, first version", _KERNELS, kernel_bench(1e-2), SINGLE_AND_HALF, "uniform", **_LAX),
    Criterion("BackendBench", _BACKENDS, backend_bench, EVERY, "uniform", **_ANY),
    Criterion("ONNX node tests", _NODES, onnx, EVERY, "nodes", **_ANY),
    Criterion(
        "assert_close",
        "torch.testing.assert_close, its defaults",
        assert_close,
        EVERY,
        "normal",
        attention_only=False,
    ),
)
