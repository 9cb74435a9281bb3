"""The functions of `torch`: those of torch.nn.functional, or the recipe of a tutorial where there is none."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

import math


def softmax(x: "Tensor") -> "Tensor":
    """torch.softmax over the last axis."""
    import torch

    return torch.softmax(x, dim=-1)


def log_softmax(x: "Tensor") -> "Tensor":
    """torch.log_softmax over the last axis."""
    import torch

    return torch.log_softmax(x, dim=-1)


def attention(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    *,
    mask: "Tensor | None" = None,
    causal: bool = False,
    scale: float | None = None,
) -> "Tensor":
    """F.scaled_dot_product_attention, which aligns its causal mask top-left."""
    import torch
    import torch.nn.functional as F

    if mask is not None:
        # Flash raises on a mask of 1 axis (2.13: IndexError) and does not run with 3; all kernels take 4.
        mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
        if causal:
            # The documentation allows one or the other; the math kernel insists.
            mask = mask & torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=mask.device).tril()
            causal = False
    return F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        is_causal=causal,
        scale=scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )


def additive_attention(
    query: "Tensor", key: "Tensor", value: "Tensor", w_query: "Tensor", w_key: "Tensor", v: "Tensor"
) -> "Tensor":
    """Compute the tutorial's BahdanauAttention: three linear maps, tanh, softmax, bmm."""
    import torch
    import torch.nn.functional as F

    energies = torch.tanh(F.linear(query, w_query.T).unsqueeze(2) + F.linear(key, w_key.T).unsqueeze(1))
    weights = F.softmax(F.linear(energies, v.unsqueeze(0)).squeeze(-1), dim=-1)
    return torch.bmm(weights, value)


def bilinear_attention(query: "Tensor", key: "Tensor", value: "Tensor", w: "Tensor") -> "Tensor":
    """F.bilinear of every query with every key, softmax, bmm."""
    import torch
    import torch.nn.functional as F

    batch, queries, d_q = query.shape
    keys, d_k = key.shape[1:]
    pairs = query.unsqueeze(2).expand(batch, queries, keys, d_q), key.unsqueeze(1).expand(batch, queries, keys, d_k)
    scores = F.bilinear(pairs[0].contiguous(), pairs[1].contiguous(), w.unsqueeze(0)).squeeze(-1)
    return torch.bmm(F.softmax(scores, dim=-1), value)


def feed_forward(x: "Tensor", w_1: "Tensor", b_1: "Tensor", w_2: "Tensor", b_2: "Tensor") -> "Tensor":
    """Apply two F.linear, whose weights are (out, in), with F.relu between."""
    import torch.nn.functional as F

    return F.linear(F.relu(F.linear(x, w_1.T, b_1)), w_2.T, b_2)


def gated_feed_forward(
    x: "Tensor", w_gate: "Tensor", w_up: "Tensor", w_down: "Tensor", *, activation: str = "swiglu"
) -> "Tensor":
    """F.silu, F.gelu or F.relu of one F.linear, times another, and a third."""
    import torch.nn.functional as F

    functions: dict[str, Callable[[Tensor], Tensor]] = {"swiglu": F.silu, "geglu": F.gelu, "reglu": F.relu}
    return F.linear(functions[activation](F.linear(x, w_gate.T)) * F.linear(x, w_up.T), w_down.T)


def layer_norm(x: "Tensor", gain: "Tensor", bias: "Tensor", *, epsilon: float = 1e-5) -> "Tensor":
    """F.layer_norm over the last axis."""
    import torch.nn.functional as F

    return F.layer_norm(x, x.shape[-1:], gain, bias, epsilon)


def rms_norm(x: "Tensor", gain: "Tensor", *, epsilon: float = 1e-6) -> "Tensor":
    """F.rms_norm over the last axis."""
    import torch.nn.functional as F

    return F.rms_norm(x, x.shape[-1:], gain, epsilon)


def positional_encoding(length: int, d_model: int) -> "Tensor":
    """Compute the recipe of the PyTorch tutorial in float32; for an odd d_model the last channel is a sine."""
    import torch

    return positions(length, d_model, torch.float32)


def positions(length: int, d_model: int, dtype: "torch.dtype") -> "Tensor":
    """Compute the same recipe in a wider format."""
    import torch

    position = torch.arange(length, dtype=dtype).unsqueeze(1)
    div_term = torch.exp(torch.arange(0, d_model, 2, dtype=dtype) * (-math.log(10000.0) / d_model))
    encoding = torch.zeros(length, d_model, dtype=dtype)
    encoding[:, 0::2] = torch.sin(position * div_term)
    encoding[:, 1::2] = torch.cos(position * div_term[: d_model // 2])
    return encoding


def embedding(tokens: "Tensor", weight: "Tensor") -> "Tensor":
    """F.embedding, scaled as the tutorial scales it."""
    import torch.nn.functional as F

    return F.embedding(tokens, weight) * math.sqrt(weight.shape[1])


def output_logits(hidden: "Tensor", weight: "Tensor") -> "Tensor":
    """F.linear with the embedding's matrix."""
    import torch.nn.functional as F

    return F.linear(hidden, weight)


def cross_entropy(
    logits: "Tensor",
    targets: "Tensor",
    *,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    ignore_index: int | None = None,
) -> "Tensor":
    """F.cross_entropy, whose smoothing spreads over the whole vocabulary; by default it ignores the target -100."""
    import torch.nn.functional as F

    ignored = -100 if ignore_index is None else ignore_index
    return F.cross_entropy(logits, targets, ignore_index=ignored, reduction=reduction, label_smoothing=label_smoothing)


def dropout(x: "Tensor", *, rate: float, training: bool = False, seed: int = 0) -> "Tensor":
    """F.dropout after torch.manual_seed; in evaluation it hands back x itself, and the contract wants a copy."""
    import torch
    import torch.nn.functional as F

    torch.manual_seed(seed)
    return F.dropout(x, rate, training) if training else F.dropout(x, rate, training).clone()


def learning_rate(steps: "Tensor", *, d_model: int, warmup: int) -> "Tensor":
    """Record the rates that an optimizer under LambdaLR really used at each of its updates, the first of which is 1."""
    import torch

    last = int(steps.max()) if steps.numel() else 0
    if last > 100_000:
        raise NotImplementedError(f"LambdaLR gets to update {last} only by way of every one before it")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    # LambdaLR counts from 0: its factor for `done` finished updates is that of update done + 1.
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda done: d_model**-0.5 * min((done + 1) ** -0.5, (done + 1) * warmup**-1.5)
    )
    used = []
    for _ in range(last):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return torch.tensor(used, dtype=torch.float64)[steps - 1]
