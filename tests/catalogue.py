"""The mark `catalogue`: tests that judge variants, or repeat what is published, of a component; they take minutes.

A plain `pytest` leaves them out:

    pytest                                       # everything else
    pytest -m catalogue                          # the catalogue alone
    pytest --of attention --of softmax           # what the catalogue has of these components
    pytest tests/test_variants.py                # a file, or a test, that is named runs as a whole

The hooks stand here, and `conftest.py` imports them, so that a test can load them as a plugin.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from assay.conformance.components import CLAUSES, COMPONENTS
from assay.conformance.variants import Variant, variants


def of_the_catalogue(chosen: Iterable[Variant]) -> list:
    """Return a parameter for each variant, which carries the mark and the variant's component."""
    return [pytest.param(each, id=each.name, marks=pytest.mark.catalogue(each.component)) for each in chosen]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--of`."""
    parser.addoption(
        "--of",
        action="append",
        choices=list(COMPONENTS),
        default=[],
        metavar="COMPONENT",
        help="only the catalogue, and of it only this component; may be repeated",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "catalogue(component): judges variants of it, or repeats what is published")


def leaves_out_the_catalogue(config: pytest.Config) -> bool:
    """Tell whether the command line names neither a mark nor a component nor a file."""
    files = [each for each in config.args if Path(each.partition("::")[0]).is_file()]
    return not (config.option.markexpr or config.option.of or files)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what was not asked for."""
    components = {item: {name for mark in item.iter_markers("catalogue") for name in mark.args} for item in items}
    if leaves_out_the_catalogue(config):
        kept = [item for item, of in components.items() if not of]
    elif config.option.of:
        kept = [item for item, of in components.items() if of & set(config.option.of)]
    else:
        return
    chosen = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = kept


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is left out."""
    if not leaves_out_the_catalogue(config):
        return None
    return f"left out: the catalogue of {len(variants())} variants; -m catalogue judges it, --of COMPONENT a part of it"


def right_on_plain_inputs(variant):
    """Say whether it is wrong under another trigger alone: sizes of models, huge numbers, earlier calls, and so on."""
    elsewhere = ("GRAD-9", "GRAD-12", "GRAD-13")
    special = all(CLAUSES[clause].at_size or clause in elsewhere for clause in variant.caught_by)
    return special or any(each in variant.needs for each in ("-inf", "above 65504", "offsets of 2^31"))
