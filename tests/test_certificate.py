"""The certificate of the oracle: a sample of it anew, the page against its limits, and that a slip would show."""

import re
import sys
from functools import wraps

import arbitrary_precision as basic
import arbitrary_precision_layers as layers
import certify_oracle
import mpmath
import numpy as np
import pytest
from arbitrary_precision_cases import PLANS
from arbitrary_precision_gradients import gradients
from arbitrary_precision_measures import Row, call_of, error, ulp
from arbitrary_precision_positions import LARGEST, near_multiples
from arbitrary_precision_training import sine_and_cosine

from assay import oracle

DUE = list(certify_oracle.lines_due())
TEXT = certify_oracle.PAGE.read_text(encoding="utf-8")
TABLE = [
    [cell.strip() for cell in row.split("|")[1:-1]]
    for row in TEXT.partition("## The table")[2].splitlines()
    if row.startswith("| `")
]


def sample(function, regime):
    """Choose a few cases of a row: one of a gradient, and of positions none as wide as 512."""
    if function == "positional_encoding_at":
        return range(1, 7) if "hard" in regime else range(1, 4, 2)
    return range(1) if function.endswith("_vjp") else range(4)


def rows():
    """Give each row as a parameter; the catalogue has those beyond a function's first regime.

    It has every row of the decoder's gradients, too, which take as long as all others; those of its layers are here.
    """
    seen = {"decoder_vjp"}
    for function, regime, _ in DUE:
        component = function.removesuffix("_vjp")
        yield pytest.param(function, regime, marks=pytest.mark.catalogue(component) if function in seen else ())
        seen.add(function)


@pytest.mark.parametrize(("function", "regime"), list(rows()))
def test_a_sample_is_within_the_limits(function, regime):
    row = certify_oracle.measured(function, regime, sample(function, regime))

    assert row.numbers > 0
    assert certify_oracle.broken(row) == []


def test_every_function_of_the_oracle_has_a_row():
    known = {function for function, _, _ in DUE} | set(certify_oracle.DISCRETE)

    assert certify_oracle.without_plan() == []
    assert set(certify_oracle.functions()) <= known
    assert {"softmax", "attention_vjp", "decoder_vjp"} <= set(certify_oracle.functions())


def test_the_page_has_each_row():
    assert [(function.strip("`"), regime, int(cases)) for function, regime, cases, *_ in TABLE] == DUE
    assert all(f"`{name}`" in TEXT for name in certify_oracle.DISCRETE)


def test_the_page_is_within_the_limits():
    for function, regime, _, numbers, off, part, _ in TABLE:
        ulps = np.inf if off == "all" else float(off)
        row = Row(function.strip("`"), regime, numbers=int(numbers), ulp=ulps, ratio=float(part))

        assert row.numbers > 0
        assert certify_oracle.broken(row) == []


def test_the_sentences_say_what_the_table_says():
    figures = {(row[0].strip("`"), row[1]): row[4:6] for row in TABLE}
    sentences = (
        r"largest part found is ([\d.]+),\s+among (\d+) numbers",
        r"10\^7: ([\d.]+) at most, in a\s+sample of (\d+) sines",
        r"within 1 ulp: ([\d.]+) at most",
    )
    ratio, numbers, position, count, rate = re.search(".*".join(sentences), TEXT, re.DOTALL).groups()
    angles = [row for row in TABLE if row[0] == "`positional_encoding_at`" and "2^63" not in row[1]]

    assert float(ratio) == max(float(part) for _, part in figures.values())
    assert int(numbers) == sum(int(row[3]) - int(row[6]) for row in TABLE)
    assert float(position) == max(float(row[4]) for row in angles)
    assert int(count) == sum(int(row[3]) for row in angles) > 300_000
    assert float(rate) == max(float(off) for (name, _), (off, _) in figures.items() if name == "learning_rate")


def shifted(function, change):
    """Give the function of the oracle a slip."""
    right = getattr(oracle, function)
    return wraps(right)(lambda *arguments, **options: change(right(*arguments, **options)))


SLIPS = {
    "softmax: 3e-14 too large": ("softmax", lambda y: y * (1 + 3e-14)),
    "layer_norm: 3e-13 too small": ("layer_norm", lambda y: y * (1 - 3e-13)),
    "output_logits: 2e-14 too large": ("output_logits", lambda y: y * (1 + 2e-14)),
    "learning_rate: two numbers further": ("learning_rate", lambda y: y * (1 + 2**-51)),
    "feed_forward_vjp: one gradient 1e-12 too large": ("feed_forward_vjp", lambda g: (g[0] * (1 + 1e-12), *g[1:])),
    "positional_encoding_at: two numbers further": ("positional_encoding_at", lambda y: y * (1 + 2**-51)),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_of_the_oracle_shows(slip, monkeypatch):
    """In one regime or another."""
    function, change = SLIPS[slip]
    monkeypatch.setattr(oracle, function, shifted(function, change))
    regimes = [regime for name, regime, _ in DUE if name == function]
    rows = (certify_oracle.measured(function, regime, sample(function, regime)) for regime in regimes)

    assert any(certify_oracle.broken(row) for row in rows)


def test_a_number_that_is_not_one_shows():
    """NaN agrees with NaN alone, infinity with itself."""
    assert error(np.nan, mpmath.nan) == error(np.inf, mpmath.inf) == error(2.0, mpmath.mpf(2)) == 0
    assert error(np.nan, mpmath.mpf(1)) == error(1.0, mpmath.nan) == error(np.inf, -mpmath.inf) == mpmath.inf


@pytest.mark.parametrize("number", [1.0, 0.1, 1e300, 2.0**-1022, 5e-324, np.nextafter(2, 0)])
def test_an_ulp_is_the_distance_of_neighbours(number):
    assert float(ulp(mpmath.mpf(number))) == np.spacing(number)


def test_steps_along_the_imaginary_axis_give_what_central_differences_give():
    """Of the whole encoder layer, whose derivative nobody wrote down here: (f(x + h) - f(x - h)) / 2 h, h = 2^-100.

    Its error is h^2, about 1e-60 of the third derivative, and 2^-300 of f for the digits that cancel.
    """
    (x, weights), options = (lambda call: (call.arguments, call.options))(call_of("encoder_layer", "normal", 0))
    weights = {name: basic.exact(array) for name, array in weights.items()}
    cotangent = np.ones(x.shape)
    with mpmath.workprec(400):
        h = mpmath.mpf(2) ** -100
        found = gradients(layers.encoder_layer, cotangent, (x, weights), options)
        for name in ("self_attention.w_key", "feed_forward.w_1", "self_attention_norm.gain"):
            sides = []
            for step in (h, -h):
                moved = weights[name].copy()
                moved.flat[0] += step
                y = layers.encoder_layer(x, {**weights, name: moved}, **options)
                sides.append(basic.total(y.ravel()))
            exactly = found[f"1.{name}"].flat[0]

            assert exactly != 0
            assert abs((sides[0] - sides[1]) / (2 * h) - exactly) < 1e-50 * (1 + abs(exactly))


def test_hard_positions_are_hard():
    """Among a few dozen positions of each channel some angle is within 1e-6 of a multiple of pi/2."""
    with mpmath.workprec(200):
        for pair in (0, 1, 100, 200):
            nearest = min(
                min(map(abs, sine_and_cosine(position, pair, 512))) for position in near_multiples(pair, 512, LARGEST)
            )

            assert 0 < nearest < 1e-6


@pytest.fixture
def short(monkeypatch, tmp_path):
    """Prepare the command with one case of a few rows, and a page of its own."""
    names = ("softmax", "softmax_vjp", "attention", "learning_rate", "positional_encoding_at")
    regimes = ("normal", "large", "saturated", "first steps", "to 1000")
    lines = [(name, regime, 1) for name, regime, _ in DUE if name in names and regime in regimes]
    monkeypatch.setattr(certify_oracle, "lines_due", lambda: lines)
    monkeypatch.setattr(certify_oracle, "PAGE", tmp_path / "certificate.md")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["certify_oracle.py", *arguments])
        with pytest.raises(SystemExit) as left:
            certify_oracle.main()
        return left.value.code

    return run


def test_the_command_writes_the_page_and_compares_it(short, capsys):
    assert short() is None
    assert short("--check") is None
    assert "| `softmax` | normal | 1 |" in capsys.readouterr().err

    page = certify_oracle.PAGE
    page.write_text(
        page.read_text(encoding="utf-8").replace("| `softmax` | normal | 1 |", "| `softmax` | normal | 2 |")
    )
    assert "certificate.md is another; these lines would be new:\n  | `softmax` | normal | 1 |" in short("--check")


def test_the_command_fails_where_a_limit_is_exceeded(short, monkeypatch):
    monkeypatch.setattr(oracle, "softmax", shifted("softmax", lambda y: y * (1 + 1e-10)))

    assert "softmax, normal:" in short()


def test_plans_have_regimes_of_their_own():
    for name, plan in PLANS.items():
        assert len(set(plan.regimes)) == len(plan.regimes) > 1, name
