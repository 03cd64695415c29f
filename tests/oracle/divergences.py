"""Reads specs/divergences.toml."""

import functools
import tomllib
from collections.abc import Sequence
from pathlib import Path

import attrs

FILE = Path(__file__).parents[2] / "specs" / "divergences.toml"


@attrs.frozen
class Divergence:
    """One wanted difference from TensorFlow.

    Attributes:
        number: its number.
        name: a short name.
        tensorflow: what TensorFlow does.
        ours: what we do.
        why: the reason.
        rules: switches of the model; none if traces do not show it.
        rewrite: in words, how the expected trace changes.
        ordering_suffices: whether agreement with the documented ordering can be enough after it.
        scenario: id of a scenario that shows it.
        shown_by: the test that shows it, for one that traces do not show.
    """

    number: int
    name: str
    tensorflow: str
    ours: str
    why: str
    rules: tuple[str, ...] = attrs.field(converter=tuple)
    rewrite: str
    ordering_suffices: bool
    scenario: str
    shown_by: str | None = None

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


@functools.cache
def wanted() -> Sequence[Divergence]:
    """Returns every wanted divergence."""
    with FILE.open("rb") as stream:
        return tuple(Divergence(**entry) for entry in tomllib.load(stream)["divergence"])


def rules_of(divergences: Sequence[Divergence]) -> frozenset[str]:
    """Returns the rules of some divergences."""
    return frozenset(rule for divergence in divergences for rule in divergence.rules)
