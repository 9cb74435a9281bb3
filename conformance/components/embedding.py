"""The embedding: its cases, and the clauses that only it has."""

import numpy as np

from ...oracle.output_logits import output_logits_bound
from ...oracle.rounding.bound import Bound
from ..cases.values import draw, generator_of
from ..terms.at_size import AtSize
from ..terms.case import Case
from ..terms.clause import clause
from ..terms.component import GENERIC, LAYOUTS, Array, Component, Conventions, Inputs, factor, register
from ..terms.requirements import require_within, skip_unless
from ..terms.rounding import rounded
from ..terms.trial import Trial
from ..terms.verdict import Violation

_SOURCE = "paper, section 3.4"
_TIED = 'paper, section 3.4: "we share the same weight matrix between the two embedding layers and the linear map"'

# Squares of powers of two, whose root is exact; and others.
_D_MODEL = (4, 1, 2, 3, 5, 8, 16, 17, 33, 64, 65, 128, 512)

# Beyond the whole numbers that bfloat16 (257) and float16 (2049) have.
_VOCABULARY = (5, 1, 2, 3, 8, 17, 64, 65, 300, 1001, 4100)
_TOKENS = ("random", "repeated", "smallest", "largest", "distinct")
_REGIMES = ("normal", "uniform", "integers", "zero", "ties", "offset", "large", "tiny", "subnormal")


def _make(case: Case) -> Inputs:
    shape, vocabulary = (case["B"], case["L"]), case["V"]
    generator = generator_of(case, "tokens")
    count = shape[0] * shape[1]
    kind = case["tokens"]
    if kind == "repeated":
        tokens = generator.choice(generator.integers(0, vocabulary, 2), shape)
    elif kind == "smallest":
        tokens = np.minimum(generator.integers(0, 2, shape), vocabulary - 1)
    elif kind == "largest":
        # The last one, and such as precede it.
        tokens = np.maximum(vocabulary - 1 - np.arange(count).reshape(shape) % 5, 0)
    elif kind == "distinct":
        tokens = np.resize(generator.permutation(vocabulary), shape)
    else:
        tokens = generator.integers(0, vocabulary, shape)
    weight = draw(case, "weight", (vocabulary, case["d_model"]), case["regime"], case["dtype"])
    return Inputs({"tokens": tokens.astype(np.int64), "weight": weight})


def _exact(case: Case, inputs: Inputs, bound: Bound, conventions: Conventions) -> Array | None:
    """Mark small integers times a root that is a power of two, and zeros."""
    root = round(np.sqrt(case["d_model"]))
    power_of_two = root**2 == case["d_model"] and root & (root - 1) == 0
    return np.ones(bound.expected.shape, bool) if power_of_two else bound.expected == 0


def _dependents(inputs: Inputs, name: str, where: tuple[int, ...], conventions: Conventions) -> Array:
    """Mark the channel of an element of the matrix, at each place of its token."""
    channels = np.arange(inputs.arrays["weight"].shape[1])
    return np.asarray((inputs.arrays["tokens"] == where[0])[..., None] & (channels == where[1]))


EMBEDDING: Component = register(
    Component(
        name="embedding",
        formula="weight[tokens] sqrt(d_model)",
        source="paper, section 3.4",
        factors={
            "batch": factor("B", 1, 2, 3, 0),
            "positions": factor("L", 3, 1, 2, 5, 17, 0),
            "vocabulary": factor("V", *_VOCABULARY),
            "d_model": factor("d_model", *_D_MODEL),
            "tokens": factor("tokens", *_TOKENS),
            "regime": factor("regime", *_REGIMES),
            "layout": factor("layout", *LAYOUTS),
        },
        inputs=_make,
        coinciding=("B", "L", "V", "d_model"),
        against=("d_model",),
        generic=lambda case: case["regime"] in GENERIC and case["tokens"] == "distinct",
        admissible=lambda case: case["V"] > 0 and case["d_model"] > 0 and case["V"] * case["d_model"] <= 2**18,
        exact=_exact,
        exact_regimes=("integers", "zero"),
        dependents=_dependents,
        rescaled=({"weight": (1, 1)},),
        at_size=AtSize(
            factor(
                "B L V d_model",
                (1, 3, 5, 4),
                (3, 401, 12, 33),
                (3, 5, 262_144, 4),
                (2, 7, 50_257, 33),
                (1, 17, 129, 1024),
                (1, 65_537, 5, 3),
                (65_537, 1, 17, 2),
            ),
            {
                "tokens": factor("tokens", "random", "largest"),
                "regime": factor("regime", "normal", "offset"),
                "layout": factor("layout", "contiguous", "swapped", "mixed"),
            },
        ),
        large=factor("B L V d_model tokens", (4, 64, 300, 33, "distinct")),
    )
)


def stepped(trial: Trial) -> Inputs:
    """Give the same call after a step of an optimizer on the matrix."""
    weight = trial.inputs.arrays["weight"]
    step = np.abs(weight).max(initial=0.0) * trial.generator("gradient").standard_normal(weight.shape)
    updated = trial.inputs.but(weight=rounded(weight - step / 2, trial.dtype))
    skip_unless(np.isfinite(updated.arrays["weight"]).all())
    return updated


@clause(
    "EMB-1",
    "embedding",
    "A token gets the row of its own number.",
    formula="y[b, l] = W[tokens[b, l]] sqrt(d_model), the row a one-hot vector times W",
    why="It names the row that a token gets instead of its own: each row holds its own number in binary.",
    source=_SOURCE,
)
def own_row(trial: Trial) -> float:
    """Write its number into each row in binary, which survives any scale: zeros stay zeros, and nothing else does."""
    tokens, weight = trial.inputs.arrays["tokens"], trial.inputs.arrays["weight"]
    vocabulary, width = weight.shape
    skip_unless(tokens.size and vocabulary > 1 and 2**width >= vocabulary)
    bits = np.arange(vocabulary)[:, None] >> np.arange(min(width, 62)) & 1
    coded = np.zeros(weight.shape)
    coded[:, : bits.shape[1]] = bits
    actual = trial.call(trial.inputs.but(weight=coded))
    found = ((actual[..., : bits.shape[1]] != 0) * 2.0 ** np.arange(bits.shape[1])).sum(-1)
    wrong = np.argwhere(found != tokens)
    if len(wrong):
        at = tuple(map(int, wrong[0]))
        held = f"row {found[at]:.0f}" if found[at] < vocabulary else "no row of the matrix"
        raise Violation(f"token {tokens[at]} of a vocabulary of {vocabulary}, at {list(at)}, gets {held}")
    return 0.0


@clause(
    "EMB-2",
    "embedding",
    "The rows are multiplied by sqrt(d_model).",
    formula="W = 1: y = sqrt(d_model)",
    why="It names the scale: a matrix of ones gives it back as it is.",
    source='paper, section 3.4: "we multiply those weights by sqrt(d_model)"',
)
def scale(trial: Trial) -> float:
    """Take a matrix of ones, with which the result is the scale itself."""
    skip_unless(trial.inputs.arrays["tokens"].size)
    ones = trial.inputs.but(weight=np.ones_like(trial.inputs.arrays["weight"]))
    width, vocabulary = trial.case["d_model"], trial.case["V"]
    claim = f"the scale is not sqrt(d_model) (d_model = {width}, V = {vocabulary})"
    return require_within(trial.judge(trial.call(ones), ones), claim)


@clause(
    "EMB-3",
    "embedding",
    "A token has the same embedding wherever it stands, and only its own row counts.",
    formula="y[b, l] depends on W[tokens[b, l]] alone",
    why="It compares calls: a token's row depends neither on its place nor on the rows of other tokens.",
    source=_SOURCE,
)
def place_does_not_matter(trial: Trial) -> float:
    """Reverse the places, then change every row that no token has; compare within both bounds."""
    tokens, weight = trial.inputs.arrays["tokens"], trial.inputs.arrays["weight"]
    skip_unless(tokens.size)
    whole, worst = trial.call(), trial.bound().worst
    reverse = trial.call(trial.inputs.but(tokens=tokens[::-1, ::-1].copy()))
    claim = "a token has another embedding at another place"
    ratio = trial.require_same(reverse, whole[::-1, ::-1], 2 * worst[::-1, ::-1], claim)
    others = weight.copy()
    others[~np.isin(np.arange(len(weight)), tokens)] = 1.0
    actual = trial.call(trial.inputs.but(weight=others))
    return max(ratio, trial.require_same(actual, whole, 2 * worst, "rows of other tokens matter"))


@clause(
    "EMB-5",
    "embedding",
    "Embedding and output logits share a matrix: an optimizer's step on it changes both; only the embedding is scaled.",
    formula="y = sqrt(d_model) logits(e_k)[tokens], k = 1 ... d_model, with W and with W'",
    source=_TIED,
    prepare=lambda case: case.but(regime="normal"),
)
def tied(trial: Trial) -> float:
    """Read the matrix by one-hot hidden states; both from one array, before it is updated in place and after."""
    tokens, width = trial.inputs.arrays["tokens"], trial.case["d_model"]
    skip_unless(tokens.size and trial.case["V"] <= 512)
    hidden = np.eye(width)[None]
    both = (trial.inputs, stepped(trial))
    asked: list[Inputs | tuple[str, Inputs]] = []
    for inputs in both:
        reading = Inputs({"hidden": hidden, "weight": inputs.arrays["weight"]})
        asked += [inputs, ("output_logits", reading)]
    values = trial.sequence(asked, layout="contiguous")
    ratio = 0.0
    for when, inputs, embedded, logits in zip(("before", "after"), both, values[::2], values[1::2], strict=True):
        bound = output_logits_bound(hidden, inputs.arrays["weight"], numerics=trial.numerics)
        read, off = logits[0].T[tokens], bound.worst[0].T[tokens]
        allowance = trial.bound(inputs).worst + np.sqrt(width) * off
        claim = (
            f"{when} an optimizer's step on the shared matrix, the embedding is not sqrt(d_model) times "
            "the rows that the logits read"
        )
        ratio = max(ratio, trial.require_same(embedded, np.sqrt(width) * read, allowance, claim))
    return ratio


@clause(
    "EMB-7",
    "embedding",
    "The gradient of a row is the sum over all places of its token; a token that does not occur gets exactly zero.",
    formula="dW[t] = sqrt(d_model) sum of g over the places where the token is t",
    role="decides",
    why="It is exact: a place that is left out or counted twice is a whole number, and no rounding.",
    source="paper, section 3.4, differentiated",
    prepare=lambda case: case.but(d_model=4, regime="normal"),
)
def repeated_tokens_add_up(trial: Trial) -> float:
    """Compare bit for bit: sqrt(4) = 2, and sums of small whole numbers are exact in every format."""
    tokens = trial.inputs.arrays["tokens"]
    skip_unless(tokens.size and tokens.size <= 64)
    g = trial.generator("whole").integers(-1, 2, trial.cotangent.shape).astype(float)
    due = np.zeros_like(trial.inputs.arrays["weight"])
    np.add.at(due, tokens, 2 * g)
    actual = trial.gradients(cotangent=g)["weight"]
    return trial.require_bits(actual, due, "the gradient of a token's row is not the sum over its places")
