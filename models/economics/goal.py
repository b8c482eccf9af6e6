"""The end of training: how many epochs at which batch, from published runs or as the user states it."""

from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any

from nearlinear.models.catalogue import DATA, sources
from nearlinear.models.dnn import Network
from nearlinear.models.economics.convergence import Convergence, Interval
from nearlinear.models.economics.prices import stated
from nearlinear.models.economics.question import Target
from nearlinear.models.errors import SpecError
from nearlinear.models.hardware.fact import Fact, Source, read_fact
from nearlinear.models.strict import build, read_toml

IMAGENET_CLASSES = 1000
INTERVALS = ("minimum", "critical_batch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A target with what it takes.

    Attributes
    ----------
    name, title : str
        Key and words.
    unit : {"epochs", "samples", "tokens"}
        Of ``curve.minimum``.
    curve : Convergence
        Epochs over the global batch.
    source : Source
        Who says so.
    networks : tuple of str
        Networks of the zoo that it is for.
    epoch_samples : Fact or None
        Samples of an epoch.
    runs, submitters : int
        What was fitted.
    unseen_median, unseen_p90 : float
        Relative error at batch sizes that the fit did not see: median, 90th percentile.
    """

    name: str
    title: str
    unit: str
    curve: Convergence
    source: Source
    networks: tuple[str, ...] = ()
    epoch_samples: Fact | None = None
    runs: int = 0
    submitters: int = 0
    unseen_median: float = 0.0
    unseen_p90: float = 0.0

    def __post_init__(self) -> None:
        if self.networks and (self.epoch_samples is None or self.unit != "epochs"):
            raise SpecError("networks", "needs a unit of epochs, and epoch_samples", got=self.unit)


@cache
def goals() -> dict[str, Goal]:
    """Return the targets that were fitted to published runs, by name."""
    path = DATA / "convergence.toml"
    return {name: _goal(name, raw, f"{path}: {name}") for name, raw in read_toml(path).items()}


def _goal(name: str, raw: dict[str, Any], where: str) -> Goal:
    values = dict(raw)
    curve: dict[str, Any] = {key: build(Interval, values.pop(key), f"{where}: {key}") for key in INTERVALS}
    curve |= {key: values.pop(key) for key in ("correlation", "spread")}
    curve["batches"] = tuple(values.pop("batches"))
    epoch = values.pop("epoch_samples", None)
    if values.get("source") not in sources():
        raise SpecError(where, "unknown source", got=values.get("source"), remedy="add it to sources.toml")
    values["source"] = sources()[values["source"]]
    values["networks"] = tuple(values["networks"])
    if epoch is not None:
        values["epoch_samples"] = read_fact(epoch, f"{where}: epoch_samples", sources())
    return build(Goal, values | {"name": name, "curve": build(Convergence, curve, where)}, where)


def goal_of(target: Target, network: Network) -> Goal:
    """Return the goal of a network.

    Raises
    ------
    SpecError
        Nothing is known of the network, or the length of an epoch is not.
    """
    if target.epochs is None:
        return _published(network)
    minimum = Interval(value=target.epochs, low=target.epochs, high=target.epochs)
    batch = target.critical_batch or inf
    growth = "at every batch" if batch == inf else f"(1 + batch/{batch:,.0f})"
    return Goal(
        name="stated",
        title=f"{target.epochs:g} epochs {growth}",
        unit="epochs",
        curve=Convergence(minimum=minimum, critical_batch=Interval(value=batch, low=batch, high=batch)),
        source=Source(citation=f"--epochs {target.epochs:g}", date="none"),
        epoch_samples=_epoch(target, network),
    )


def _published(network: Network) -> Goal:
    for goal in goals().values():
        if network.name in goal.networks:
            return goal
    known = ", ".join(name for goal in goals().values() for name in goal.networks)
    remedy = f"known are {known}; state your own with --epochs 90 --critical-batch 8000"
    raise SpecError("--until-accuracy", "needs published runs", got=network.name, remedy=remedy)


def _epoch(target: Target, network: Network) -> Fact:
    if target.epoch_samples is not None:
        return stated(target.epoch_samples, "--epoch-samples")
    if network.layers[-1].outputs == IMAGENET_CLASSES:
        imagenet = goals()["resnet"].epoch_samples
        assert imagenet is not None  # the catalogue's, held by a test
        return imagenet
    remedy = "say --epoch-samples 60000"
    raise SpecError("--epoch-samples", f"is needed: {network.name} is not trained on ImageNet", remedy=remedy)
