"""`two_causes.py`: whether an implementation with two bugs is told of both.

Two wrong variants of one component become one implementation: where one of them is right, it answers as the other, and
where both are wrong, it has both errors. If one of them is wrong in its gradients alone, it has the other's values. It
is judged in float32 as `one_cause.py` judges. The pairs are drawn by a seed from that script's sample; two that need
the same parameters to fail, by its state file, are no pair.
"""

import argparse
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from one_cause import AT_SIZE, causes

from assay.conformance.variants import Variant, find, variants

DTYPE = "float32"
_ROUNDINGS = 256 * np.finfo(np.float32).eps
"""How far two right results may be apart, relative to the largest element."""


def both(one: Variant, other: Variant) -> Variant:
    """Make one implementation that has the bugs of two; the gradients of the second where it has any."""
    if other.vjp:
        return replace(other, function=one.function)
    every = variants(one.component, wrong=False)
    right = next(each for each in every if not (each.conventions or each.numerics))
    return replace(one, function=_joined(one.function, other.function, right.function))


def _joined(one: Callable[..., Any], other: Callable[..., Any], right: Callable[..., Any]) -> Callable[..., Any]:
    def function(*arguments: Any, **options: Any) -> Any:
        # Arguments are as they lie in memory; a right function leaves them alone.
        answers = [each(*arguments, **options) for each in (right, one, other)]
        several = [each if isinstance(each, tuple) else (each,) for each in answers]
        results = tuple(_with_both(*each) for each in zip(*several, strict=True))
        return results if isinstance(answers[0], tuple) else results[0]

    return function


def _with_both(right: Any, one: Any, other: Any) -> Any:
    """Give the result that is wrong, or if both are, with both errors."""
    if not _is_wrong(one, right):
        return other
    if not _is_wrong(other, right) or np.shape(one) != np.shape(other):
        return one
    with np.errstate(all="ignore"):
        return (one + (other - right)).astype(one.dtype)


def _is_wrong(result: Any, right: Any) -> bool:
    if not isinstance(result, np.ndarray) or result.shape != right.shape or result.dtype != right.dtype:
        return True
    differs = np.isfinite(result) != np.isfinite(right)
    with np.errstate(all="ignore"):
        error = np.abs(result - right)
    largest = np.abs(right[np.isfinite(right)]).max(initial=0.0)
    return bool(differs.any() or (error[np.isfinite(error)] > _ROUNDINGS * largest).any())


def pairs(judged: Mapping[str, Any], count: int, seed: int) -> list[tuple[Variant, Variant]]:
    """Draw pairs of one component whose bugs need other parameters, or of which one is in the gradients alone."""
    alone = [find(name) for name, each in judged.items() if len(each["causes"]) == 1 and DTYPE in find(name).dtypes]
    alone = [each for each in alone if not (each.beside or each.conventions or set(each.caught_by) <= AT_SIZE)]
    found = []
    for one, other in itertools.combinations(alone, 2):
        if one.component != other.component or (one.vjp and other.vjp):
            continue
        triggers = [set(judged[each.name]["causes"][0]["trigger"]) - {"regime"} for each in (one, other)]
        if bool(one.vjp) != bool(other.vjp) or triggers[0] != triggers[1]:
            found.append((other, one) if one.vjp else (one, other))
    generator = np.random.default_rng(seed)
    return [found[place] for place in sorted(generator.permutation(len(found))[:count])]


def main() -> None:
    """Judge pairs, and say of how many both bugs are told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path, nargs="+", help="what one_cause.py has judged, with --state")
    parser.add_argument("--pairs", type=int, default=30, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    asked = parser.parse_args()
    lines = [line for file in asked.state for line in file.read_text("utf-8").splitlines()]
    judged = {each["variant"]: each for each in map(json.loads, lines)}
    named, several = 0, 0
    drawn = pairs(judged, asked.pairs, asked.seed)
    for one, other in drawn:
        found = causes(both(one, other), DTYPE, at_size=False)
        told = {each["looks like"] for each in found} & {one.name, other.name}
        named, several = named + (len(told) == 2), several + (len(found) > 1)
        print(f"{len(told)} named, {len(found)} causes: {one.name} + {other.name}", flush=True)
        for cause in found if len(told) < 2 or len(found) > 2 else ():
            print(f"    {cause['id']} {' '.join(cause['clauses'])} {cause['case']} {cause['message'][:200]}")
    print(f"both are named in {named} of {len(drawn)}, and {several} have two causes or more")


if __name__ == "__main__":
    main()
