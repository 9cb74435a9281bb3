"""A row of the contract: how one component function is called, and the axes of what it takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


class _Required:
    """The type of `REQUIRED`, for an option that the contract gives no default."""

    def __repr__(self) -> str:
        return "..."


REQUIRED: Final = _Required()


@dataclass(frozen=True)
class Function:
    """How one component function is called: `function(*arrays, [weights], *plain, **masks, **options)`.

    Axes are words, one for each axis: the same word is the same size. `...` first stands for any further axes.
    """

    name: str
    arrays: Mapping[str, str] = field(default_factory=dict)
    """Positional array arguments, in order, with their axes."""
    results: Mapping[str, str] = field(default_factory=dict)
    """The arrays that it gives, with their axes; the first is `result`. Empty where it gives data."""
    integers: tuple[str, ...] = ()
    """Those of the arrays that hold int64."""
    weights: Mapping[str, str] = field(default_factory=dict)
    """What a mapping of named arrays holds that follows the arrays (on the wire: tensors `weights.<key>`), with the
    axes; `layers.*.` stands for each layer."""
    plain: tuple[str, ...] = ()
    """Positional arguments that are no arrays: ints, texts, lists of pairs."""
    masks: Mapping[str, str] = field(default_factory=dict)
    """Optional boolean arrays, by keyword, with the axes to which they are broadcast; left out, they are None."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Further keywords with their defaults."""
    extensions: Mapping[str, object] = field(default_factory=dict)
    """Keywords that an implementation may lack: it is called with one only where it takes it, and with no default."""
    conventions: tuple[str, ...] = ()
    """The conventions on which the result depends."""
    differentiable: bool = True
    """Whether it has a gradient with respect to its real arrays."""

    @property
    def gives_data(self) -> bool:
        """Whether it gives lists, texts or numbers, which travel in the header of a message."""
        return not self.results

    @property
    def cotangents(self) -> dict[str, str]:
        """The tensors of a request that hold the cotangents, by result: `cotangent`, then `cotangent.<result>`."""
        return {name: "cotangent" if name == "result" else f"cotangent.{name}" for name in self.results}

    @property
    def real(self) -> tuple[str, ...]:
        """The arrays that hold real numbers: those that may have a gradient."""
        return tuple(name for name in self.arrays if name not in self.integers)

    @property
    def positional(self) -> tuple[str, ...]:
        """The positional arguments, in order."""
        return (*self.arrays, *(("weights",) if self.weights else ()), *self.plain)

    @property
    def call(self) -> str:
        """The call as the documentation writes it."""
        keywords = [f"{mask}=None" for mask in self.masks]
        options = {**self.options, **self.extensions}
        keywords += [name if default is REQUIRED else f"{name}={default!r}" for name, default in options.items()]
        return f"{self.name}({', '.join([*self.positional, *(['*'] if keywords else []), *keywords])})"
