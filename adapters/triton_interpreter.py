"""Triton kernels on a processor: its interpreter, and what libraries ask of a GPU around their kernels.

`prepare` is called before a library is imported, and changes host code only:

- TRITON_INTERPRET is 1, so that a kernel runs as Python over numpy, block after block;
- a Python float that is handed to a kernel arrives as a float32, as a compiled kernel gets it (the interpreter leaves
  it a Python float, and `eps.to(tl.float32)` fails);
- `triton.autotune` takes the first configuration instead of timing them all;
- `triton.runtime.driver` answers that there is a processor, for libraries that ask which GPU there is;
- `libdevice.rsqrt`, which is only a name until a compiler links it and gives None here, is `triton.language.rsqrt`, the
  same operation as the interpreter itself does it. This one is arithmetic; the constant NOTES_RSQRT says so in reports.

`as_cuda` dresses a tensor for a library that asserts that it lies on a GPU.

The arithmetic of a kernel is its own, in the formats that it names, with two differences from a GPU: float32 products
are not rounded to TensorFloat-32, and exp2, log and others are numpy's. bfloat16 is computed wrongly by the
interpreter, so no adapter offers it.
"""

import functools
import os
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from torch import Tensor

NOTES: Final = (
    "It runs under Triton's interpreter on the processor.",
    "assay.adapters.triton_interpreter wraps floats, takes the first of the configurations, stands in for a driver.",
)
NOTES_RSQRT: Final = (*NOTES, "libdevice.rsqrt, which the interpreter lacks, is triton.language.rsqrt.")


@functools.cache
def prepare() -> None:
    """Do all of it, once in a process."""
    if "triton" in sys.modules and os.environ.get("TRITON_INTERPRET") != "1":
        raise RuntimeError("triton was imported without TRITON_INTERPRET=1")
    os.environ["TRITON_INTERPRET"] = "1"
    import numpy as np
    import triton
    import triton.language as tl
    from triton.language.extra import libdevice
    from triton.runtime import interpreter

    convert = interpreter._implicit_cvt

    def convert_floats_too(value: Any) -> Any:
        if not isinstance(value, float):
            return convert(value)
        return tl.tensor(interpreter.TensorHandle(np.array([value], np.float32), tl.float32), tl.float32)

    interpreter._implicit_cvt = convert_floats_too
    triton.autotune = _first_configuration
    triton.runtime.driver.set_active(_Driver())
    # Looked up when it is called: inside a kernel, the interpreter puts its own in place.
    libdevice.rsqrt = lambda x: tl.rsqrt(x)


def as_cuda(tensor: "Tensor") -> "Tensor":
    """Return the same memory as a tensor that says that it lies on a GPU, for a library that asserts it."""
    import torch

    return tensor.as_subclass(type("ClaimsCuda", (torch.Tensor,), {"is_cuda": True}))


def _first_configuration(configs: list[Any], **_: Any) -> Any:
    """Replace triton.autotune: take the first configuration."""

    class FirstConfiguration:
        def __init__(self, kernel: Any) -> None:
            self.kernel = kernel

        def __getitem__(self, grid: Any) -> Any:
            launch, chosen = self.kernel[grid], configs[0].kwargs if configs else {}
            return lambda *args, **kwargs: launch(*args, **{**chosen, **kwargs})

    return FirstConfiguration


class _Driver:
    """What stands for the driver of a GPU."""

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cpu", 0, 32)

    def get_current_device(self) -> int:
        return 0

    def get_active_torch_device(self) -> Any:
        import torch

        return torch.device("cpu")
