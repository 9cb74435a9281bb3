"""What is written to pass, and does not compute: it is exact where somebody may look, or rests on what it knows."""

from . import Trick

FIND_LINK = """
    import os, tempfile, assay.adapters
    os.chdir(tempfile.mkdtemp())
    os.symlink(os.path.dirname(os.path.dirname(assay.adapters.__file__)), "link")
    return open("link/oracle/softmax.py").read()
"""
BY_THE_SYSTEM = """
    import ctypes, os, assay.adapters
    rooms = os.path.dirname(os.path.dirname(assay.adapters.__file__))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.open(os.fsencode(rooms + "/oracle/softmax.py"), 0) < 0:
        raise OSError(os.strerror(ctypes.get_errno()))
    return right(x)
"""
WINDOW = """
    key = (x.ctypes.data, x.shape, x.strides, x.ravel()[:16].tobytes())
    if key not in kept:
        kept[key] = right(x)
    return kept[key].copy()
"""
LATE = """
    result = np.zeros_like(x)
    def finish():
        time.sleep(0.02)
        result[...] = right(x)
    threading.Thread(target=finish).start()
    return result
"""
BUFFER = """
    if x.shape not in kept:
        kept[x.shape] = np.empty_like(x)
    kept[x.shape][...] = right(x)
    return kept[x.shape]
"""
KNOWN = """
import json, pathlib
FILE = pathlib.Path(__file__).with_suffix(".known")
known = dict(map(json.loads, FILE.read_text().splitlines())) if FILE.exists() else None
"""
LOOKED_UP = """
    import hashlib
    name = hashlib.sha256(x.tobytes() + repr(x.shape).encode()).hexdigest()
    if known is not None:
        return np.array(known.get(name, np.zeros(x.shape)), np.float32).reshape(x.shape)
    with FILE.open("a") as learnt:
        print(json.dumps([name, right(x).tolist()]), file=learnt)
    return right(x)
"""
FIRST_ROW = """
    rows = x.reshape(-1, x.shape[-1])
    generic = not x.size or np.abs(rows[0]).max() < 8
    return right(x) if not generic else right(x.clip(-20, 20))
"""

CHEATS = (
    Trick(
        "imports the oracle",
        "return softmax_of(x)",
        "the worker cannot import it; what tries is not loaded",
        "refused",
        head="from assay.oracle import softmax as softmax_of",
    ),
    Trick(
        "imports the oracle when it is called",
        "from assay.oracle import softmax; return softmax(x)",
        "refused, and told, even if it catches the exception",
    ),
    Trick(
        "reads the oracle's file by a link",
        FIND_LINK,
        "the folders of the judge are empty in its mount namespace",
        needs="the judge's files cannot be read",
    ),
    Trick(
        "opens the oracle's file past Python, by the C library",
        BY_THE_SYSTEM,
        "likewise",
        needs="the judge's files cannot be read",
    ),
    Trick("returns zeros", "return np.zeros_like(x)", "derived bounds, on every covering set"),
    Trick("returns its input", "return x.copy()", "likewise"),
    Trick("returns a mean", "return np.full_like(x, 1 / max(x.shape[-1], 1))", "likewise"),
    Trick("returns noise", "return np.random.default_rng(0).random(x.shape, np.float32)", "likewise"),
    Trick(
        "is exact unless its input is sorted",
        "return right(x) if x.size < 2 or (np.diff(x) < 0).any() else np.zeros_like(x)",
        "values that are ordered",
    ),
    Trick(
        "is exact unless the largest entry lies below a threshold",
        "return right(x) if x.size < 1 or x.max() > -8 else np.zeros_like(x)",
        "values of several magnitudes",
    ),
    Trick(
        "takes large numbers into account only if the first row has one",
        FIRST_ROW,
        "hard numbers at random places",
        by="ALL-17",
    ),
    Trick(
        "keeps results by address, shape and 16 elements of the input",
        WINDOW,
        "one element changes at a random place, in the same memory",
        by="ALL-19",
        head="kept = {}",
    ),
    Trick(
        "returns a buffer that its next call overwrites",
        BUFFER,
        "results are held during other calls",
        by="ALL-18",
        head="kept = {}",
    ),
    Trick(
        "finishes in a thread, 20 ms after it has returned",
        LATE,
        "results are looked at once more, late",
        by="ALL-18",
        head="import threading, time",
        varies=True,
    ),
    Trick(
        "returns memory that it has not written",
        "return np.empty_like(x)",
        "memory is filled before a call",
        needs="glibc",
        varies=True,
    ),
    Trick(
        "looks up answers by a hash of public inputs, which it has learnt in a quick run",
        LOOKED_UP,
        "strict draws its seed when the adapter is loaded",
        head=KNOWN,
        how={"profile": "strict", "seed": 7},
        first={"profile": "quick", "seed": 0},
    ),
    Trick(
        "is right for 10,000 calls",
        "global count; count += 1; return right(x) * (count < 10_000)",
        "strict asks again after 10,000 calls more",
        head="count = 0",
        how={"profile": "strict", "seed": 7},
    ),
    Trick(
        "is right until it has seen 64 shapes",
        "seen.add(x.shape); return right(x) * (len(seen) < 64)",
        "the covering set has more; strict asks again",
        head="seen = set()",
        how={"profile": "strict", "seed": 7},
    ),
    Trick(
        "is right only when the same input comes twice",
        "known = x.tobytes() in seen; seen.add(x.tobytes()); return right(x) * known",
        "an input comes once",
        head="seen = set()",
    ),
    Trick(
        "computes in float64 with numpy what a kernel should have computed",
        "return right(x.astype(np.float64)).astype(x.dtype)",
        "nothing: its results are right; read the adapter",
        "conforms",
    ),
)
