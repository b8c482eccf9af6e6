"""LogGP parameters of a level from messages there and back, and from streams of them.

    there and back, half      t(s) = L + 2o + (s-1) G            and J more above S, where a jump is seen
    a stream's message        t(s) = ((W-1) max(g, o) + 2 (L + 2o)) / W + (s-1) G

A stream is a window of W messages and an answer: the last byte of the window is there after (W-1) gaps
and a message, the answer takes another L + 2o. Only sums occur: L and o are never told apart, o lies
between 0 and half of L + 2o, and below the gap of a stream. Sizes s are in bytes, from one byte on.

The residual is log(modelled / measured) under a Cauchy loss, which forgets what is far off: protocols
between small and large messages follow no line, and must move neither L + 2o nor G. Parameters are
logarithms, intervals come from a bootstrap over sizes.

References
----------
Alexandrov et al. 1995, "LogGP". Hoefler, Lichei and Rehm 2007, "Low-overhead LogGP parameter
assessment" (Netgauge), which also takes a switch of protocol only where several sizes agree on it.
"""

import numpy as np

from nearlinear.calibrate.forms import MESSAGE, STREAM
from nearlinear.calibrate.message_times import WINDOW, MessageFit, MessageTimes, fit_messages, refits
from nearlinear.calibrate.points import Points, alike
from nearlinear.calibrate.uncertainty import normal_spread
from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import FitError
from nearlinear.models.hardware.loggp import MEASURED, LogGP, Parameter
from nearlinear.models.prediction import HIGH, LOW
from nearlinear.models.units import format_size, format_time

STREAMS = (STREAM, "contention")
FEWEST_SIZES = 4
SHOWN = 0.5  # share of some point's time that a parameter accounts for if that point shows it
APART = 1.25  # bytes of streams and of lone messages this far apart contradict one G
SLACK = 1.2  # by how much a jump may differ from the rendezvous of LogGOPS before it is said


def fit_loggp(points: Points, replicates: int, seed: int, notes: list[str]) -> tuple[LogGP, ...]:
    """Return the parameters of every level and transport whose messages were timed.

    Parameters
    ----------
    points : Points
        Of any operations; messages are picked out.
    replicates, seed : int
        Of the bootstrap.
    notes : list of str
        Gets why something is left out, doubtful or not told apart.
    """
    found = []
    messages = points[np.isin(points.operation, (MESSAGE, *STREAMS))]
    ways = dict.fromkeys(zip((messages.nodes > 1).tolist(), messages.transport.tolist(), strict=True))
    for network, transport in ways:
        level = "network" if network else "node"
        mine = messages[((messages.nodes > 1) == network) & (messages.transport == transport)]
        told: list[str] = []
        try:
            found.append(_fitted(mine, level, transport, replicates, seed, told))
        except FitError as error:
            told.append(f"{str(error).removeprefix('calibrate: ')}; left out")
        notes += [f"loggp {level}, {transport}: {note}" for note in told]
    return tuple(found)


def _fitted(
    points: Points, level: str, transport: str, replicates: int, seed: int, notes: list[str]
) -> LogGP:
    times = _times(points, notes)
    best = fit_messages(times)
    _check_shown(times, best)
    samples = refits(times, best, replicates, seed)
    notes += _doubts(times, best)
    half, per_byte = _interval(samples[:, 0]), _interval(samples[:, 1])
    gap = _interval(samples[:, 2]) if times.streams_small(best) else None
    overhead = Parameter.between(0.0, min(half.best / 2, gap.best if gap else np.inf))
    latency = half.best - 2 * overhead.best
    sizes = np.concatenate((times.alone_bytes, times.stream_bytes))
    return LogGP(
        level=level, transport=transport, half_round_trip_s=half, overhead_s=overhead,
        latency_s=Parameter(best=latency, low=half.best - 2 * overhead.high, high=half.best, known="bounded"),
        gap_s=gap or Parameter.assumed(overhead.best), gap_s_per_byte=per_byte,
        overhead_s_per_byte=Parameter.assumed(), rendezvous_bytes=_switch(best),
        spread=normal_spread(times.residuals(best)),
        low_bytes=float(sizes.min()), high_bytes=float(sizes.max()),
    )  # fmt: skip


def _interval(logarithms: FloatArray) -> Parameter:
    """Return the interval of samples whose first is the best fit."""
    values = np.exp(logarithms)
    low, high = np.percentile(values, [LOW, HIGH])
    best = float(values[0])
    return Parameter(best=best, low=min(best, float(low)), high=max(best, float(high)), known=MEASURED)


def _switch(best: MessageFit) -> Parameter | None:
    """Return S: the largest size before the jump, which may lie anywhere up to the next."""
    if best.switch is None:
        return None
    return Parameter(best=best.switch[0], low=best.switch[0], high=best.switch[1], known=MEASURED)


def _times(points: Points, notes: list[str]) -> MessageTimes:
    """Return the times of lone messages and of streams that have their adapters to themselves."""
    alone = alike(points[points.operation == MESSAGE], [])
    streams = alike(points[np.isin(points.operation, STREAMS)], [])
    own = (streams.ranks == 2) | (streams.ranks == streams.nodes)  # a pair, or one rank on each node
    if not own.all():
        notes.append("streams of several pairs of ranks on two nodes share them and are left out")
    streams = streams[own]
    sizes = len(np.unique(alone.size_bytes))
    if sizes < FEWEST_SIZES:
        rule = f"needs at least {FEWEST_SIZES} sizes of messages there and back to tell L + 2o and G"
        raise FitError("calibrate", rule, got=sizes, remedy="measure --ops sendrecv,bandwidth")
    return MessageTimes(
        alone_bytes=alone.size_bytes, alone_s=alone.time_s,
        stream_bytes=streams.size_bytes, stream_s=streams.time_s,
    )  # fmt: skip


def _check_shown(times: MessageTimes, best: MessageFit) -> None:
    """Refuse a sweep that shows no small message, or no large one.

    Raises
    ------
    FitError
        Names the parameter that nothing shows.
    """
    least, most = times.alone_bytes.min(), max(times.alone_bytes.max(), times.stream_bytes.max(initial=0))
    half, per_byte = np.exp(best.theta[:2])
    if half < SHOWN * (half + least * per_byte):
        raise FitError("calibrate", "L + 2o is not identified, bytes take most of the time even of"
                       f" {format_size(least)}", remedy="sweep from 1 byte or 1K")  # fmt: skip
    if most * per_byte < SHOWN * (half + most * per_byte):
        raise FitError("calibrate", f"G is not identified, {format_size(most)} take little longer than"
                       " nothing", remedy="sweep to larger sizes")  # fmt: skip


def _doubts(times: MessageTimes, best: MessageFit) -> list[str]:
    """Return what the times leave open, or contradict."""
    notes = []
    if not times.streams_small(best):
        notes.append("g is assumed, no stream of small messages was timed; measure --ops bandwidth")
    half, jump = float(np.exp(best.theta[0])), best.jump_s
    ratio = times.stream_over_alone(half + (jump or 0.0))
    if not 1 / APART < ratio < APART:
        notes.append(f"doubtful: a byte of a large stream takes {ratio:.2f} times that of a lone message")
    if jump is not None and not half / SLACK < jump < 2 * half * SLACK:
        asked = f"{format_time(half)} to {format_time(2 * half)}"
        notes.append(f"doubtful: the jump at S is {format_time(jump)}, asking first takes {asked}")
    return notes


__all__ = ["WINDOW", "fit_loggp"]
