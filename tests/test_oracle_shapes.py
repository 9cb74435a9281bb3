"""What every function of the oracle takes and gives: the arrays of the contract's row, and nothing of another shape."""

import numpy as np
import pytest

from assay import oracle
from assay.adapters.contract import FUNCTIONS

SIZES = {"B": 2, "H": 4, "H_kv": 2, "heads": 2, "L": 3, "L_q": 3, "L_k": 5, "L_m": 5, "V": 7, "N": 3, "T": 3, "n": 5}
SIZES |= {"d": 5, "d_k": 3, "d_v": 2, "d_q": 4, "d_a": 4, "hd_k": 4, "hd_v": 6, "d_model": 6, "d_ff": 5}
OPTIONS = {
    "multi_head_attention": {"heads": 2},
    "encoder_layer": {"heads": 2},
    "decoder_layer": {"heads": 2},
    "encoder": {"heads": 2},
    "decoder": {"heads": 2},
    "learning_rate": {"d_model": 4, "warmup": 3},
    "dropout": {"rate": 0.1},
    "beam_search": {"beam_size": 2, "max_length": 3, "start": 0, "end": 1},
}
WITH_ARRAYS = [name for name, row in FUNCTIONS.items() if row.arrays]
DIFFERENTIABLE = [name for name in WITH_ARRAYS if FUNCTIONS[name].differentiable]
NUMERICS = oracle.precision_classes("float32")[0][1]


def shape_of(axes):
    """Return the shape that axes have; `...` stands for two more."""
    return tuple(size for word in axes.split() for size in ((2, 3) if word == "..." else (SIZES.get(word, 4),)))


def arguments(name):
    """One call: its positional arguments by name, the weights among them, and its options."""
    row, random = FUNCTIONS[name], np.random.default_rng(5)
    given = {
        each: random.integers(1, 4, shape_of(axes)) if each in row.integers else -random.random(shape_of(axes))
        for each, axes in row.arrays.items()
    }
    if row.weights:
        weights = {each.replace("*", "0"): shape_of(axes) for each, axes in row.weights.items()}
        given["weights"] = {each: random.standard_normal(shape) for each, shape in weights.items()}
    return given, OPTIONS.get(name, {})


def functions(name, **changed):
    """Value, gradient and bounds of a component, each as a function of the positional arguments by name."""
    row = FUNCTIONS[name]
    options = {**arguments(name)[1], **changed}
    yield lambda given: getattr(oracle, name)(*given.values(), **options)
    if row.results:
        yield lambda given: getattr(oracle, f"{name}_bound")(*given.values(), **options, numerics=NUMERICS)
    if row.differentiable:
        g = np.ones(shape_of(row.results["result"]))
        yield lambda given: getattr(oracle, f"{name}_vjp")(g, *given.values(), **options)
        yield lambda given: getattr(oracle, f"{name}_vjp_bound")(g, *given.values(), **options, numerics=NUMERICS)


@pytest.mark.parametrize("name", [name for name in WITH_ARRAYS if FUNCTIONS[name].results])
def test_values_and_bounds_have_the_shape_of_the_contract(name):
    given, options = arguments(name)
    shape = shape_of(FUNCTIONS[name].results["result"])
    assert np.shape(getattr(oracle, name)(*given.values(), **options)) == shape
    bound = getattr(oracle, f"{name}_bound")(*given.values(), **options, numerics=NUMERICS)
    assert bound.expected.shape == bound.worst.shape == bound.statistical.shape == shape


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_have_the_shapes_of_the_arguments_and_bounds_their_names(name):
    given, options = arguments(name)
    row, weights = FUNCTIONS[name], given.get("weights", {})
    g = np.ones(shape_of(row.results["result"]))
    bounds = getattr(oracle, f"{name}_vjp_bound")(g, *given.values(), **options, numerics=NUMERICS)
    shapes = {each: given[each].shape for each in row.real}
    shapes |= {f"weights.{each}": array.shape for each, array in weights.items()}
    assert {each: bound.worst.shape for each, bound in bounds.items()} == shapes


@pytest.mark.parametrize("name", [name for name in WITH_ARRAYS if name != "dropout"])  # no shape is wrong
def test_a_wrong_shape_is_told_by_every_function_of_a_component(name):
    row, told = FUNCTIONS[name], 0
    for function in functions(name):
        for each, axes in row.arrays.items():
            given, _ = arguments(name)
            given[each] = given[each].ravel()[0] if axes.startswith("...") else given[each][None]
            with pytest.raises(oracle.SpecError, match=rf"^{name}\w*: {each} has the shape .* should have the axes"):
                function(given)
            told += 1
    assert told >= len(row.arrays)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_cotangent_of_another_shape_is_told_by_the_gradient_and_its_bound(name):
    given, options = arguments(name)
    wrong = np.ones((*shape_of(FUNCTIONS[name].results["result"]), 1))
    for function, more in ((f"{name}_vjp", {}), (f"{name}_vjp_bound", {"numerics": NUMERICS})):
        with pytest.raises(oracle.SpecError, match=r"cotangent has the shape .*, but should have that of the result"):
            getattr(oracle, function)(wrong, *given.values(), **options, **more)


@pytest.mark.parametrize("name", [name for name in WITH_ARRAYS if FUNCTIONS[name].weights])
def test_a_weight_that_is_missing_or_unknown_or_of_another_shape_is_told(name):
    for function in functions(name):
        given, _ = arguments(name)
        weights = given["weights"]
        last = list(weights)[-1]
        others = {each: array for each, array in weights.items() if each != last}
        for wrong, words in (
            (others, f"weights lacks '{last}', but should hold"),
            ({**weights, "more": 1.0}, "weights holds 'more', but should hold only"),
            ({**weights, last: weights[last][:-1]}, f"{last} has the shape .* should have the axes .d_model., where"),
            ([1.0], "weights is a list, but should be a mapping"),
        ):
            with pytest.raises(oracle.SpecError, match=words):
                function({**given, "weights": wrong})


NAMED = [(name, each) for name in WITH_ARRAYS for each in FUNCTIONS[name].conventions if each != "relu_at_zero"]
NAMED += [
    (name, each)
    for name in WITH_ARRAYS
    for each, default in {**FUNCTIONS[name].options, **FUNCTIONS[name].extensions}.items()
    if not isinstance(default, bool) and each not in ("seed", "ignore_index")
]


@pytest.mark.parametrize(("name", "option"), NAMED)
def test_an_option_that_is_a_text_of_no_meaning_is_told_in_a_sentence(name, option):
    """Never by whatever the arithmetic makes of it."""
    for function in functions(name, **{option: "few"}):
        with pytest.raises(oracle.SpecError, match=rf"{option} is 'few', but should be "):
            function(arguments(name)[0])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("beam_search", {"beam_size": float("nan")}),
        ("beam_search", {"max_length": 2.5}),
        ("beam_search", {"start": 0.5}),
        ("learning_rate", {"warmup": float("inf")}),
        ("learning_rate", {"d_model": None}),
        ("encoder_layer", {"heads": 0}),
        ("decoder", {"heads": 0}),
        ("encoder", {"heads": 2.0}),
    ],
)
def test_an_option_that_is_no_whole_number_is_told_in_a_sentence(name, wrong):
    ((option, value),) = wrong.items()
    for function in functions(name, **wrong):
        with pytest.raises(oracle.SpecError, match=rf"{option} is {value}, but should be a "):
            function(arguments(name)[0])


@pytest.mark.parametrize("name", [name for name in WITH_ARRAYS if "heads" in FUNCTIONS[name].options])
def test_heads_that_do_not_share_out_the_columns_are_told(name):
    for function in functions(name, heads=5):
        with pytest.raises(oracle.SpecError, match=r"w_query has 4 columns, but should have a multiple of heads = 5"):
            function(arguments(name)[0])
