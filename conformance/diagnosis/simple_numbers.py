"""Which simple number a factor is: a fraction, its root, or a logarithm of 2; none where one would fit by chance."""

import math
from typing import Final

_CHANCE: Final = 0.02
"""How likely any factor may be to lie near some number that is tried."""
_LARGEST: Final = 256
"""Of numerators and denominators."""
_LOGARITHMS: Final = {"log2(e)": 1 / math.log(2), "log(2)": math.log(2), "log10(e)": 1 / math.log(10)}


def simple_number(factor: float, error: float) -> str:
    """Name the number that a factor is within a relative error; whole numbers and quarters need no other name."""
    known = abs(factor)
    if not 0 < known < _LARGEST or abs(4 * known - round(4 * known)) <= 4 * known * error:
        return ""
    for name, number in _LOGARITHMS.items():
        if abs(known / number - 1) <= error:
            return name
    # There are about H^2 fractions of numbers up to H.
    highest = min(_LARGEST, math.isqrt(int(_CHANCE / error))) if error else _LARGEST
    for form, value in (("{}/{}", known), ("sqrt({}/{})", known**2)):
        for below in range(1, highest + 1):
            above = round(value * below)
            if 0 < above <= highest and abs(value * below / above - 1) <= 2 * error:
                text = form.format(above, below)
                return text.replace("/1)", ")").removesuffix("/1")
    return ""
