"""A softmax that does as the first element of its input says: 2.0 is the third of `BEHAVIOURS`."""

import os
import sys
import time

import numpy as np


def right(x):
    """Compute a softmax as it should be."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def exits(x):
    """As if the process crashed."""
    print("last words", flush=True)
    os._exit(3)


def aborts(x):
    """As a failed assertion in C does."""
    os.abort()


def hangs(x):
    """Far longer than any time-out."""
    time.sleep(1000)


def prints(x):
    """From Python, and straight to the descriptor, as C does."""
    print("chatter")
    os.write(1, b"chatter")
    return right(x)


def reads(x):
    """Read what must not be a request."""
    assert sys.stdin.read() == ""
    assert os.read(0, 10) == b""
    return right(x)


def scribbles(x):
    """Write to every descriptor that there is, so to the pipe of the replies too."""
    for descriptor in range(3, 10):
        try:
            os.write(descriptor, b"not a message at all")
        except OSError:
            continue
    return right(x)


def returns_a_list(x):
    """No array of the framework."""
    return right(x).tolist()


def returns_complex(x):
    """No real numbers."""
    return right(x) + 0j


def refuses(x):
    """Unsupported, and why."""
    raise NotImplementedError("not\n  today")


def refuses_in_its_own_words(x):
    """Refuse with a subclass, which counts, too."""

    class NoKernelError(NotImplementedError):
        pass

    raise NoKernelError("no kernel")


def fails(x):
    """Make a mistake."""
    raise ValueError("of several\nlines")


def leaves(x):
    """Not something a library should do, but the worker must outlive it."""
    sys.exit(4)


def overwrites(x):
    """In place."""
    x += 1
    return right(x)


def overwrites_around(x):
    """Past the end of a row that is a slice of a wider one."""
    x.base[:] = 0
    return right(x)


def reshapes(x):
    """Leave the values alone, but not the caller's object."""
    x.shape = x.shape[::-1]
    return right(x.T).T


def returns_a_view(x):
    """Share memory between the result and the input."""
    return x[..., ::-1]


BEHAVIOURS = (
    right,
    exits,
    aborts,
    hangs,
    prints,
    reads,
    scribbles,
    returns_a_list,
    returns_complex,
    refuses,
    refuses_in_its_own_words,
    fails,
    leaves,
    overwrites,
    overwrites_around,
    reshapes,
    returns_a_view,
)

dtypes = ("float64", "float32")


def softmax(x):
    """Behave."""
    return BEHAVIOURS[int(x.flat[0])](x)


def softmax_vjp(cotangent, x):
    """Its own gradient: right for one row, and one too many for several."""
    if len(x) > 1:
        return x, x
    p = right(x)
    return p * (cotangent - (p * cotangent).sum(-1, keepdims=True))


seen = []


def layer_norm(x, gain, bias, *, epsilon=1e-5):
    """Tells whether `x` is the object of the call before, whose contents were overwritten."""
    same = bool(seen) and seen[-1] is x
    seen.append(x)
    return np.array([float(same), float(x.flat[0])])
