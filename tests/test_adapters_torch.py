"""The built-in torch adapters against short formulas in float64: only that the wiring is right; the suite judges."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest

from assay.adapters import AdapterError, available, open_adapter, open_object

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")

# Loose on purpose: a wrong transpose, mask or argument order is off by much more.
CLOSE = {"float64": 1e-12, "float32": 1e-5, "bfloat16": 6e-2, "float16": 8e-3}
ATTENTION = [each.name for each in available() if each.package == "torch" and "attention" in each.functions]
ADAM = [each.name for each in available() if each.package == "torch" and "adam" in each.functions]
DTYPES = tuple(CLOSE)

# In this process: each worker would import torch again, and other tests show that what passes through one is the same.
opened = {}


def call(name, function, arrays, options=None, dtype="float64", layouts=None):
    """Ask a built-in adapter for its reply."""
    if name not in opened:
        opened[name] = open_adapter(name, in_process=True)
    return opened[name].call(function, arrays, options or {}, dtype=dtype, layouts=layouts or {})


def small(*shape, seed=0):
    """Multiples of 1/8 below 2: exact in every format."""
    return np.random.default_rng((seed, *shape)).integers(-15, 16, shape) / 8


def reference(query, key, value, allowed, scale):
    """Rows without keys are zero."""
    repeat = query.shape[1] // key.shape[1]
    scores = query @ np.repeat(key, repeat, 1).swapaxes(-1, -2) * scale
    weights = np.where(allowed, np.exp(scores), 0.0)
    return weights / np.maximum(weights.sum(-1, keepdims=True), 1e-300) @ np.repeat(value, repeat, 1)


def close(reply, expected, dtype):
    """Within what the format allows for values near 1."""
    assert reply.status == "ok", reply
    assert (reply.touched, reply.aliased) == ((), ())
    assert reply.value.shape == np.shape(expected)
    assert np.max(np.abs(reply.value - expected), initial=0.0) < CLOSE[dtype]


MASKS = {
    "none": None,
    "keys": np.array([True, False, True, True, False]),
    "matrix": np.arange(15).reshape(3, 5) % 4 != 1,
    "row without keys": np.arange(3)[:, None] != np.array([[1]]),
    "heads": np.arange(2 * 3 * 5).reshape(2, 3, 5) % 3 != 0,
    "full": np.arange(2 * 2 * 3 * 5).reshape(2, 2, 3, 5) % 5 != 2,
}


@pytest.mark.parametrize("name", ATTENTION)
@pytest.mark.parametrize(
    ("mask", "causal", "dtype"),
    [
        *((mask, causal, "float64") for mask in MASKS for causal in (False, True)),
        *(("matrix", True, dtype) for dtype in DTYPES[1:]),
    ],
)
def test_attention(name, mask, causal, dtype):
    """Masks of every number of axes, with and without causal, which is aligned top-left."""
    q, k, v = small(2, 2, 3, 4), small(2, 2, 5, 4, seed=1), small(2, 2, 5, 4, seed=2)
    arrays = {"query": q, "key": k, "value": v} | ({} if MASKS[mask] is None else {"mask": MASKS[mask]})
    allowed = np.tri(3, 5, dtype=bool) if causal else np.ones((3, 5), bool)
    allowed = allowed if MASKS[mask] is None else allowed & MASKS[mask]

    reply = call(name, "attention", arrays, {"causal": causal}, dtype, {"query": "swapped", "value": "sliced"})

    close(reply, reference(q, k, v, allowed, 0.5), dtype)
    assert reply.dtype == dtype


@pytest.mark.parametrize("name", ATTENTION)
@pytest.mark.parametrize(
    ("kv_heads", "keys", "d_v", "scale", "unsupported"),
    [
        (1, 5, 4, None, ("torch-mha",)),
        (2, 5, 6, None, ("torch-mha", "torch-sdpa-flash")),
        (2, 5, 4, 0.25, ("torch-mha",)),
        (2, 0, 4, None, ("torch-flex",)),
    ],
)
def test_attention_of_other_shapes(name, kv_heads, keys, d_v, scale, unsupported):
    """Fewer key heads, wider values, a scale, no keys at all: right, or refused with a reason."""
    q, k, v = small(2, 2, 3, 4), small(2, kv_heads, keys, 4, seed=1), small(2, kv_heads, keys, d_v, seed=2)

    reply = call(name, "attention", {"query": q, "key": k, "value": v}, {"scale": scale})

    if name in unsupported:
        assert reply.status == "unsupported"
        assert len(reply.message) > 20
    else:
        close(reply, reference(q, k, v, True, 0.5 if scale is None else scale), "float64")


@pytest.mark.parametrize("name", ATTENTION)
@pytest.mark.parametrize(("batch", "queries"), [(0, 3), (2, 0)])
def test_attention_of_nothing(name, batch, queries):
    """An empty result of the right shape."""
    q, k = np.zeros((batch, 2, queries, 4)), np.zeros((batch, 2, 5, 4))

    close(call(name, "attention", {"query": q, "key": k, "value": k}), np.zeros((batch, 2, queries, 4)), "float64")


def test_only_the_flash_kernel_declares_a_fast_exponential():
    """A declaration stands where it was measured."""
    for name in ATTENTION:
        call(name, "attention", {each: np.ones((1, 1, 1, 2)) for each in ("query", "key", "value")})
    declared = {name for name in ATTENTION if opened[name].offer.numerics}

    assert declared == {"torch", "torch-mha", "torch-sdpa-flash"}


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions(dtype):
    """One formula each."""
    x, w, b = small(2, 3, 4) / 2, small(4, 5) / 2, small(5)
    hidden = np.maximum(x @ w + b, 0)
    centred = x - x.mean(-1, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-3)
    tokens, table = np.array([[0, 2], [1, 1]]), small(3, 4)
    logits, targets = small(3, 5), np.array([4, 0, 2])
    log_p = np.log(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True))
    smooth = 0.9 * np.eye(5)[targets] + 0.1 / 5
    expected = [
        ("softmax", {"x": x}, {}, np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ("feed_forward", {"x": x, "w_1": w, "b_1": b, "w_2": w.T / 2, "b_2": b[:4]}, {}, hidden @ w.T / 2 + b[:4]),
        ("layer_norm", {"x": x, "gain": b[:4], "bias": b[1:]}, {"epsilon": 1e-3}, normal * b[:4] + b[1:]),
        (
            "rms_norm",
            {"x": x, "gain": b[:4]},
            {"epsilon": 1e-3},
            x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-3) * b[:4],
        ),
        ("embedding", {"tokens": tokens, "weight": table}, {}, table[tokens] * 2),
        ("output_logits", {"hidden": x, "weight": table}, {}, x @ table.T),
        (
            "cross_entropy",
            {"logits": logits, "targets": targets},
            {"label_smoothing": 0.1},
            -(smooth * log_p).sum() / 3,
        ),
    ]
    for function, arrays, options, result in expected:
        close(call("torch", function, arrays, options, dtype), result, dtype)


def test_functions_without_a_dtype():
    """The result comes in the format that torch chose."""
    for length, width in ((5, 4), (3, 5), (0, 4), (2, 1)):
        angle = np.arange(length)[:, None] / 10000 ** (np.arange(width) // 2 * 2 / width)
        expected = np.where(np.arange(width) % 2, np.cos(angle), np.sin(angle))
        reply = call("torch", "positional_encoding", {}, {"length": length, "d_model": width}, "")
        close(reply, expected, "float32")
        assert reply.dtype == "float32"
    steps = np.array([1, 2, 7, 40])
    expected = 16**-0.5 * np.minimum(steps**-0.5, steps * 8**-1.5)
    close(call("torch", "learning_rate", {"steps": steps}, {"d_model": 16, "warmup": 8}, ""), expected, "float64")
    assert call("torch", "learning_rate", {"steps": steps[:0]}, {"d_model": 16, "warmup": 8}, "").value.shape == (0,)


@pytest.mark.parametrize("name", ADAM)
@pytest.mark.parametrize("dtype", DTYPES)
def test_adam(name, dtype):
    """Algorithm 1, epsilon outside the corrected root, decay decoupled from the gradient."""
    start, gradients = small(5), small(4, 5, seed=1)
    p, m, v, expected = start, 0.0, 0.0, []
    for t, g in enumerate(gradients, 1):
        m, v = 0.5 * m + 0.5 * g, 0.75 * v + 0.25 * g * g
        p = p - 0.125 * 0.25 * p
        p = p - 0.125 * (m / (1 - 0.5**t)) / (np.sqrt(v / (1 - 0.75**t)) + 0.25)
        expected.append(p)
    options = {"learning_rate": 0.125, "beta_1": 0.5, "beta_2": 0.75, "epsilon": 0.25, "weight_decay": 0.25}
    arrays = {"parameters": start, "gradients": gradients}

    close(call(name, "adam", arrays, options, dtype), np.array(expected), dtype)
    assert call(name, "adam", {**arrays, "gradients": gradients[:0]}, options, dtype).value.shape == (0, 5)


def test_gradients():
    """Torch's own, by argument; zeros for what does not matter, a reason where nothing was recorded."""
    x, w, b, cotangent = small(2, 3, 4), small(4, 5), small(5), small(2, 3, 4, seed=1)
    softmax = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    call("torch", "softmax", {"x": x})
    torch = opened["torch"]

    of_softmax = torch.call("softmax", {"x": x}, dtype="float64", layouts={"x": "sliced"}, cotangent=cotangent)
    arrays = {"x": x, "w_1": w, "b_1": b - 99, "w_2": w.T, "b_2": b[:4]}
    of_dead = torch.call("feed_forward", arrays, dtype="float64", cotangent=cotangent)
    of_table = {"tokens": np.array([[0, 0]]), "weight": small(2, 4)}
    of_embedding = torch.call("embedding", of_table, dtype="bfloat16", cotangent=np.ones((1, 2, 4)))

    expected = softmax * (cotangent - (softmax * cotangent).sum(-1, keepdims=True))
    assert np.max(np.abs(of_softmax.gradients["x"] - expected)) < CLOSE["float64"]
    assert (of_softmax.value, of_softmax.dtype, of_softmax.touched) == (None, "float64", ())
    assert set(of_dead.gradients) == {"x", "w_1", "b_1", "w_2", "b_2"}
    assert not of_dead.gradients["w_2"].any()
    assert np.array_equal(of_dead.gradients["b_2"], cotangent.sum((0, 1)))
    assert {name: each.tolist() for name, each in of_embedding.gradients.items()} == {"weight": [[4.0] * 4, [0.0] * 4]}
    assert of_embedding.dtype == "bfloat16"
    without = {"adam", "learning_rate", "positional_encoding"}
    assert set(torch.offer.functions) - set(torch.offer.gradients) == without
    with pytest.raises(ValueError, match="has no gradient"):
        torch.call("learning_rate", {"steps": np.array([1])}, {"d_model": 1, "warmup": 1}, dtype="", cotangent=x)


def test_a_device_that_is_not_there(tmp_path):
    """Torch's own words, in one sentence."""
    file = tmp_path / "mine.py"
    file.write_text("framework = 'torch'\ndevice = 'no-such-device'\ndef softmax(x): return x\n")
    with pytest.raises(AdapterError, match="the device 'no-such-device' cannot be used with torch: ") as raised:
        open_adapter(str(file), in_process=True)
    assert "\n" not in str(raised.value)


def test_what_is_no_tensor(tmp_path):
    """A numpy array from a torch adapter, sparse and complex tensors; a gradient is no obstacle, a view is seen."""
    file = tmp_path / "mine.py"
    file.write_text(
        "framework = 'torch'\nresults = [lambda x: x.detach().numpy(), lambda x: x.to_sparse(), lambda x: x + 0j,"
        "lambda x: (x + 0).requires_grad_(), lambda x: x.T, lambda x: x.mul_(2) + 0]\n"
        "def softmax(x): return results[int(x[0, 0])](x)\n"
    )
    with contextlib.closing(open_adapter(str(file), in_process=True)) as adapter:
        replies = [
            adapter.call("softmax", {"x": np.full((1, 2), number)}, dtype="float32") for number in map(float, range(6))
        ]
        gradient = adapter.call("softmax", {"x": np.zeros((1, 2))}, dtype="float32", cotangent=np.zeros((1, 2)))
    assert (gradient.status, gradient.message[:30]) == ("unsupported", "torch recorded no operation th")
    assert [reply.status for reply in replies] == ["malformed", "malformed", "malformed", "ok", "ok", "ok"]
    assert [reply.aliased for reply in replies[3:]] == [(), ("x",), ()]
    assert [reply.touched for reply in replies[3:]] == [(), (), ("x",)]


class Claiming(torch.Tensor):
    """Zeros that say they are halves."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function.__name__ in ("detach", "cpu", "contiguous", "numpy"):
            return torch.full((1, 2), 0.5)
        return super().__torch_function__(function, types, args, kwargs or {})


def answered(function):
    """Call a softmax that is one function of tensors."""
    adapter = open_object(SimpleNamespace(framework="torch", softmax=function), "mine")
    return adapter.call("softmax", {"x": np.zeros((1, 2))}, dtype="float32")


def test_a_subclass_of_tensors_is_what_it_holds():
    assert not answered(lambda x: torch.zeros(x.shape).as_subclass(Claiming)).value.any()


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda x: torch.empty(x.shape, device="meta"), "on the device meta, which holds no values"),
        (lambda x: x.to_sparse(), "in the layout torch.sparse_coo, not a dense real one"),
        (lambda x: torch.view_as_complex(x), "it is a tensor of torch.complex64"),
    ],
)
def test_what_only_looks_like_a_tensor_cannot_be_judged(function, says):
    reply = answered(function)

    assert reply.status == "malformed"
    assert says in reply.message
