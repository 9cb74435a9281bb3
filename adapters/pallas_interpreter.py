"""Pallas kernels in interpret mode: what reports say of it, and gradients that do not take seconds a call."""

import functools
from collections.abc import Callable
from typing import Any, Final

GPU_NOTES: Final = ("runs in Pallas's interpret mode on the processor, not compiled for a GPU",)


@functools.cache
def pullback(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """jax.vjp of a function of the contract, compiled for each shape: of the cotangent, the arrays, a mask or None."""
    import jax

    def run(cotangent: Any, *arrays: Any, mask: Any = None) -> Any:
        further = options if mask is None else {"mask": mask, **options}
        return jax.vjp(lambda *given: function(*given, **further), *arrays)[1](cotangent)

    compiled: Callable[..., Any] = jax.jit(run)
    return compiled
