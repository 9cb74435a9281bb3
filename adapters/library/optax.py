"""Optax on the processor: adamw, and the losses over logits."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jax import Array

framework = "jax"
package = "optax"
requires = ("optax",)
extra = "optax"
dtypes = ("float64", "float32", "bfloat16", "float16")
# The loss of integer labels is jax.nn.logsumexp less the label's logit.
numerics = {name: {"shift": "rounded"} for name in dtypes}
sizes = "few"  # XLA compiles for every shape


def adam(
    parameters: "Array",
    gradients: "Array",
    *,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
) -> "Array":
    """optax.adamw: the parameters after each step."""
    import jax.numpy as jnp
    import optax

    optimizer = optax.adamw(learning_rate, beta_1, beta_2, epsilon, weight_decay=weight_decay)
    state, after = optimizer.init(parameters), []
    for gradient in gradients:
        updates, state = optimizer.update(gradient, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
        after.append(parameters)
    return jnp.stack(after) if after else gradients


def cross_entropy(
    logits: "Array", targets: "Array", *, label_smoothing: float = 0.0, reduction: str = "mean"
) -> "Array":
    """Compute the loss with integer labels, or with optax.smooth_labels of one-hot ones, and reduce it."""
    import jax
    import optax

    if label_smoothing:
        labels = optax.smooth_labels(jax.nn.one_hot(targets, logits.shape[-1], dtype=logits.dtype), label_smoothing)
        losses = optax.softmax_cross_entropy(logits, labels)
    else:
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
    return losses if reduction == "none" else getattr(losses, reduction)()
