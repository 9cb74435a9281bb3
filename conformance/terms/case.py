"""A case: one input of one component, as a line of text.

    attention?dtype=bfloat16&B=1&H=2&H_kv=1&L_q=3&L_k=5&d_k=4&d_v=4&mask=causal&scale=none&regime=large&layout=sliced&seed=7

The line holds every parameter, so it rebuilds the arrays anywhere, without a database. What the parameters of a
component are, and what arrays they stand for, is in the component's own file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...adapters.declaration import UserError

Value: TypeAlias = int | float | str


class CaseError(UserError, ValueError):
    """A line that is no case: one sentence."""


@dataclass(frozen=True)
class Case(Mapping[str, Any]):
    """The parameters of one input; a mapping from parameter to value."""

    component: str
    parameters: tuple[tuple[str, Value], ...]

    def __getitem__(self, name: str) -> Any:
        """Return the value of a parameter."""
        for each, value in self.parameters:
            if each == name:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """List the parameters in the order of the line."""
        return (name for name, _ in self.parameters)

    def __len__(self) -> int:
        """Count the parameters."""
        return len(self.parameters)

    def but(self, **changes: Any) -> "Case":
        """Copy the case with other values of some parameters."""
        unknown = changes.keys() - dict(self.parameters).keys()
        if unknown:
            raise KeyError(f"{self.component} has no parameter {', '.join(sorted(unknown))}")
        return Case(self.component, tuple((name, changes.get(name, value)) for name, value in self.parameters))

    @property
    def id(self) -> str:
        """The line."""
        return f"{self.component}?" + "&".join(f"{name}={_text(value)}" for name, value in self.parameters)


def in_words(sizes: Mapping[str, Value]) -> str:
    """Write sizes by their names, as `--shape` takes them."""
    return ",".join(f"{name}={value}" for name, value in sizes.items())


def _text(value: Value) -> str:
    # repr gives the shortest decimal that reads back as the same float.
    return repr(value) if isinstance(value, float) else str(value)


def split_id(line: str) -> tuple[str, dict[str, str]]:
    """Split a line into the component and the texts of the parameters; raise `CaseError` if it has another form."""
    component, mark, rest = line.strip().partition("?")
    pairs = [pair.partition("=") for pair in rest.split("&")] if rest else []
    if not component or not mark or any(not name or not equals for name, equals, _ in pairs):
        raise CaseError(
            f"{line!r:.200} is no case: it should look like softmax?dtype=float32&rows=2&n=5&regime=normal&seed=1"
        )
    values = {name: value for name, _, value in pairs}
    if len(values) < len(pairs):
        raise CaseError(f"a case has each parameter once, and {line!r:.200} has one twice")
    return component, values
