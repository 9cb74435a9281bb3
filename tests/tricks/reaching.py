"""What an implementation reaches for that is not its own: `adapters_for_tests/reaching.py` raises what it got."""

from pathlib import Path

from . import Trick

FILE = Path(__file__).parent.parent / "adapters_for_tests" / "reaching.py"


def reach(does: str, name: str, done: str, **rest: object) -> Trick:
    """Make a trick of an adapter of that file."""
    return Trick(does, done=done, spec=f"{FILE}:{name}", how={"dtypes": "float32", **rest.pop("how", {})}, **rest)  # type: ignore[arg-type,dict-item]


REACHES = (
    reach(
        "lists the folders of oracle and suite by another program",
        "the_folder",
        "they are empty there",
        needs="the judge's files cannot be read",
        says="[]",
    ),
    reach(
        "takes away what covers them",
        "the_mounts",
        "it has not the right to",
        needs="the judge's files cannot be read",
        says="-1",
    ),
    reach(
        "writes into assay and into Python's packages",
        "the_packages",
        "they cannot be written there",
        needs="the judge's files cannot be changed",
        says="[]",
    ),
    reach(
        "reads the judge's memory",
        "the_memory_of_the_parent",
        "Landlock",
        needs="no tracing of other processes",
        says="PermissionError",
    ),
    reach(
        "counts its open descriptors",
        "the_descriptors",
        "its three streams, the two pipes, and the two blocks of memory that it shares",
        needs="linux",
        says=": 7",
    ),
    reach(
        "takes memory away that the judge reads",
        "the_shared_memory",
        "it is sealed: it can grow, and not shrink",
        needs="linux",
        says="PermissionError",
    ),
    reach(
        "opens a connection, under `--sandbox`",
        "the_network",
        "a namespace without a network",
        needs="no network",
        says="Error",
        how={"sandbox": True},
    ),
)
