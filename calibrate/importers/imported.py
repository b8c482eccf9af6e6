"""What importers take and give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nearlinear.measure.records import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a user knows about a log that the log may not say.

    Attributes
    ----------
    collective : str or None
        ``allreduce``, ``allgather``, ``reduce-scatter`` …
    ranks, per_node : int or None
        Ranks of the run, and how many of them share a node.
    nics : int or None
        Network adapters of each node.
    """

    collective: str | None = None
    ranks: int | None = None
    per_node: int | None = None
    nics: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Samples of one file, and what was understood of it.

    Attributes
    ----------
    path, format : str
        The file and its format.
    samples : tuple of Sample
        In the order of the file.
    notes : tuple of str
        What was inferred, skipped or doubtful.
    header : mapping
        What the file says about its run.
    """

    path: str
    format: str
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    header: Mapping[str, Any] = field(default_factory=dict)
