"""The user's own sizes, of `--shape` and of an adapter's `shapes`: which of them a run judges."""

from collections.abc import Iterable, Mapping, Sequence

from ...adapters import Offer
from ...adapters.declaration import suggestion
from ..cases.sizes import own_shapes
from ..components import COMPONENTS
from ..judging.plan import Line
from ..terms.at_size import sizes_of_models
from ..terms.case import in_words
from .options import UsageError


def shapes_judged(asked: Iterable[Mapping[str, int]], offer: Offer, lines: Sequence[Line]) -> list[Mapping[str, int]]:
    """List the user's and the adapter's shapes, each once; each goes to every component that has all its sizes.

    A shape that nothing has, or that is asked for where nothing is judged at it, is a mistake, not an empty run.
    """
    judged = {line.component for line in lines if line.offered and line.clause.at_size}
    found: list[Mapping[str, int]] = []
    for each in asked:
        if not judged & _components_with(each):
            raise UsageError(
                f"the shape {in_words(each)} is of {' and '.join(sorted(_components_with(each)))}, "
                "of which this run judges nothing at the sizes of models"
            )
        found.append(each)
    found += offer.shapes
    for each in found:
        for name in sorted(judged & _components_with(each)):
            _check_together(name, each)
    return [each for place, each in enumerate(found) if each not in found[:place]]


def _components_with(sizes: Mapping[str, int]) -> set[str]:
    """Name the components that have all these sizes."""
    of_each = {name: {*component.at_size.sizes} for name, component in COMPONENTS.items() if component.at_size}
    known = dict.fromkeys(size for its in of_each.values() for size in sorted(its))
    for name in sizes:
        if name not in known:
            hint = suggestion(name, known) or f"; there are {', '.join(known)}"
            raise UsageError(f"no component has a size {name!r}{hint}")
    having = {name for name, its in of_each.items() if sizes.keys() <= its}
    if not having:
        raise UsageError(f"no component that is judged at the sizes of models has all of {', '.join(sizes)}")
    return having


def _check_together(name: str, sizes: Mapping[str, int]) -> None:
    """Refuse sizes that do not go together in a component, with the plainest where none is given."""
    component = COMPONENTS[name]
    of_models = sizes_of_models(component)
    (whole,) = own_shapes(component, [sizes])
    if not of_models.admissible(component.plainest("float64").but(**whole)):
        rule = f": {of_models.rule}" if of_models.rule else ""
        raise UsageError(f"the sizes {in_words(whole)} do not go together in {name}{rule}")
