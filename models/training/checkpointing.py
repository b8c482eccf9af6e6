"""Checkpoints against failures: the best interval, the expected run, and what is left of the time.

A job fails as a whole, at random with a mean time M between failures (exponential, so that failures have no
memory), also while it writes a checkpoint or restarts. It computes for tau, writes a checkpoint, and so on;
after a failure it spends R to restart and goes on from the last checkpoint that was complete. Writing takes
C, of which a part B = b C blocks compute and the rest W = C - B goes on behind it; a checkpoint counts from
its end. Then the expected wall-clock time from one checkpoint to the next is

    M exp((R + W)/M) (exp((tau + B)/M) - 1),                                             (1)

goodput is tau over it, and with W = 0 it is Daly's (2006, eq. 20). A run of N intervals ends with a rest of
work that needs no checkpoint; its expected time is exact below (:func:`expected_run_s`). The best interval is

    Young:  sqrt(2 B M)                                                    (first order, B << M)
    Daly:   sqrt(2 B M) (1 + (B/2M)^(1/2)/3 + (B/2M)/9) - B for B < 2M, else M     (eq. 37)

and, exactly, the root of (1 - tau/M) exp(tau/M) = exp(-B/M). W and R do not move it, but W must fit behind
the compute of an interval.

Derivation of (1): with F = M exp(R/M) (the mean time M(exp(R/M) - 1) of a restart that may fail itself, plus
M), an uninterrupted stretch L that starts anew at every failure takes F (exp(L/M) - 1). After a failure
the next checkpoint is complete tau + B + W later, without one tau + B after the last: (1 - a)(F + F (exp((tau
+ B + W)/M) - 1)) with a = exp(-(tau + B)/M).

References
----------
Young 1974, A first order approximation to the optimum checkpoint interval, CACM 17(9).
Daly 2006, A higher order estimate of the optimum checkpoint interval for restart dumps, FGCS 22(3).
"""

from dataclasses import dataclass
from math import ceil, exp, expm1, sqrt

from nearlinear.models.errors import SpecError

NEWTON_STEPS = 60
ROUNDING = 1e-12  # a run of whole intervals ends without a checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpointing:
    """How a job saves its state and comes back.

    Attributes
    ----------
    write_s : float
        From the begin of a checkpoint until it is complete.
    blocking : float
        Which part of that stops compute, in 0..1.
    restart_s : float
        From a failure until compute goes on, once nothing fails meanwhile.
    """

    write_s: float
    restart_s: float
    blocking: float = 1.0

    def __post_init__(self) -> None:
        if not self.write_s > 0:
            raise SpecError("--checkpoint", "must be > 0", got=self.write_s)
        if not self.restart_s >= 0:
            raise SpecError("--restart", "must be >= 0", got=self.restart_s)
        if not 0 <= self.blocking <= 1:
            raise SpecError("--blocking", "must lie in 0..1", got=self.blocking)

    @property
    def blocked_s(self) -> float:
        """How long a checkpoint stops compute."""
        return self.blocking * self.write_s

    @property
    def behind_s(self) -> float:
        """How long a checkpoint is written behind compute."""
        return self.write_s - self.blocked_s

    def interval_s(self, mtbf_s: float) -> float:
        """Return Daly's interval, and at least what is written behind an interval."""
        return max(daly_interval_s(self.blocked_s, mtbf_s), self.behind_s)

    def checkpoints(self, work_s: float, interval_s: float) -> int:
        """Return how many checkpoints a run without failures writes: those complete before its end."""
        return max(ceil((work_s - self.behind_s) / interval_s * (1.0 - ROUNDING)) - 1, 0)


def young_interval_s(blocked_s: float, mtbf_s: float) -> float:
    """Return the first-order best interval of compute between checkpoints.

    Examples
    --------
    >>> young_interval_s(300.0, 86400.0)
    7200.0
    """
    return sqrt(2.0 * blocked_s * mtbf_s)


def daly_interval_s(blocked_s: float, mtbf_s: float) -> float:
    """Return the higher-order best interval.

    Examples
    --------
    Figure 3 of Daly 2006: 5 min to write and a day between failures give 117 min.

    >>> round(daly_interval_s(300.0, 86400.0) / 60.0)
    117
    """
    if blocked_s >= 2.0 * mtbf_s:
        return mtbf_s
    half = blocked_s / (2.0 * mtbf_s)
    return young_interval_s(blocked_s, mtbf_s) * (1.0 + sqrt(half) / 3.0 + half / 9.0) - blocked_s


def best_interval_s(blocked_s: float, mtbf_s: float) -> float:
    """Return the interval of the largest goodput, to rounding: Newton from Daly's estimate."""
    share = max(daly_interval_s(blocked_s, mtbf_s) / mtbf_s, 1e-9)
    for _ in range(NEWTON_STEPS):
        value = -expm1(-blocked_s / mtbf_s) - (1.0 - (1.0 - share) * exp(share))
        share += value / (share * exp(share))
    return share * mtbf_s


def goodput(interval_s: float, how: Checkpointing, mtbf_s: float) -> float:
    """Return the fraction of a long run that is useful: tau over equation (1); 0 where it never ends.

    Parameters
    ----------
    interval_s : float
        Compute between checkpoints; at least ``how.behind_s``.
    how : Checkpointing
        Times to write and to restart.
    mtbf_s : float
        Of the whole job; infinite for no failures.
    """
    period = interval_s + how.blocked_s
    if mtbf_s == float("inf"):
        return interval_s / period
    return interval_s / _stretch_s(period, how.restart_s + how.behind_s, mtbf_s)


def expected_run_s(work_s: float, interval_s: float, how: Checkpointing, mtbf_s: float) -> float:
    """Return the expected wall-clock time of a run.

    With n checkpoints, the first is complete after a stretch tau + B + W, each further one after (1), and the
    rest of the work, of which W is done by then, takes F (exp(rest/M) - exp(W/M)).

    Parameters
    ----------
    work_s : float
        Compute without failures and checkpoints.
    interval_s, how, mtbf_s
        As in :func:`goodput`.
    """
    count = how.checkpoints(work_s, interval_s)
    rest, period = work_s - count * interval_s, interval_s + how.blocked_s
    if mtbf_s == float("inf"):
        return work_s + count * how.blocked_s
    if count == 0:
        return _stretch_s(work_s, how.restart_s, mtbf_s)
    first = _stretch_s(period + how.behind_s, how.restart_s, mtbf_s)
    further = (count - 1) * _stretch_s(period, how.restart_s + how.behind_s, mtbf_s)
    last = _stretch_s(rest - how.behind_s, how.restart_s + how.behind_s, mtbf_s)
    return first + further + last


def _stretch_s(length_s: float, delay_s: float, mtbf_s: float) -> float:
    """Return M exp(delay/M) (exp(length/M) - 1); infinite where that is beyond all numbers."""
    try:
        return mtbf_s * exp(delay_s / mtbf_s) * expm1(length_s / mtbf_s)
    except OverflowError:
        return float("inf")
