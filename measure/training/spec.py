"""What to train, and how its replicas exchange."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nearlinear.measure.operations.operation import VENDOR
from nearlinear.measure.training.data import DataSpec
from nearlinear.measure.training.networks import NetworkSpec
from nearlinear.models.errors import SpecError
from nearlinear.models.training.synchronisation import BulkSynchronous, Rule

LOADERS = ("inline", "process")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSpec:
    """A training run.

    Attributes
    ----------
    network : NetworkSpec
        The model.
    data : Digits or Synthetic
        The data set.
    batch : int
        Samples per worker and step.
    rule : Rule
        How replicas stay together.
    algorithm : str
        Of the allreduce: ``vendor`` or a name of the registry.
    wire_dtype : str
        Type on the wire; empty for that of the gradients.
    bucket_bytes : float or None
        Gradients travel in buckets that close at this size; None for all of them at once, or layer by
        layer where they overlap.
    overlap : bool
        Whether buckets leave while backward goes on.
    loader : {"inline", "process"}
        Whether batches are made when they are needed, or ahead by a process beside.
    load_delay_s : float
        Waited before each batch, in place of a slow storage.
    epochs : int
        Passes over the data.
    budget_s : float
        No epoch begins after so long.
    rate, momentum, decay : float
        Of the optimiser.
    seed : int
        Of weights, order and everything random.
    """

    network: NetworkSpec
    data: DataSpec
    batch: int
    rule: Rule
    algorithm: str = VENDOR
    wire_dtype: str = ""
    bucket_bytes: float | None = None
    overlap: bool = False
    loader: str = "inline"
    load_delay_s: float = 0.0
    epochs: int = 3
    budget_s: float = 600.0
    rate: float = 0.02
    momentum: float = 0.9
    decay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse combinations that would be ignored."""
        bulk = isinstance(self.rule, BulkSynchronous)
        if not bulk and (self.algorithm != VENDOR or self.overlap or self.bucket_bytes is not None):
            told = "--algorithm, --bucket and --overlap belong to rule bsp"
            raise SpecError("--rule", told, got=self.rule.name, remedy="leave them out, or say --rule bsp")
        if self.overlap and isinstance(self.rule, BulkSynchronous) and self.rule.averages == "weights":
            raise SpecError("--overlap", "needs gradients, weights are ready all at once", got="weights")
        if self.wire_dtype and self.algorithm == VENDOR:
            remedy = "choose rounds of our own with --algorithm"
            raise SpecError("--wire", "needs rounds of our own", got=self.wire_dtype, remedy=remedy)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON values, for the header of the record."""
        data = {"data": self.data.name, **{f"data_{n}": v for n, v in asdict(self.data).items()}}
        network = {f"network_{name}": value for name, value in asdict(self.network).items()}
        rest = {n: v for n, v in asdict(self).items() if n not in ("network", "data", "rule")}
        return {**network, **data, "rule": self.rule.name, **asdict(self.rule), **rest}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a run gave: on rank 0 where it was recorded, and why it ended."""

    rank: int
    out: Path
    reason: str
