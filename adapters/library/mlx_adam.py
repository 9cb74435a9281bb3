"""MLX's Adam with decoupled weight decay: its bias correction is an option, and off unless it is asked for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlx.core import array


@dataclass(frozen=True)
class Adam:
    """optimizers.AdamW, whose bias correction is an option that is off."""

    bias_correction: bool
    framework: str = "mlx"
    package: str = "mlx"
    extra: str = "mlx"
    dtypes: tuple[str, ...] = ("float32", "bfloat16", "float16")

    def adam(
        self,
        parameters: "array",
        gradients: "array",
        *,
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> "array":
        """Compute the parameters after each step."""
        import mlx.core as mx
        import mlx.optimizers as optimizers

        optimizer = optimizers.AdamW(
            learning_rate=learning_rate,
            betas=[beta_1, beta_2],
            eps=epsilon,
            weight_decay=weight_decay,
            bias_correction=self.bias_correction,
        )
        model = {"parameters": parameters}
        optimizer.init(model)
        after = []
        for gradient in gradients:
            model = optimizer.apply_gradients({"parameters": gradient}, model)
            after.append(model["parameters"])
        return mx.stack(after) if after else mx.zeros(gradients.shape, parameters.dtype)


adapters = {"mlx-adam-corrected": Adam(bias_correction=True)}
"""As it comes, it is in the adapter `mlx`."""
