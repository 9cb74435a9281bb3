"""Every layout holds the same values, with the strides that it promises, in every framework."""

import ml_dtypes
import numpy as np
import pytest

from assay.adapters.bridges import FRAMEWORKS, bridge_to
from assay.adapters.layouts import LAYOUTS, lay

DTYPES = [np.float64, np.float32, np.float16, ml_dtypes.bfloat16, np.int64, np.bool_]
SHAPES = [(), (3,), (1, 3), (2, 3), (2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (2, 3, 0, 5), (2, 3, 4, 0)]


# JAX's arrays have no strides, and Keras's are those of its backends.
@pytest.fixture(params=[each for each in FRAMEWORKS if each not in ("jax", "keras")])
def bridge(request):
    """Load the bridge of each framework that is installed."""
    pytest.importorskip(request.param)
    return bridge_to(request.param)


def values_of(shape, dtype, layout):
    """Distinct values; equal along axis 0 for `expanded`, which needs that."""
    size = int(np.prod(shape))
    values = np.arange(1, size + 1).reshape(shape).astype(dtype)
    return np.broadcast_to(values[:1], shape) if layout == "expanded" and shape else values


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_values_are_the_same(bridge, layout, dtype, shape):
    """Whatever the strides."""
    values = values_of(shape, dtype, layout)

    _, view = bridge.to_framework(lay(values, layout), "cpu")
    back = bridge.from_framework(view)

    assert back.dtype == values.dtype
    assert back.shape == values.shape
    assert np.array_equal(back, values)


@pytest.mark.parametrize(
    ("layout", "strides", "offset"),
    [
        ("contiguous", (60, 20, 5, 1), 0),
        ("transposed", (60, 20, 1, 4), 0),
        ("swapped", (60, 5, 15, 1), 0),
        ("sliced", (120, 40, 10, 1), 3),
        ("strided", (120, 40, 10, 2), 0),
        ("expanded", (0, 20, 5, 1), 0),
    ],
)
def test_the_strides_are_as_promised(layout, strides, offset):
    """In elements, for a (2, 3, 4, 5) array; and torch gets the same."""
    torch = pytest.importorskip("torch")
    laid = lay(values_of((2, 3, 4, 5), np.float32, layout), layout)
    _, view = bridge_to("torch").to_framework(laid, "cpu")
    _, of_numpy = bridge_to("numpy").to_framework(laid, "cpu")

    assert (laid.strides, laid.offset) == (strides, offset)
    assert (view.stride(), view.storage_offset()) == (strides, offset)
    assert of_numpy.strides == tuple(4 * stride for stride in strides)
    assert isinstance(view, torch.Tensor)


@pytest.mark.parametrize("layout", ["sliced", "strided"])
@pytest.mark.parametrize("dtype", DTYPES[:-1])
def test_the_surroundings_are_poisoned(layout, dtype):
    """A kernel that ignores strides reads NaN, or a number far outside any vocabulary."""
    values = values_of((2, 3), dtype, layout)
    around = np.setdiff1d(np.arange(lay(values, layout).buffer.size), indices(lay(values, layout)))

    poison = lay(values, layout).buffer[around]

    assert poison.size
    assert np.all(np.isnan(poison)) if values.dtype.kind != "i" else np.all(poison > 2**40)


def indices(laid):
    """Compute which elements of the buffer belong to the array."""
    grid = np.indices(laid.shape).reshape(len(laid.shape), -1)
    return laid.offset + np.array(laid.strides) @ grid


def test_expanded_refuses_what_it_cannot_hold():
    """Silently taking row 0 would judge other values."""
    with pytest.raises(ValueError, match="equal along axis 0"):
        lay(np.arange(6.0).reshape(2, 3), "expanded")


def test_sharing_and_overwriting(bridge):
    """A view shares memory, a copy does not; overwriting changes the view in place. In MLX arrays are values."""
    values = np.arange(1.0, 7.0).reshape(2, 3)
    storage, view = bridge.to_framework(lay(values, "sliced"), "cpu")
    if bridge.__name__.endswith(".mlx"):
        assert not bridge.shares_memory(view[1:], storage)
        assert not bridge.overwrite(storage, lay(-values, "sliced").buffer)
        assert np.array_equal(bridge.from_framework(view), values)
        return

    assert bridge.shares_memory(view[1:], storage)
    assert not bridge.shares_memory(view + 0, storage)
    assert bridge.overwrite(storage, lay(-values, "sliced").buffer)
    assert np.array_equal(bridge.from_framework(view), -values)


def test_the_storage_is_not_ours(bridge):
    """What an implementation writes does not reach the judge's arrays."""
    values = np.ones((2, 3))
    _, view = bridge.to_framework(lay(values, "contiguous"), "cpu")
    view += 1

    assert np.all(values == 1)
