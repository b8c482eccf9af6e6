"""Rules by which replicas stay together: after every step, now and then, or as each one comes.

===========  =================================================================================
rule         what happens
===========  =================================================================================
bsp          all workers wait for each other and average gradients (or weights, every so often)
asgd         a worker adds what it has moved to the server's weights and goes on with those
ssp          the same, but a worker waits where it would be too many visits ahead of the slowest
easgd        worker and server move towards each other: w -= a (w - g), g += a (w - g)
gosgd        with a probability per step a worker pushes its weights, with half of its share, to
             another one, which takes the mean by shares
===========  =================================================================================

The formulas work on arrays in place; who sends what to whom is the business of the trainer.

References
----------
Ho et al. 2013, "More effective distributed ML via a stale synchronous parallel parameter server".
Ma, Mao and Taylor 2016, "Theano-MPI", and its code (rules BSP, ASGD, EASGD, GOSGD).
Zhang, Choromanska and LeCun 2015, "Deep learning with elastic averaging SGD", eq. 2 and 3.
Blot, Picard, Cord and Thome 2016, "Gossip training for deep learning", algorithm 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import log, log1p
from typing import Any

from nearlinear.models.errors import SpecError
from nearlinear.models.option import one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkSynchronous:
    """All workers together.

    Attributes
    ----------
    averages : {"gradients", "weights"}
        What is averaged.
    period : int
        Steps from exchange to exchange; more than one with weights only (local SGD).
    """

    name = "bsp"
    serves = False

    averages: str = "gradients"
    period: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.averages not in ("gradients", "weights"):
            raise SpecError("--averages", "must be gradients or weights", got=self.averages)
        _check_period(self.period)
        if self.period > 1 and self.averages == "gradients":
            remedy = "average weights, or exchange in every step"
            raise SpecError(
                "--period", "must be 1 where gradients are averaged", got=self.period, remedy=remedy
            )


class _AddingMoves:
    """What worker and server do where moves are added to the server's weights."""

    __slots__ = ()
    serves = True

    def serve(self, centre: Any, brought: Any) -> Any:
        """Add a worker's moves to the server's weights, and return what the worker goes on with."""
        centre += brought
        return centre

    def bring(self, weights: Any, taken: Any) -> Any:
        """Return what a worker brings: how far it has moved from what it took last."""
        return weights - taken

    def take(self, weights: Any, answer: Any) -> None:
        """Go on with the server's weights."""
        weights[:] = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class AsynchronousServer(_AddingMoves):
    """Workers that bring their moves to a server, each at its own pace.

    Attributes
    ----------
    period : int
        Steps between visits.
    """

    name = "asgd"

    period: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _check_period(self.period)

    def waits(self, ahead: int) -> bool:
        """Return whether a worker so many visits ahead of the slowest must wait for its answer: never."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleSynchronous(_AddingMoves):
    """Workers that bring their moves to a server, none of them too far ahead.

    A worker's clock is its number of visits. It computes only while

        clock - min(clocks) <= S

    so that between taking weights and bringing moves it misses at most (p - 1) (2 S + 1) moves of the
    others: each of them is at most S behind when it takes, and S + 1 ahead of it when it brings. S = 0
    keeps all workers together; S without end is ``asgd``.

    Attributes
    ----------
    period : int
        Steps between visits.
    staleness : int
        S, visits.
    """

    name = "ssp"

    period: int = 1
    staleness: int = 3

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _check_period(self.period)
        if self.staleness < 0:
            raise SpecError("--staleness", "must be 0 visits or more", got=self.staleness)

    def waits(self, ahead: int) -> bool:
        """Return whether a worker so many visits ahead of the slowest must wait for its answer."""
        return ahead > self.staleness


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticAveraging:
    """Workers and server tied by springs.

    Attributes
    ----------
    period : int
        Steps between visits.
    elasticity : float
        Share of the distance that each side moves, in (0, 1].
    """

    name = "easgd"
    serves = True

    period: int = 8
    elasticity: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _check_period(self.period)
        if not 0 < self.elasticity <= 1:
            raise SpecError("--elasticity", "must be above 0, at most 1", got=self.elasticity)

    def serve(self, centre: Any, brought: Any) -> Any:
        """Move the server towards a worker, and return where the server was."""
        before = centre.copy()
        centre += self.elasticity * (brought - centre)
        return before

    def bring(self, weights: Any, taken: Any) -> Any:
        """Return what a worker brings: its weights."""
        return weights

    def take(self, weights: Any, answer: Any) -> None:
        """Move towards where the server was."""
        weights -= self.elasticity * (weights - answer)

    def half_life_visits(self) -> float:
        """Return in how many visits the server forgets half of what it was: ln 2 / -ln (1 - a).

        Each visit keeps 1 - a of the server's weights; 0 where it keeps nothing.
        """
        return log(0.5) / log1p(-self.elasticity) if self.elasticity < 1 else 0.0

    def waits(self, ahead: int) -> bool:
        """Return whether a worker so many visits ahead of the slowest must wait for its answer: never."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gossip:
    """Workers that push to each other at random.

    Attributes
    ----------
    probability : float
        Of a push, per step and worker, in (0, 1].
    """

    name = "gosgd"
    serves = False

    probability: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not 0 < self.probability <= 1:
            raise SpecError("--probability", "must be above 0, at most 1", got=self.probability)

    def merge(self, weights: Any, share: float, pushed: Any, pushed_share: float) -> float:
        """Take the mean by shares, and return the share that the worker has now; shares add up to 1."""
        total = share + pushed_share
        weights += (pushed_share / total) * (pushed - weights)
        return total


ServerRule = AsynchronousServer | StaleSynchronous | ElasticAveraging
Rule = BulkSynchronous | ServerRule | Gossip
RULES: dict[str, type[Rule]] = {
    rule.name: rule
    for rule in (BulkSynchronous, AsynchronousServer, StaleSynchronous, ElasticAveraging, Gossip)
}
OPTIONS = {rule: tuple(field.name for field in fields(RULES[rule])) for rule in RULES}


def rule_of(name: str, given: Mapping[str, Any]) -> Rule:
    """Return a rule from its name and options; None stands for an option that was not given.

    Raises
    ------
    SpecError
        An unknown rule, an option of another rule, or a value that cannot be.
    """
    known = one_of(*RULES)(name, "--rule")
    for option, value in given.items():
        if value is not None and option not in OPTIONS[known]:
            raise SpecError(f"--{option}", f"does not belong to rule {known}", got=value)
    return RULES[known](**{option: value for option, value in given.items() if value is not None})


def told(rule: Rule) -> str:
    """Return a rule in words.

    Examples
    --------
    >>> told(ElasticAveraging(period=4))
    'easgd, period 4, elasticity 0.5'
    """
    return ", ".join([rule.name, *(f"{name} {getattr(rule, name)}" for name in OPTIONS[rule.name])])


def _check_period(period: int) -> None:
    if period < 1:
        raise SpecError("--period", "must be 1 step or more", got=period)
