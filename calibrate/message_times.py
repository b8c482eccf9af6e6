"""Times of lone messages and of streams, and the robust fit of LogGP's sums to them.

Parameters are the logarithms of L + 2o, of G, of max(g, o) where there are streams, and of the jump J
where there is one. ``loggp`` has the formulas.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from nearlinear.calibrate.fit import FEWEST_PER_PIECE
from nearlinear.calibrate.gauss_newton import CAUCHY, F_SCALE, refined
from nearlinear.calibrate.problem import HIGHEST, LOWEST
from nearlinear.models.arrays import FloatArray

WINDOW = 64  # messages of a stream: of measure, and by default of osu_bw and osu_mbw_mr
LEAST_JUMP = 0.8  # of L + 2o: asking first takes once to twice that
LOCAL = 2 / 3  # share of the jump that must lie between two neighbouring sizes
NEWTON_STEPS = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MessageFit:
    """The best parameters.

    Attributes
    ----------
    theta : ndarray, shape (3 or 4,)
        Logarithms: L + 2o, G, max(g, o), jump.
    switch : tuple of float or None
        Sizes in bytes before and after the jump.
    bic : float
        Bayesian information criterion.
    """

    theta: FloatArray
    switch: tuple[float, float] | None
    bic: float = np.inf

    @property
    def jump_s(self) -> float | None:
        """How much longer messages above S take."""
        return None if self.switch is None else float(np.exp(self.theta[3]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MessageTimes:
    """Sizes in bytes, at least one, and times in seconds.

    Attributes
    ----------
    alone_bytes, alone_s : ndarray
        Half of a message there and back.
    stream_bytes, stream_s : ndarray
        One message of a stream; empty where none was timed.
    """

    alone_bytes: FloatArray
    alone_s: FloatArray
    stream_bytes: FloatArray
    stream_s: FloatArray

    def terms(self, switch: tuple[float, float] | None) -> FloatArray:
        """Return what each parameter contributes per unit, shape (parameters, points)."""
        alone, streams = np.ones(len(self.alone_s)), np.ones(len(self.stream_s))
        beyond = np.concatenate((self.alone_bytes, self.stream_bytes)) - 1.0
        rows = [
            np.concatenate((alone, 2 / WINDOW * streams)),
            beyond,
            np.concatenate((0 * alone, (1 - 1 / WINDOW) * streams)),
        ]
        if switch is not None:
            rows.append(np.concatenate(((self.alone_bytes > switch[0]) * 1.0, 0 * streams)))
        return np.array(rows)

    def log_times(self) -> FloatArray:
        """Return the logarithm of all times, lone messages first."""
        return np.asarray(np.log(np.concatenate((self.alone_s, self.stream_s))))

    def residuals(self, fit: MessageFit) -> FloatArray:
        """Return log(modelled / measured) of all points."""
        return np.asarray(np.log(np.exp(fit.theta) @ self.terms(fit.switch)) - self.log_times())

    def stream_over_alone(self, start_s: float) -> float:
        """Return how long a byte of the largest stream takes, over one of the largest lone message.

        ``start_s`` is what the lone message takes without its bytes; 1 where there are no streams.
        """
        if not len(self.stream_s):
            return 1.0
        alone, stream = int(np.argmax(self.alone_bytes)), int(np.argmax(self.stream_bytes))
        per_byte = max(float(self.alone_s[alone]) - start_s, 0.0) / self.alone_bytes[alone]
        streamed = float(self.stream_s[stream] / self.stream_bytes[stream])
        return streamed / max(float(per_byte), 1e-18)

    def streams_small(self, fit: MessageFit) -> bool:
        """Return whether some stream shows the gap, rather than its bytes or its answer."""
        gap, least = np.exp(fit.theta[2]), self.stream_bytes.min(initial=np.inf)
        return bool(gap > max(np.exp(fit.theta[1]) * least, 2 * np.exp(fit.theta[0]) / WINDOW))


def fit_messages(times: MessageTimes) -> MessageFit:
    """Return the best fit, with a jump where the data ask for one."""
    line = best = _fit(times, _start(times), None)
    sizes = np.unique(times.alone_bytes)
    for place in range(FEWEST_PER_PIECE - 1, len(sizes) - FEWEST_PER_PIECE):
        switch = (float(sizes[place]), float(sizes[place + 1]))
        jumping = _fit(times, np.append(line.theta, line.theta[0]), switch)
        if jumping.bic < best.bic and _is_jump(times, jumping):
            best = jumping
    return best


def _is_jump(times: MessageTimes, fit: MessageFit) -> bool:
    """Return whether the times themselves jump there, by more than bytes explain."""
    assert fit.switch is not None
    assert fit.jump_s is not None
    before, after = (float(np.median(times.alone_s[times.alone_bytes == size])) for size in fit.switch)
    step = after - before - float(np.exp(fit.theta[1])) * (fit.switch[1] - fit.switch[0])
    return step > LOCAL * fit.jump_s > LOCAL * LEAST_JUMP * float(np.exp(fit.theta[0]))


def _start(times: MessageTimes) -> FloatArray:
    """Return a start: the fastest message, the rate of the largest, the fastest of a stream."""
    largest = int(np.argmax(times.alone_bytes))
    per_byte = times.alone_s[largest] / times.alone_bytes[largest]
    gap = times.stream_s.min(initial=times.alone_s.min())
    return np.log([times.alone_s.min(), per_byte, gap])


def _fit(times: MessageTimes, start: FloatArray, switch: tuple[float, float] | None) -> MessageFit:
    """Return the optimum near a start."""
    terms, measured = times.terms(switch), times.log_times()

    def residuals(theta: FloatArray) -> FloatArray:
        return np.asarray(np.log(np.exp(np.clip(theta, LOWEST, HIGHEST)) @ terms) - measured)

    def jacobian(theta: FloatArray) -> FloatArray:
        parts = np.exp(np.clip(theta, LOWEST, HIGHEST))[:, None] * terms
        return np.asarray((parts / parts.sum(axis=0)).T)

    found = least_squares(residuals, start, jac=jacobian, loss="cauchy", f_scale=F_SCALE, max_nfev=200)
    points, parameters = len(measured), len(start) + (switch is not None)
    bic = points * np.log(max(float(found.cost) / points, 1e-9)) + parameters * np.log(points)
    return MessageFit(theta=np.asarray(found.x), switch=switch, bic=float(bic))


def refits(times: MessageTimes, best: MessageFit, replicates: int, seed: int) -> FloatArray:
    """Return bootstrap samples of the parameters, shape (replicates, parameters); the first is the best fit.

    Sizes are drawn with replacement, all points of a size together; parameters move by reweighted
    Gauss-Newton steps, held weakly to the best fit where a draw leaves them without points.
    """
    rng = np.random.default_rng(seed)
    sizes, of = np.unique(np.concatenate((times.alone_bytes, times.stream_bytes)), return_inverse=True)
    weight = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), replicates - 1)[:, of]
    terms, measured = times.terms(best.switch), times.log_times()

    def derivatives(theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        parts = np.exp(np.clip(theta, LOWEST, HIGHEST))[:, :, None] * terms
        return np.log(parts.sum(axis=1)) - measured, parts / parts.sum(axis=1, keepdims=True)

    start = np.repeat(best.theta[None], replicates - 1, axis=0)
    pull = np.full(len(best.theta), F_SCALE**2)
    theta = refined(start, derivatives, weight.astype(float), best.theta, pull, NEWTON_STEPS, CAUCHY)
    return np.vstack([best.theta, theta])
