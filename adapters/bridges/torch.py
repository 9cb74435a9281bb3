"""torch tensors on any device; bfloat16 crosses as its bits, since numpy has no such format."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import torch

from ..far import FORWARDS
from ..layouts import LAYOUTS, Laid

layouts = (*LAYOUTS, *FORWARDS)
differentiates = True


def check_device(device: str) -> None:
    """Let torch itself say what it misses."""
    torch.zeros(1, device=device)


def to_framework(laid: Laid, device: str) -> tuple[Any, Any]:
    """Make a flat tensor on the device and the strided view of it."""
    storage = _tensor(laid.buffer if laid.held is not None else laid.buffer.copy()).to(device)
    return storage, storage.as_strided(laid.shape, laid.strides, laid.offset if laid.buffer.size else 0)


def from_framework(array: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """Copy the values of a tensor from wherever it is; the bits of a bfloat16 are kept."""
    if not isinstance(array, torch.Tensor):
        raise TypeError(f"it is a {type(array).__name__}, not a torch tensor")
    # A subclass may answer each of these calls in its own way.
    with torch._C.DisableTorchFunctionSubclass():
        tensor = array.detach()
        if tensor.dtype.is_complex or tensor.layout is not torch.strided:
            raise TypeError(f"it is a tensor of {tensor.dtype} in the layout {tensor.layout}, not a dense real one")
        if tensor.is_meta:
            raise TypeError("it is a tensor on the device meta, which holds no values")
        tensor = tensor.as_subclass(torch.Tensor)
    tensor = tensor.cpu().contiguous()
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    try:
        values: np.ndarray[Any, np.dtype[Any]] = tensor.numpy()
    except (TypeError, RuntimeError) as error:
        raise TypeError(f"it is a tensor of {tensor.dtype}, which numpy cannot hold: {error}") from None
    return values


def shares_memory(result: Any, storage: Any) -> bool:
    """Say whether both are views of one allocation."""
    address = storage.untyped_storage().data_ptr()
    return bool(address and result.numel() and result.untyped_storage().data_ptr() == address)


def overwrite(storage: Any, buffer: np.ndarray[Any, np.dtype[Any]]) -> bool:
    """Overwrite in place, behind torch's back: no version is counted, as if another program had written there.

    Also where the implementation left the tensor requiring a gradient.
    """
    storage.data.copy_(_tensor(buffer.copy()))
    return True


def spoil(sizes: Collection[int], device: str) -> None:
    """Allocate and free on the device, whose cache gives a block out again; on the processor the C library fills it."""
    if device != "cpu":
        _ = [torch.full((size,), 255, dtype=torch.uint8, device=device) for size in sizes for _ in range(2)]


def vjp(run: Callable[..., Any], arguments: Sequence[Any], cotangent: Any) -> Sequence[Any]:
    """Call torch.autograd.grad; an argument that does not matter has a gradient of zeros."""
    for argument in arguments:
        argument.requires_grad_()
    try:
        result = run(*arguments)
        pairs = zip(result, cotangent, strict=True) if isinstance(cotangent, tuple) else [(result, cotangent)]
        # A result of several may be a constant.
        recorded = [(each, along) for each, along in pairs if isinstance(each, torch.Tensor) and each.requires_grad]
        if not recorded:
            raise NotImplementedError("torch recorded no operation that leads from the arguments to the result")
        results, cotangents = zip(*recorded, strict=True)
        return torch.autograd.grad(results, arguments, cotangents, allow_unused=True, materialize_grads=True)
    finally:
        for argument in arguments:
            argument.requires_grad_(False)


def _tensor(buffer: np.ndarray[Any, np.dtype[Any]]) -> torch.Tensor:
    """Make a tensor of the same memory, which must be the tensor's: an implementation may write into it."""
    if buffer.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(buffer.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(buffer)
