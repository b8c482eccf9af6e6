"""Epochs to a target where workers do not average gradients in every step.

On a quadratic loss, with equal data on all workers and noise that does not depend on the weights, everything
is linear, and a run of E = E_min + S_min B samples (``convergence``) becomes

    E = E_min + S_min B h + lag B

for B = n b, n workers of b samples a step. *h* is how many times less the workers move together per step at
the largest stable learning rate, *lag* how many steps the result is behind them:

==========================  ================================================================================
rule                        h and lag
==========================  ================================================================================
bsp, gradients or weights   1 and 0: the mean of the weights moves as if gradients were averaged
asgd, every k steps         2/(n a), a = 1 - (1 - A)^(1/k), A = 2 sin(pi/(4n - 2)); from 1 to 4/pi for k = 1
easgd, every k steps        (n + 1)/n: the server is dragged along; lag = k/(e n), elasticity e
==========================  ================================================================================

A is the most that one visit may take off the steepest direction: x(t+1) = x(t) - A x(t - d) is stable below
2 sin(pi/(4d + 2)), and n - 1 visits of others lie between taking weights and bringing moves. So a delay
multiplies the part of a run that does not come from noise, as the rates O(noise/e^2 + delay/e) say.

Real losses are no quadratics: between two averages each worker goes its own way, and at worst as if it were
alone, so that n workers together take n times what one takes with its own batch. That is an upper end,

    E + u w (n E(b) - E),    u in 0..1,    w = min((steps apart - 1) / steps to the target, 1)

with k steps apart (k/e for elastic averaging: a worker keeps 1 - e of its distance at every exchange, and
k (1 + (1 - e) + (1 - e)^2 ...) = k/e). u is one draw per sample: nothing tells it, and the band is one-sided.

Assumptions beside these: learning rate tuned for the rule (asgd wants about 1/n of that of bsp, since it adds
where bsp averages) and no more momentum than asynchrony leaves room for, because delays act as momentum
1 - 1/n themselves. Gossip and bounded staleness are refused.

References
----------
Levin and May 1976, "A note on difference-delay equations" (the bound on A).
Stich and Karimireddy 2020, "The error-feedback framework", arXiv 1909.05350 (delay in the rate).
Mitliagkas, Zhang, Hadjis and Re 2016, "Asynchrony begets momentum", arXiv 1605.09774.
Woodworth et al. 2020, "Is local SGD better than minibatch SGD?", arXiv 2002.07839, section 3 (quadratics).
Stich 2019, "Local SGD converges fast and communicates little", arXiv 1805.09767 (how long apart is harmless).
Zhang, Choromanska and LeCun 2015, "Deep learning with elastic averaging SGD", arXiv 1412.6651, eq. 2 and 3.
"""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.economics.convergence import Convergence, samples_to_target
from nearlinear.models.errors import SpecError
from nearlinear.models.training.synchronisation import (
    AsynchronousServer,
    BulkSynchronous,
    ElasticAveraging,
    Gossip,
    Rule,
)  # fmt: skip

SALT = 1909_05350  # keeps these draws apart from those of the curve; the number of a paper
ROUNDING = 1e-12  # of 2 sin(pi/6)
UNDELAYED = 2.0  # most that a step may take off the steepest direction without delay


@dataclass(frozen=True, slots=True, kw_only=True)
class Asynchrony:
    """What a rule costs in steps.

    Attributes
    ----------
    workers : int
        n.
    stretch : float
        h.
    lag_steps : float
        Steps of a worker by which the result is behind.
    alone_steps : float
        Steps of a worker beyond the first between two averages.
    """

    workers: int
    stretch: float = 1.0
    lag_steps: float = 0.0
    alone_steps: float = 0.0


def asynchrony(rule: Rule, workers: int) -> Asynchrony:
    """Return what a rule costs among so many workers.

    Raises
    ------
    SpecError
        A rule of which nothing is known.

    Examples
    --------
    Two workers and a server miss one move of the other: A = 2 sin(pi/6) = 1, half of what is stable without
    delay, and two of them move as far as one average.

    >>> from nearlinear.models.training.synchronisation import AsynchronousServer
    >>> round(asynchrony(AsynchronousServer(), 2).stretch, 12)
    1.0
    """
    if workers == 1 and isinstance(rule, BulkSynchronous | AsynchronousServer | ElasticAveraging):
        return Asynchrony(workers=1)  # nobody to visit: plain descent
    if isinstance(rule, BulkSynchronous):
        return Asynchrony(workers=workers, alone_steps=_alone(rule.period))
    if isinstance(rule, AsynchronousServer):
        stretch = UNDELAYED / (workers * stable_step(workers - 1, rule.period))
        return Asynchrony(workers=workers, stretch=stretch, alone_steps=_alone(rule.period))
    if isinstance(rule, ElasticAveraging):
        return Asynchrony(
            workers=workers,
            stretch=(workers + 1) / workers,
            lag_steps=rule.period / (rule.elasticity * workers),
            alone_steps=_alone(rule.period / rule.elasticity),
        )
    remedy = "rules with a model are bsp, asgd and easgd"
    raise SpecError("--rule", "must be one whose epochs are known", got=rule.name, remedy=remedy)


def stable_step(missed: int, period: int = 1) -> float:
    """Return the largest stable learning rate times the largest curvature, ``missed`` visits behind.

    Examples
    --------
    >>> round(stable_step(0), 12), round(stable_step(1), 12)
    (2.0, 1.0)
    """
    visit = UNDELAYED * float(np.sin(np.pi / (4.0 * missed + 2.0)))
    if visit > 1.0 - ROUNDING:  # moves of one visit never take off more
        return visit if period == 1 else 1.0
    return float(-np.expm1(np.log1p(-visit) / period))


def draw_epochs(
    curve: Convergence, costs: list[Asynchrony], batches: FloatArray, epoch_samples: float, samples: int,
    seed: int,
) -> FloatArray:  # fmt: skip
    """Return samples of the epochs to the target at global batches, each under a rule.

    Parameters
    ----------
    curve : Convergence
        Epochs of averaged gradients over the global batch.
    costs : list of Asynchrony
        One per scale.
    batches : ndarray, shape (scales,)
        Samples of a step of all workers together.
    epoch_samples : float
        Samples of an epoch.
    samples, seed : int
        How many, and from which generator.

    Returns
    -------
    ndarray, shape (samples, scales)
        Epochs.
    """
    minimum, critical = curve.draw_parameters(samples, seed)
    u = np.random.default_rng([seed, SALT]).random((samples, 1))
    ends = [epochs(c, b, minimum, critical, epoch_samples) for c, b in zip(costs, batches, strict=True)]
    least, most = (np.concatenate(one, axis=1) for one in zip(*ends, strict=True))
    return np.asarray(least + u * (most - least))


def epochs(
    cost: Asynchrony, batch: float, minimum: FloatArray, critical_batch: FloatArray, epoch_samples: float
) -> tuple[FloatArray, FloatArray]:
    """Return both ends of the epochs to the target: of a quadratic, and of workers that stray.

    Parameters
    ----------
    cost : Asynchrony
        Of the rule.
    batch : float
        Samples of a step of all workers together.
    minimum, critical_batch : ndarray
        E_min in epochs, B_crit in samples.
    epoch_samples : float
        Samples of an epoch.
    """
    together = samples_to_target(batch * cost.stretch, minimum, critical_batch)
    least = together + cost.lag_steps * batch / epoch_samples
    alone = cost.workers * samples_to_target(batch / cost.workers, minimum, critical_batch)
    steps = least * epoch_samples / batch
    weight = np.minimum(cost.alone_steps / steps, 1.0)
    return least, least + weight * np.maximum(alone - least, 0.0)


def exchanges_per_step(rule: Rule | None) -> float:
    """Return how often a worker exchanges, per step; once without a rule.

    Examples
    --------
    >>> exchanges_per_step(ElasticAveraging(period=8)), exchanges_per_step(Gossip(probability=0.01))
    (0.125, 0.01)
    """
    if isinstance(rule, Gossip):
        return rule.probability
    return 1.0 / rule.period if rule is not None else 1.0


def _alone(period: float) -> float:
    return max(period - 1.0, 0.0)
