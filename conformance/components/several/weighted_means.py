"""What holds alike of every attention that mixes values by weights: the order of keys and of queries."""

from ...terms.clause import clause
from ...terms.requirements import skip_unless
from ...terms.trial import Trial
from ..scored_attention.clauses import of_both


@clause(
    "SDPA-4",
    "attention",
    "Permuting the keys with their values changes nothing.",
    formula="Attention(Q, P K, P V) = Attention(Q, K, V)",
    why="It compares two calls: tiles of keys that are merged wrongly make the order of the keys matter.",
    source="paper, section 3.2.1, equation 1: softmax(Q K^T / sqrt(d_k)) V",
    prepare=lambda case: case.but(mask="none"),
)
@of_both(
    2,
    "Permuting the keys with their values changes nothing.",
    formula="f(Q, P K, P V) = f(Q, K, V)",
    why="It compares two calls: a causal order that nobody asked for makes the order of the keys matter.",
)
def keys_permuted(trial: Trial) -> float:
    """Take the keys in any other order, and their values with them."""
    key, value = trial.inputs.arrays["key"], trial.inputs.arrays["value"]
    skip_unless(key.shape[-2] > 1)
    order = trial.generator("order").permutation(key.shape[-2])
    permuted = trial.inputs.but(key=key[..., order, :].copy(), value=value[..., order, :].copy())
    return trial.require_same(
        trial.call(permuted), trial.call(), 2 * trial.bound().worst, "the order of the keys matters"
    )


@clause(
    "SDPA-5",
    "attention",
    "Permuting the queries permutes the rows.",
    formula="Attention(P Q, K, V) = P Attention(Q, K, V)",
    why="It compares two calls: a row that a tile drops, or takes from its neighbour, depends on its place.",
    source="paper, section 3.2.1, equation 1: softmax(Q K^T / sqrt(d_k)) V",
    prepare=lambda case: case.but(mask="none"),
)
@of_both(
    3,
    "Each query is answered by itself: permuting the queries permutes the rows.",
    formula="f(P Q, K, V) = P f(Q, K, V)",
    why="It compares two calls: a row that takes anything from another row depends on its place.",
)
def queries_permuted(trial: Trial) -> float:
    """Take the queries in any other order."""
    query = trial.inputs.arrays["query"]
    skip_unless(query.shape[-2] > 1)
    order = trial.generator("order").permutation(query.shape[-2])
    permuted = trial.call(trial.inputs.but(query=query[..., order, :].copy()))
    claim = "permuting the queries does not permute the rows"
    return trial.require_same(permuted, trial.call()[..., order, :], 2 * trial.bound().worst[..., order, :], claim)
