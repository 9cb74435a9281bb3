"""JAX on the processor: jax.nn, as it is called."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jax import Array

framework = "jax"
package = "jax"
dtypes = ("float64", "float32", "bfloat16", "float16")
# A row that sees no key is the mean of all values, for it hides keys with a large negative number.
conventions = {"masked_row": "mean"}
sizes = "few"  # XLA compiles for every shape


def softmax(x: "Array") -> "Array":
    """jax.nn.softmax over the last axis."""
    import jax

    return jax.nn.softmax(x, axis=-1)


def log_softmax(x: "Array") -> "Array":
    """jax.nn.log_softmax over the last axis."""
    import jax

    return jax.nn.log_softmax(x, axis=-1)


def attention(
    query: "Array",
    key: "Array",
    value: "Array",
    *,
    mask: "Array | None" = None,
    causal: bool = False,
    scale: float | None = None,
) -> "Array":
    """jax.nn.dot_product_attention, whose heads come after the positions; it wants d_v = d_k."""
    import jax

    if value.shape[3] != key.shape[3]:
        raise NotImplementedError("d_v unlike d_k")
    q, k, v = (each.swapaxes(1, 2) for each in (query, key, value))
    return jax.nn.dot_product_attention(q, k, v, mask=mask, is_causal=causal, scale=scale).swapaxes(1, 2)
