"""The arguments of a case as lines of Python: written out where they are small, drawn by numpy, or kept as bytes."""

import base64
import io
import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..terms.rounding import Array, rounded

COTANGENT: Final = "cotangent"
"""What the cotangent is called."""
SMALL: Final = 60
"""Numbers that are written out in all."""
_WRITTEN: Final = 12
"""Numbers of an array that is written out where others are drawn."""
_LONGEST: Final = 16_000
"""Characters that hold arrays as bytes."""
_SEED: Final = 0
_MEDIAN: Final = 0.6745
"""Of the size of a standard normal number."""


@dataclass(frozen=True)
class Format:
    """How arrays of a framework are written."""

    framework: str
    dtype: str
    device: str

    @property
    def real(self) -> str:
        """Name the dtype of real numbers."""
        return self._named(self.dtype)

    def of(self, array: Array) -> str:
        """Name the dtype of an array."""
        return self._named({"b": "bool", "i": "int64", "u": "int64"}.get(array.dtype.kind, self.dtype))

    def _named(self, kind: str) -> str:
        if self.framework == "torch":
            return f"torch.{kind}"
        return "ml_dtypes.bfloat16" if kind == "bfloat16" else "bool" if kind == "bool" else f"np.{kind}"

    def placed(self, text: str) -> str:
        """Put what was made on the device."""
        return text if self.device in ("", "cpu") else f"{text}.to({self.device!a})"

    def written(self, array: Array) -> str:
        """Write an array out."""
        kind, sizes = self.of(array), tuple(map(int, array.shape))
        equal = constant(array)
        if self.framework == "torch" and equal is not None:
            return self.placed(f"torch.full({sizes}, {equal}, dtype={kind})")
        if equal is not None:
            return f"np.full({sizes}, {equal}, {kind})"
        rows = _rows(array, self.dtype)
        if self.framework == "torch":
            return self.placed(f"torch.tensor({rows}, dtype={kind})")
        return f"np.array({rows}, {kind})"

    def converted(self, text: str, array: Array) -> str:
        """Convert an array of numpy that an expression gives."""
        if self.framework == "torch":
            return self.placed(f"torch.from_numpy({text}).to({self.of(array)})")
        return f"{text}.astype({self.of(array)})"


@dataclass(frozen=True)
class Made:
    """Arrays, and the lines that make them."""

    arrays: Mapping[str, Array]
    lines: tuple[str, ...]
    imports: tuple[str, ...] = ()
    same: bool = True
    """Whether they are those of the case."""


def target(name: str) -> str:
    """Return what an argument is called in the script; those of `weights` are items."""
    return f"weights[{name.removeprefix('weights.')!r}]" if name.startswith("weights.") else name


def made(arrays: Mapping[str, Array], form: Format) -> Iterator[Made]:
    """Yield ways to make the arrays, the most readable first; none where there are too many numbers."""
    begin = ("weights = {}",) if any(name.startswith("weights.") for name in arrays) else ()
    if sum(map(_numbers, arrays.values())) <= SMALL:
        each = (f"{target(name)} = {form.written(array)}" for name, array in arrays.items())
        yield Made(arrays, (*begin, *each))
        return
    if drawn := _drawn(arrays, form):
        yield Made(drawn.arrays, (*begin, *drawn.lines), ("import numpy as np",), same=False)
    if kept := _kept(arrays, form):
        yield Made(arrays, (*begin, *kept), ("import base64", "import io", "import numpy as np"))


def number(value: object) -> str:
    """Write a number, also one that is none, as an expression."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return ascii(value)


def constant(array: Array) -> str | None:
    """Write the one value that all elements have; None where they differ, or there are none to speak of."""
    if array.size == 0:
        return "0"
    first = array.reshape(-1)[:1]
    same = array.size > 1 and array.tobytes() == np.broadcast_to(first, array.shape).tobytes()
    return number(first[0].item()) if same else None


def _numbers(array: Array) -> int:
    return 1 if constant(array) is not None else array.size


def _rows(array: Array, dtype: str) -> str:
    """Write nested lists; a number of float32 by the few digits that make it."""
    if array.ndim:
        return f"[{', '.join(_rows(each, dtype) for each in array)}]"
    value = array.item()
    if array.dtype.kind == "f" and dtype == "float32" and math.isfinite(value):
        short = repr(float(str(np.float32(value))))
        return short if float(np.float32(float(short))) == value else repr(value)
    return number(value)


def _drawn(arrays: Mapping[str, Array], form: Format) -> Made | None:
    """Draw arrays of many numbers alike; None where some hold what is no number."""
    random, lines = np.random.RandomState(_SEED), [_GENERATOR]
    drawn: dict[str, Array] = {}
    for name, array in arrays.items():
        if constant(array) is not None or array.size <= _WRITTEN:
            drawn[name] = array
            lines.append(f"{target(name)} = {form.written(array)}")
            continue
        sizes = ", ".join(map(str, array.shape))
        if array.dtype.kind == "b":
            drawn[name], text = random.rand(*array.shape) < _HALF, f"rng.rand({sizes}) < {_HALF}"
            text = form.placed(f"torch.from_numpy({text})") if form.framework == "torch" else text
        elif array.dtype.kind in "iu":
            least, most = int(array.min()), int(array.max()) + 1
            drawn[name] = np.asarray(random.randint(least, most, array.shape))
            text = form.converted(f"rng.randint({least}, {most}, ({sizes},))", array)
        elif not np.isfinite(array).all():
            return None
        else:
            scale = _scale(array)
            values, text = random.randn(*array.shape), f"rng.randn({sizes})"
            if (array >= 0).all():
                values, text = np.abs(values), f"np.abs({text})"
            values, text = scale * values, f"({scale} * {text})" if scale != 1 else text
            single = form.dtype != "float64"  # by way of float32 each format is rounded to as numpy and torch do
            drawn[name] = rounded(values.astype(np.float32) if single else values, form.dtype)
            text = form.converted(text + ".astype(np.float32)" * single, array)
        lines.append(f"{target(name)} = {text}")
    return Made(drawn, tuple(lines))


_GENERATOR: Final = (
    f"rng = np.random.RandomState({_SEED})  # not the case's numbers; the same in every version of numpy"
)
_HALF: Final = 0.5


def _scale(array: Array) -> float:
    """Give the power of two by which a standard normal number is as large as half of these."""
    sizes = np.abs(array[array != 0])
    median = float(np.median(sizes)) / _MEDIAN if sizes.size else 1.0
    return math.ldexp(1.0, round(math.log2(median))) if median > 0 else 1.0


def _kept(arrays: Mapping[str, Array], form: Format) -> list[str] | None:
    """Keep arrays as the bytes of a compressed file; None where there are too many."""
    written = {name: _numbers(array) <= _WRITTEN for name, array in arrays.items()}
    file = io.BytesIO()
    held: dict[str, Any] = {name: _as_held(arrays[name], form) for name in arrays if not written[name]}
    np.savez_compressed(file, allow_pickle=False, **held)
    text = base64.b64encode(file.getvalue()).decode()
    if len(text) > _LONGEST:
        return None
    lines = ['kept = """', *textwrap.wrap(text, 100), '"""', "kept = np.load(io.BytesIO(base64.b64decode(kept)))"]
    for name, array in arrays.items():
        text = form.written(array) if written[name] else form.converted(f"kept[{name!r}]", array)
        lines.append(f"{target(name)} = {text}")
    return lines


def _as_held(array: Array, form: Format) -> Array:
    """Give an array in the narrowest format of numpy's own that holds it."""
    if array.dtype.kind != "f":
        return array
    return array.astype({"float64": np.float64, "float16": np.float16}.get(form.dtype, np.float32))


def laid(name: str, layout: str, array: Array, form: Format) -> list[str]:
    """Give the lines that lay an argument out in memory as `adapters/layouts.py` does."""
    if layout in ("transposed", "swapped") and array.ndim >= _AXES[layout]:
        pair = {"transposed": "-1, -2", "swapped": "-2, -3"}[layout]
        swap = f"{{}}.transpose({pair})" if form.framework == "torch" else f"{{}}.swapaxes({pair})"
        once = swap.format(target(name))
        copied = f"{once}.contiguous()" if form.framework == "torch" else f"np.ascontiguousarray({once})"
        return [f"{target(name)} = {swap.format(copied)}"]
    if layout in ("sliced", "strided") and array.ndim:
        length = array.shape[-1]
        wide = (*map(int, array.shape[:-1]), 2 * length if layout == "strided" else length + 5)
        part = "[..., ::2]" if layout == "strided" else f"[..., 3 : {3 + length}]"
        around = _around(array)
        full = f"torch.full({wide}, {around}, dtype={form.of(array)})" if form.framework == "torch" else ""
        full = form.placed(full) if full else f"np.full({wide}, {around}, {form.of(array)})"
        return [f"wide = {full}", f"wide{part} = {target(name)}", f"{target(name)} = wide{part}  # a view"]
    if layout == "expanded" and array.ndim > 1 and array.shape[0] > 1:
        sizes = tuple(map(int, array.shape))
        if form.framework == "torch":
            return [f"{target(name)} = {target(name)}[:1].clone().expand{sizes}"]
        return [f"{target(name)} = np.broadcast_to({target(name)}[:1], {sizes})"]
    return []


_AXES: Final = {"transposed": 2, "swapped": 3}


def _around(array: Array) -> str:
    """Write what lies around a view."""
    return {"b": "True", "i": str(np.iinfo(np.int64).max // 2)}.get(array.dtype.kind, 'float("nan")')
