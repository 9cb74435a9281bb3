"""Numerical properties: the numbers of each topic against closed forms, differences and brute force."""

import math

import bound_page
import numpy as np
import pytest

from assay.conformance.properties import (
    TOPICS,
    claimed,
    positions,
    rounding,
    saturation,
    strips,
    topic,
    training,
    worth,
)
from assay.conformance.variants import find
from assay.oracle import learning_rate

QUICK = [name for name in TOPICS if name not in ("claims", "bound")]


@pytest.mark.parametrize("name", QUICK)
def test_a_topic_is_the_same_for_the_same_seed_and_its_plots_have_finite_numbers(name, monkeypatch):
    monkeypatch.setattr(saturation, "_QUERIES", 20)
    monkeypatch.setattr(rounding, "LENGTHS", (16, 64))
    one, again = (topic(name).shown(3) for _ in range(2))

    assert (one.name, one.sentences, one.tables) == (name, again.sentences, again.tables)
    assert one.sentences
    assert one.plots
    for plot in one.plots:
        assert all(len(each.x) == len(each.y) and np.isfinite(each.y).all() for each in plot.series)
        assert plot.series or plot.matrix is not None


# Softmax


def test_the_size_of_the_gradient_is_that_of_differences():
    """Of the softmax itself, by central differences in every score."""
    scores = np.random.default_rng(0).normal(0, 2, (5, 8))

    def p(s):
        e = np.exp(s - s.max())
        return e / e.sum()

    step = 1e-5
    jacobians = [[(p(s + step * unit) - p(s - step * unit)) / (2 * step) for unit in np.eye(8)] for s in scores]
    due = [np.linalg.norm(jacobian) for jacobian in jacobians]

    assert saturation.gradient_norms(np.array([p(s) for s in scores])) == pytest.approx(due, rel=1e-8)


def test_the_size_of_the_gradient_of_two_keys_does_not_cancel():
    """|J| = 2 p (1 - p) for two."""
    small = 2.0**-200
    assert saturation.gradient_norms(np.array([[1 - small, small], [0.25, 0.75]])) == pytest.approx(
        [2 * small, 2 * 0.25 * 0.75], rel=1e-12
    )


def test_scale_of_one_channel_changes_nothing_and_of_many_keeps_the_variance():
    assert np.array_equal(saturation.weights(1, 0, scaled=True), saturation.weights(1, 0, scaled=False))
    wide, narrow = (float(saturation.weights(d, 0, scaled=True).max(-1).mean()) for d in (256, 64))
    assert 0.7 < wide / narrow < 1.4
    assert saturation.weights(256, 0, scaled=False).max(-1).mean() > 0.8


# Positions


def test_distances_and_angles_are_those_of_the_closed_forms():
    w = [10_000.0 ** (-2 * i / positions.WIDTH) for i in range(positions.WIDTH // 2)]
    for k in (1, 10, 300):
        due = math.sqrt(sum(4 * math.sin(k * each / 2) ** 2 for each in w))
        assert positions.distances(777, 300)[k] == pytest.approx(due, rel=1e-12)
    turned = positions.angles(7)
    assert turned == pytest.approx(np.broadcast_to(np.mod(7 * np.array(w), 2 * np.pi), turned.shape), abs=1e-12)
    assert 0 < positions.residual(0, 1000) < 6 * 2.0**-53


# Rounding


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_errors_of_attention_are_those_from_sums_that_do_not_round(dtype, monkeypatch):
    """The expected value by math.fsum; the errors of right ones are within S, of scores in 16 bits beyond it."""
    monkeypatch.setattr(rounding, "_HEADS", 1)
    monkeypatch.setattr(rounding, "_QUERIES", 2)
    given = rounding.arguments(dtype, 16, 0)
    each, bounds = rounding.errors(dtype, 16, 0)
    query, key, value = (given[name][0, 0].tolist() for name in ("query", "key", "value"))
    exact = []
    for q in query:
        scores = [math.fsum(a * b for a, b in zip(q, k, strict=True)) / 8 for k in key]
        e = [math.exp(s - max(scores)) for s in scores]
        exact.append([math.fsum(p * v[c] for p, v in zip(e, value, strict=True)) / math.fsum(e) for c in range(64)])
    words, name, place, _ = rounding.COMPUTED[dtype][-1]
    narrow = {argument: array.astype(rounding.NUMPY[dtype]) for argument, array in given.items()}
    off = np.abs(rounding.find(name).function(**narrow).astype(float)[0, 0] - exact)
    size = math.sqrt(np.mean(np.square(exact)))
    bound = rounding.attention_bound(**given, numerics=rounding.precision_classes(dtype)[place][1])

    assert each[words].of_statistical == pytest.approx(np.max(off / bound.statistical[0, 0]), rel=1e-6)
    assert each[words].drawn == pytest.approx(each[words].of_statistical * bounds[place].statistical)
    assert bounds[place].worst == pytest.approx(math.sqrt(np.mean(bound.worst**2)) / size, rel=1e-9)


def test_right_computations_are_within_the_bounds_and_scores_of_16_bits_are_not():
    for dtype in rounding.COMPUTED:
        each, _ = rounding.errors(dtype, 256, 1)
        *right, scores = each.values()
        assert all(0 < one.of_worst <= one.of_statistical <= 1 for one in right)
        assert scores.of_statistical > 1
        assert scores.words.startswith("outside")


# Training


def test_adam_moves_as_the_closed_forms_say():
    constant = np.ones((50, 1))
    t = np.arange(1, 51)

    assert training.moved(constant, "outside")[:, 0] == pytest.approx(np.ones(50), rel=1e-8)
    due = (1 - training.BETA_1**t) / np.sqrt(1 - training.BETA_2**t)
    assert training.uncorrected(constant)[:, 0] == pytest.approx(due, rel=1e-6)
    sizes = np.array([1e-10, 1e-9, 1e-7])
    factor = {"outside": 1.0, "hat": (1 - training.BETA_2) ** -0.5}
    for place, times in factor.items():
        due = sizes / (sizes + times * training.EPSILON)
        assert training.moved(sizes[None], place)[0] == pytest.approx(due, rel=1e-9)


def test_the_learning_rate_is_the_papers_and_largest_at_the_end_of_warm_up():
    (plot,) = topic("learning-rate").shown(0).plots
    for (d_model, warmup, _), series in zip(training.SCHEDULES, plot.series, strict=True):
        steps = np.asarray(series.x)
        assert series.y == pytest.approx(d_model**-0.5 * np.minimum(steps**-0.5, steps * warmup**-1.5), rel=1e-12)
        around = learning_rate(np.array([warmup - 1, warmup, warmup + 1]), d_model=d_model, warmup=warmup)
        assert around.argmax() == 1


def test_the_claims_are_those_of_the_other_room(monkeypatch):
    monkeypatch.setattr(claimed, "claims", {"N5": claimed.claims["N5"]})
    shown = topic("claims").shown(0)

    assert shown.sentences[0].startswith('N5: half true. "d_k = d_v? Maybe."')
    assert [row[0] for row in shown.tables[0].rows] == ["N5", "N5"]


# A derived bound


@pytest.fixture(scope="module")
def few():
    """Measure a right variant, and wrong ones: that any rule sees, and that hardly any does."""
    names = ("attention-tiled-64", "scale-missing", "normaliser-misses-key", "mask-ignored")
    return worth.results(0, [find(name) for name in names])


def test_a_result_is_beside_the_bound_what_it_is_whatever_the_size_of_the_values(few):
    for variant in {each.variant for each in few}:
        for length, _ in worth.SHAPES:
            ratios = {each.assay for each in few if (each.variant, each.length) == (variant, length)}
            assert len(ratios) <= 1
    assert all((each.assay > 1) is each.wrong for each in few)
    assert {each.mask for each in few if each.variant == "mask-ignored"} == {"random"}


def test_what_is_told_of_allclose_is_what_allclose_says():
    values = np.random.default_rng(0).normal(0, 1, (200, 4))
    for row in values:
        actual = row + 0.012 * np.random.default_rng(int(1e6 * abs(row[0]))).normal(0, 1, 4)
        accepted = np.allclose(actual, row, rtol=worth.TOLERANCE, atol=worth.TOLERANCE)
        assert (worth._of_allclose(actual, row) <= 1) == accepted
    assert worth._of_allclose(np.array([np.nan, 0]), np.zeros(2)) == math.inf


def test_the_picture_is_what_the_data_say_and_these_are_what_is_measured(few):
    of = bound_page.read()
    drawn = bound_page.PLOT.read_text(encoding="utf-8")
    ours, theirs = worth.strips(of)
    kept = {(each.variant, each.size, each.length): each for each in of}

    assert ours.rejected == 0
    assert {each.variant for each in of if each.wrong and each.assay <= 1} == {"logits-softcapped"}  # README says so
    assert 0 < ours.accepted < theirs.accepted
    for strip in (ours, theirs):
        assert f"wrong ones accepted: {strip.accepted}<" in drawn
        assert f"right ones rejected: {strip.rejected}<" in drawn
    assert {each.variant for each in of} <= {each.name for each in worth.compared()}
    for each in few:
        found = kept[each.variant, each.size, each.length]
        assert (found.wrong, found.mask) == (each.wrong, each.mask)
        if each.wrong:  # the errors of right ones are rounding, which is another elsewhere
            assert each.assay == pytest.approx(found.assay, rel=0.1)
            assert each.allclose == pytest.approx(found.allclose, rel=0.1)


def test_the_topic_tells_which_wrong_ones_each_rule_accepts(few, monkeypatch):
    monkeypatch.setattr(worth, "results", lambda seed: few)
    shown = topic("bound").shown(0)

    assert (
        shown.sentences[0]
        == "assay's bound rejects 0 of 9 results of right implementations, and accepts 0 of 21 of wrong ones."
    )
    (row,) = shown.tables[1].rows
    accepted = sum(each.allclose <= 1 for each in few if each.wrong)
    assert row == ["normaliser-misses-key", find("normaliser-misses-key").sentence, str(accepted), str(9 - accepted)]


def test_a_file_keeps_what_was_measured(few, monkeypatch, tmp_path):
    monkeypatch.setattr(bound_page, "DATA", tmp_path / "bound.json")
    bound_page.measurements.write(bound_page.DATA, bound_page.measurements.lined(bound_page.entries(few)))

    assert [(each.variant, each.size, each.mask) for each in bound_page.read()] == [
        (each.variant, each.size, each.mask) for each in few
    ]


def test_bars_have_every_result_and_an_error_of_exactly_what_is_allowed_is_before_the_line():
    edges = np.linspace(-2, 2, 5)

    assert strips._counted([0.0, 0.001, 1.0], edges).tolist() == [2, 1, 0, 0]
    assert strips._counted([1.0001, 50.0, 1e9, math.inf], edges).tolist() == [0, 0, 1, 3]
