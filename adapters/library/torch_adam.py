"""The three implementations of Adam with decoupled weight decay in torch.optim: a loop, foreach, fused."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Adam:
    """torch.optim.AdamW with its implementation chosen; None leaves the choice to torch."""

    foreach: bool | None = None
    fused: bool | None = None
    framework: str = "torch"
    package: str = "torch"
    dtypes: tuple[str, ...] = ("float64", "float32", "bfloat16", "float16")

    def adam(
        self,
        parameters: "Tensor",
        gradients: "Tensor",
        *,
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> "Tensor":
        """Compute the parameters after each step."""
        import torch

        parameter = parameters.clone().requires_grad_()
        optimizer = torch.optim.AdamW(
            [parameter],
            lr=learning_rate,
            betas=(beta_1, beta_2),
            eps=epsilon,
            weight_decay=weight_decay,
            foreach=self.foreach,
            fused=self.fused,
        )
        after = parameters.new_empty(gradients.shape)
        for step, gradient in enumerate(gradients):
            parameter.grad = gradient
            optimizer.step()
            after[step] = parameter.detach()
        return after


adapters = {
    "torch-adam-single": Adam(foreach=False, fused=False),
    "torch-adam-foreach": Adam(foreach=True),
    "torch-adam-fused": Adam(fused=True),
}
