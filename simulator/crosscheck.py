"""Two engines on one run: they must agree to the tick where they mean the same, and say so where not."""

from dataclasses import dataclass

import numpy as np

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import SelfCheckError, SpecError
from nearlinear.simulator.engines import Engine, run_schedule
from nearlinear.simulator.fabrics.fabric import contention_free
from nearlinear.simulator.rounds.packing import Packed
from nearlinear.simulator.rounds.tally import Tally

TOLERATED = 0.05  # of a makespan by flow that one by round may differ before a run says so
MOST_CHECKED = 100_000  # messages that are executed again to compare the two ways of sharing
MOST_AGAIN = {"simpy": 300_000, "events": 30_000_000, "rounds": 10**12}


def counterpart(engine: Engine) -> Engine:
    """Return the other engine that means the same."""
    if engine.flow:
        return Engine(name="simpy" if engine.name == "events" else "events", sharing="flow")
    return Engine(name="rounds" if engine.name != "rounds" else "events", sharing="round")


def check_against(engine: Engine, ends: IntArray, other: IntArray, second: Engine) -> str:
    """Return what was found where two engines end every rank at the same tick.

    Raises
    ------
    SelfCheckError
        They do not.
    """
    if not (ends == other).all():
        rank = int(np.argmax(ends != other))
        rule = f"rank {rank} must end at the same tick by {engine.title} and {second.title}"
        raise SelfCheckError("simulator", rule, got=(int(ends[rank]), int(other[rank])))
    return f"{second.title} ends every rank at the same tick"


def cross_check(engine: Engine, packed: Packed, start_ticks: IntArray, ends: IntArray) -> str:
    """Return what another engine says of a schedule in its first sample; see :func:`check_against`."""
    second = counterpart(engine)
    check_size(second, Tally.of(packed).messages)
    return check_against(engine, ends, run_schedule(second, packed, start_ticks).end_ticks[0], second)


def check_size(second: Engine, messages: int) -> None:
    """Refuse to execute again what would take the other engine too long."""
    if messages > MOST_AGAIN[second.name]:
        raise SpecError(
            "--cross-check",
            f"{second.name} would execute {messages:,} messages, more than {MOST_AGAIN[second.name]:,}",
            remedy="ask for fewer ranks or devices",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingCheck:
    """How far sharing by round is from sharing by flow.

    Attributes
    ----------
    excess : float or None
        Makespan by round over that by flow, less 1; None where it was not found out.
    messages : int
        Messages of the run.
    """

    excess: float | None
    messages: int

    @property
    def warning(self) -> str | None:
        """What a reader must know, if anything."""
        if self.excess is None:
            return (
                f"messages share links, and sharing by round was not compared with flow for"
                f" {self.messages:,} messages; --engine events shares by flow"
            )
        if abs(self.excess) <= TOLERATED:
            return None
        return f"sharing by round takes {self.excess:+.1%} against flow here; --engine events shares by flow"

    @property
    def finding(self) -> str:
        """What was found, in a line."""
        return "" if self.excess is None else f"sharing by round is {self.excess:+.2%} from flow"


def check_sharing(packed: Packed, start_ticks: IntArray, makespan_ticks: int) -> SharingCheck | None:
    """Return how the round discipline compares with flow; None where nothing shares a link.

    Parameters
    ----------
    packed : Packed
        What ran; its first sample is compared.
    start_ticks : ndarray of int, shape (ranks,)
        When ranks started.
    makespan_ticks : int
        By round.
    """
    if packed.fabric.loggops is not None or contention_free(packed.schedule, packed.fabric):
        return None
    messages = Tally.of(packed).messages
    if messages > MOST_CHECKED:
        return SharingCheck(excess=None, messages=messages)
    flow = run_schedule(Engine(name="events", sharing="flow"), packed, start_ticks).end_ticks.max()
    return SharingCheck(excess=makespan_ticks / max(int(flow), 1) - 1.0, messages=messages)
