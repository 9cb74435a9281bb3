"""The gradients of a kernel that is interpreted: compiled once for each shape, or every call would take seconds."""

import functools
from collections.abc import Callable
from typing import Any


@functools.cache
def pullback(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """jax.jit of jax.vjp of a function of the contract; it takes the cotangent, the arrays, and the mask or None."""
    import jax

    def run(cotangent: Any, *arrays: Any, mask: Any = None) -> Any:
        further = options if mask is None else {"mask": mask, **options}
        return jax.vjp(lambda *given: function(*given, **further), *arrays)[1](cotangent)

    compiled: Callable[..., Any] = jax.jit(run)
    return compiled
