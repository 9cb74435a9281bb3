"""Keras: its operations, layers with given weights, losses and AdamW; the backend is the device."""

from dataclasses import dataclass, field
from typing import Any

from . import torch as automatic

Array = Any  # of the backend


@dataclass(frozen=True)
class Keras:
    """Keras with one of its backends."""

    device: str
    requires: tuple[str, ...] = ()
    # A hidden key has a large negative number for a score; AdamW adds epsilon before it corrects the second moment.
    conventions: dict[str, str] = field(default_factory=lambda: {"masked_row": "mean", "adam_epsilon": "hat"})
    numerics: dict[str, dict[str, Any]] = field(default_factory=dict)
    sizes: str = "all"
    framework: str = "keras"
    package: str = "keras"
    extra: str = "keras"
    dtypes: tuple[str, ...] = ("float64", "float32", "bfloat16", "float16")

    def softmax(self, x: Array) -> Array:
        """ops.softmax over the last axis."""
        import keras

        self._needs(x.shape[-1], "rows without elements")
        return keras.ops.softmax(x, axis=-1)

    def log_softmax(self, x: Array) -> Array:
        """ops.log_softmax over the last axis."""
        import keras

        self._needs(x.shape[-1], "rows without elements")
        return keras.ops.log_softmax(x, axis=-1)

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
        """ops.dot_product_attention, whose heads come after the positions."""
        import keras

        if value.shape[3] != key.shape[3]:
            raise NotImplementedError("its documentation wants values of the shape of keys")
        self._needs(query.shape[1] == key.shape[1], "grouped heads")
        self._needs(key.shape[2], "attention over no keys")
        q, k, v = (each.swapaxes(1, 2) for each in (query, key, value))
        result = keras.ops.dot_product_attention(q, k, v, mask=mask, is_causal=causal, scale=scale)
        return result.swapaxes(1, 2)

    def multi_head_attention(
        self,
        query: Array,
        key: Array,
        value: Array,
        w_query: Array,
        w_key: Array,
        w_value: Array,
        w_output: Array,
        *,
        heads: int,
        mask: Array | None = None,
        causal: bool = False,
    ) -> Array:
        """layers.MultiHeadAttention without biases; its kernels have an axis of heads."""
        import keras

        self._needs(key.shape[1], "attention over no keys")
        if self.device == "jax" and w_value.shape != w_key.shape:
            raise NotImplementedError("with the backend jax, Keras raises TypeError on a value_dim unlike key_dim")
        model, sizes = w_output.shape[1], [each.shape[1] // heads for each in (w_query, w_value)]
        dtype = _dtype(query)
        layer = keras.layers.MultiHeadAttention(heads, *sizes, use_bias=False, output_shape=model, dtype=dtype)
        layer.build(query.shape, value.shape, key.shape)
        kernels = [each.reshape(each.shape[0], heads, -1) for each in (w_query, w_key, w_value)]
        weights = [*kernels, w_output.reshape(heads, -1, model)]
        states = [each.value for each in layer.non_trainable_variables]
        return layer.stateless_call(
            weights, states, query, value, key, attention_mask=mask, use_causal_mask=causal, training=False
        )[0]

    def feed_forward(self, x: Array, w_1: Array, b_1: Array, w_2: Array, b_2: Array) -> Array:
        """layers.Dense with relu, layers.Dense."""
        import keras

        inner = keras.layers.Dense(w_1.shape[1], activation="relu", dtype=_dtype(x))
        outer = keras.layers.Dense(w_2.shape[1], dtype=_dtype(x))
        return _applied(outer, [w_2, b_2], _applied(inner, [w_1, b_1], x))

    def layer_norm(self, x: Array, gain: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
        """layers.LayerNormalization over the last axis."""
        import keras

        dtype = _dtype(x)
        return _applied(keras.layers.LayerNormalization(epsilon=epsilon, dtype=dtype), [gain, bias], x)

    def embedding(self, tokens: Array, weight: Array) -> Array:
        """layers.Embedding, and a product with sqrt(d_model), which is in float32 at least, as in torch."""
        import keras

        dtype = _dtype(weight)
        rows = _applied(keras.layers.Embedding(*weight.shape, dtype=dtype), [weight], tokens)
        wide = keras.ops.cast(rows, dtype if dtype == "float64" else "float32")
        return keras.ops.cast(wide * weight.shape[1] ** 0.5, dtype)

    def cross_entropy(
        self, logits: Array, targets: Array, *, label_smoothing: float = 0.0, reduction: str = "mean"
    ) -> Array:
        """losses.CategoricalCrossentropy of one-hot targets."""
        import keras

        dtype = _dtype(logits)
        loss = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=label_smoothing, reduction=reduction, dtype=dtype
        )
        return loss(keras.ops.one_hot(targets, logits.shape[-1], dtype=dtype), logits)

    def _needs(self, given: object, what: str) -> None:
        """Refuse what the backend numpy raises on."""
        if self.device == "numpy" and not given:
            raise NotImplementedError(f"with the backend numpy, Keras raises ValueError on {what}")

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
        """optimizers.AdamW: the parameters after each step."""
        import keras

        optimizer = keras.optimizers.AdamW(learning_rate, weight_decay, beta_1, beta_2, epsilon)
        # On torch, a variable is the tensor that it was made of.
        variable = keras.Variable(keras.ops.copy(parameters), dtype=_dtype(parameters))
        optimizer.build([variable])
        after = []
        for gradient in gradients:
            optimizer.apply([gradient], [variable])
            after.append(keras.ops.copy(variable.value))
        return keras.ops.stack(after) if after else gradients


def _dtype(array: Array) -> str:
    """Name the dtype as Keras does."""
    import keras

    name: str = keras.backend.standardize_dtype(array.dtype)
    return name


def _applied(layer: Any, weights: list[Array], x: Array) -> Array:
    """Run the layer with given weights in the way in which Keras calls a layer without changing it."""
    layer.build(x.shape)
    return layer.stateless_call(weights, [], x)[0]


# The backend numpy takes the variance from the mean of squares, "faster but less numerically stable"; JAX's does not.
_ONE_PASS = {name: {"variance": "one-pass"} for name in Keras.dtypes}

adapters = {
    "keras-numpy": Keras("numpy", numerics=_ONE_PASS),
    "keras-jax": Keras("jax", requires=("jax",), sizes="few"),  # XLA compiles for every shape
    "keras-torch": Keras("torch", requires=("torch",), numerics=automatic.numerics),  # inside is its flash kernel
}
