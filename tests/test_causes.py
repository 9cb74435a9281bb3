"""Violations of one reason are one cause: what is joined, and what is kept apart."""

from assay.conformance.interface.explaining import also
from assay.conformance.judging.causes import causes_of
from assay.conformance.judging.result import Failure, Result


def failing(clause, component, dtype="float32", *, others=None, level="required", **failure):
    """Make a line of a report that fails."""
    case = f"{component}?dtype={dtype}&clause={clause}&trigger={sorted(failure.get('trigger', ()))}"
    told = {"message": "the value is wrong: more", "ratio": 1e6, "cause": f"{clause} {case}"} | failure
    return Result(clause, level, component, dtype, "fail", failure=Failure(case=case, **told), others=others)


def groups(*results):
    """Give the lines of each cause."""
    return [[f"{each.clause} {each.component} {each.dtype}" for each in cause.results] for cause in causes_of(results)]


def test_what_a_process_has_tried_is_believed():
    one = failing("ALL-1", "softmax", cause="known")
    other = failing("SM-4", "softmax", "float16", cause="known", how="nan", trigger={"regime": "limit"})
    assert groups(one, other) == [["ALL-1 softmax float32", "SM-4 softmax float16"]]


def test_the_same_exception_is_one_cause_whatever_its_numbers_and_components():
    one = failing("ALL-1", "attention", how="exception", message="it raised ValueError: shape (0, 3)", ratio=None)
    other = failing("ALL-1", "softmax", how="exception", message="it raised ValueError: shape (0, 12)", ratio=None)
    third = failing("ALL-2", "softmax", how="exception", message="it raised TypeError: shape (0, 12)", ratio=None)
    assert [len(group) for group in groups(one, other, third)] == [2, 1]


def test_known_bugs_are_told_apart():
    names = ("scale-missing", "causal-off-by-one", "scale-missing")
    lines = [failing(f"SDPA-{k}", "attention", looks_like=name) for k, name in enumerate(names, 1)]
    assert groups(*lines) == [["SDPA-1 attention float32", "SDPA-3 attention float32"], ["SDPA-2 attention float32"]]


def test_a_known_bug_does_not_explain_what_is_far_larger_and_has_no_name():
    known = failing("ALL-1", "encoder_layer", ratio=2.5, looks_like="encoder-layer-epsilon-1e-6")
    assert len(groups(known, failing("ALL-12", "encoder_layer", ratio=2e3))) == 2
    assert len(groups(known, failing("ALL-12", "encoder_layer", ratio=20.0))) == 1


def test_a_precision_does_not_explain_what_is_no_number():
    known = failing("ALL-1", "attention", "bfloat16", ratio=1.1, declare={"scores": "bfloat16"})
    assert len(groups(known, failing("ALL-11", "attention", "bfloat16", level="advisory", ratio=None))) == 2
    assert len(groups(known, failing("SDPA-13", "attention", "bfloat16", ratio=9.0))) == 1


def test_what_the_properties_saw_is_told_but_for_what_is_slight():
    value = failing("ALL-1", "feed_forward")
    message = "the result is not b_2: result[0] is 2, but should be 1: the error is 1; 6 of 6 elements are outside; odd"
    told = failing("FFN-3", "feed_forward", ratio=None, message=message, cause=value.failure.cause)
    slight = failing("FFN-5", "feed_forward", ratio=1.1, message="slight: more", cause=value.failure.cause)

    message = "the gradient is wrong: gradient of x[0] is 1, but should be 2: the error is 1"
    gradient = failing("GRAD-1", "feed_forward", backward=True, message=message, cause=value.failure.cause)

    (cause,) = causes_of([value, gradient, told, slight])
    assert list(also(cause)) == [
        "GRAD-1: the gradient is wrong: gradient of x[0] is 1, but should be 2",
        "FFN-3: the result is not b_2: result[0] is 2, but should be 1; 6 of 6 elements are outside; odd",
    ]
    (named,) = causes_of([failing("ALL-1", "feed_forward", looks_like="b", cause=value.failure.cause), gradient, told])
    assert list(also(named)) == []


def test_a_known_bug_that_also_raises_is_one_cause():
    wrong = failing("ALL-1", "cross_entropy", looks_like="cross-entropy-ignored-in-count")
    message = "it raised IndexError: a target is no class of 2"
    raised = failing("ALL-4", "cross_entropy", how="exception", message=message, looks_like=wrong.failure.looks_like)
    assert len(groups(wrong, raised)) == 1


def test_wrong_values_are_why_all_gradients_are_wrong_and_not_why_some_are():
    values, gradients = failing("ALL-1", "rms_norm"), failing("GRAD-1", "rms_norm", backward=True)
    scaled = failing("GRAD-10", "rms_norm", backward=True)
    assert len(groups(values, gradients, scaled)) == 1
    assert len(groups(values, scaled)) == 2


def test_what_needs_more_parameters_is_explained_by_what_needs_fewer_and_not_the_other_way_round():
    plain = failing("ALL-1", "attention")
    masked = failing("ALL-1", "attention", "float64", trigger={"mask": "causal"})
    laid = failing("ALL-1", "attention", "float16", trigger={"layout": "sliced"})
    assert len(groups(plain, masked, laid)) == 1
    assert len(groups(masked, laid)) == 2


def test_a_nan_is_no_wrong_number():
    assert len(groups(failing("ALL-1", "softmax"), failing("ALL-3", "softmax", how="nan", ratio=None))) == 2


def test_the_size_at_which_an_error_of_rounding_shows_separates_nothing():
    one = failing("GRAD-1", "embedding", "bfloat16", ratio=1.2, trigger={"L": 5, "d_model": 17}, backward=True)
    other = failing("GRAD-8", "embedding", "bfloat16", ratio=1.1, trigger={"L": 2258}, backward=True)
    assert len(groups(one, other)) == 1
    beyond = [failing("ALL-1", "attention", ratio=1e9, trigger={name: 513}) for name in ("L_k", "d_k")]
    assert len(groups(*beyond)) == 2


def test_what_is_wrong_in_a_part_shows_in_the_whole():
    part = failing("GRAD-1", "layer_norm", "bfloat16", ratio=220.0, backward=True)
    other = failing("GRAD-1", "attention", "bfloat16", ratio=1.1, backward=True)
    whole = failing("GRAD-1", "encoder", "bfloat16", ratio=2.0, backward=True)
    assert groups(part, other, whole)[0] == ["GRAD-1 layer_norm bfloat16", "GRAD-1 encoder bfloat16"]
    assert len(groups(failing("GRAD-1", "layer_norm", "float32", backward=True), whole)) == 2


def test_a_clause_may_have_several_causes_and_each_has_a_stable_id():
    raised = Failure("it raised E: x", "softmax?a", None, how="exception", trigger={"rows": 0}, cause="ALL-1 softmax?a")
    results = [failing("ALL-1", "softmax", others=[raised]), failing("ALL-11", "softmax", level="advisory", how="nan")]
    found = causes_of(results)
    assert [cause.id for cause in found] == ["softmax-value", "softmax-exception-e-rows-0", "softmax-nan"]
    assert [cause.level for cause in found] == ["required", "required", "advisory"]
    assert [cause.violations for cause in found] == [1, 1, 1]
