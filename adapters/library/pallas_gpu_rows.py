"""The kernels for GPUs that JAX comes with and that treat rows: softmax and layer normalisation, interpreted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..pallas_interpreter import GPU_NOTES, pullback

if TYPE_CHECKING:
    from jax import Array


@dataclass(frozen=True)
class Softmax:
    """jax.experimental.pallas.ops.gpu.softmax."""

    framework: str = "jax"
    package: str = "jax"
    extra: str = "jax"
    dtypes: tuple[str, ...] = ("float32", "bfloat16", "float16")
    sizes: str = "few"
    notes: tuple[str, ...] = GPU_NOTES

    def softmax(self, x: "Array") -> "Array":
        """Call the kernel over the last axis, without the 64-bit mode, for it counts in 32 bits."""
        import jax
        from jax.experimental.pallas.ops.gpu.softmax import softmax

        if 0 in x.shape:
            raise NotImplementedError("it raises on arrays without elements")
        with jax.enable_x64(False):
            result: Array = softmax(x, interpret=True)
        return result

    def softmax_vjp(self, cotangent: "Array", x: "Array") -> "Array":
        """Refuse the call: the kernel has no backward pass, and JAX would raise a ValueError about linearization."""
        raise NotImplementedError("it has no backward pass")


@dataclass(frozen=True)
class LayerNorm:
    """jax.experimental.pallas.ops.gpu.layer_norm, and one of its two backward passes."""

    backward: str
    framework: str = "jax"
    package: str = "jax"
    extra: str = "jax"
    dtypes: tuple[str, ...] = ("float32", "bfloat16", "float16")
    sizes: str = "few"
    notes: tuple[str, ...] = GPU_NOTES

    def layer_norm(self, x: "Array", gain: "Array", bias: "Array", *, epsilon: float = 1e-5) -> "Array":
        """Call the kernel with the three axes that it takes, and without the 64-bit mode, for it counts in 32 bits."""
        import jax
        from jax.experimental.pallas.ops.gpu.layer_norm import layer_norm

        if 0 in x.shape:
            raise NotImplementedError("it raises on arrays without elements")
        options = {"eps": epsilon, "backward_pass_impl": self.backward, "interpret": True}
        with jax.enable_x64(False):
            return layer_norm(x.reshape(1, -1, x.shape[-1]), gain, bias, **options).reshape(x.shape)

    def layer_norm_vjp(self, cotangent: "Array", x: "Array", gain: "Array", bias: "Array", **options: Any) -> Any:
        """jax.vjp of the same call: the backward pass, too, has the 64-bit mode off."""
        import jax

        with jax.enable_x64(False):
            return pullback(self.layer_norm, **options)(cotangent, x, gain, bias)


adapters = {
    "pallas-gpu-softmax": Softmax(),
    "pallas-gpu-layer-norm": LayerNorm("triton"),
    "pallas-gpu-layer-norm-xla": LayerNorm("xla"),
}
