"""The reference workloads R(N) and D(N) under LogGOPS, exactly; rendezvous by hand."""

import numpy as np
import pytest

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.collectives.schedule import Phase, Schedule
from nearlinear.models.errors import SpecError
from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.simulator.engines import Engine, run_schedule
from nearlinear.simulator.exchange import Outcome, Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.rounds.engine import Way, run_packed
from nearlinear.simulator.rounds.packing import Packed

PARAMETERS = "L=2500,o=1500,g=1000,G=6,O=0,S=inf"
CHUNK = 1024
NS = 1000  # ticks
RING = {64: 1_466_388, 256: 5_935_380, 1024: 23_811_348, 2048: 47_645_972}
HALVING = {64: 840_072, 256: 3_221_344, 1024: 12_680_504}


def _lone(name: str, ranks: int) -> Packed:
    schedule = ALGORITHMS[name].schedule_for(ranks, Choices())
    fabric = Fabric.of_loggops(LogGOPS.of(PARAMETERS), ranks)
    return Packed(schedule, fabric, Vector(elements=ranks * CHUNK, element_bytes=1))


def _check(outcome: Outcome, makespan_ns: int, messages: int) -> None:
    assert (outcome.end_ticks == makespan_ns * NS).all()  # symmetric ranks end together
    assert outcome.messages == messages


def _small(engine: str, ranks: int) -> bool:
    return ranks <= 64 or (engine != "simpy" and ranks <= 1024)


CASES = [
    pytest.param(engine, ranks, marks=() if _small(engine, ranks) else pytest.mark.slow)
    for engine in ("rounds", "events", "simpy")
    for ranks in (8, 9, 10, *RING)
    if engine != "simpy" or ranks <= 256
]


@pytest.mark.parametrize(("engine", "ranks"), CASES)
def test_ring(engine: str, ranks: int) -> None:
    """2 (N-1) rounds of L + 2 o + (s-1) G = 2500 + 3000 + 1023 x 6 = 11,638 ns."""
    expected = 2 * (ranks - 1) * 11_638
    assert RING.get(ranks, expected) == expected
    _check(run_schedule(Engine.of(engine), _lone("ring", ranks)), expected, 2 * ranks * (ranks - 1))


@pytest.mark.parametrize("ranks", [64, 256, 1024])
@pytest.mark.parametrize("engine", ["rounds", "events", "simpy"])
def test_halving_doubling(engine: str, ranks: int) -> None:
    if engine == "simpy" and ranks > 256:
        return
    expected = HALVING[ranks]
    steps = ranks.bit_length() - 1
    _check(run_schedule(Engine.of(engine), _lone("halving-doubling", ranks)), expected, 2 * ranks * steps)


@pytest.mark.parametrize("way", [Way(compile=False), Way(compile=True), Way(compile=True, repeats=False)])
@pytest.mark.parametrize("ranks", [8, 9, 64, 256])
def test_ways_of_the_round_engine(way: Way, ranks: int) -> None:
    _check(run_packed(_lone("ring", ranks), way=way), 2 * (ranks - 1) * 11_638, 2 * ranks * (ranks - 1))


def _pair(parameters: str, elements: int, sends: int = 1) -> Packed:
    """Rank 0 sends to rank 1 (and 2), one message each, in one round."""
    phase = Phase(
        source=np.zeros(sends, dtype=np.int64), destination=np.arange(1, sends + 1),
        chunk=np.zeros(sends, dtype=np.int64), reduce=False,
    )  # fmt: skip
    schedule = Schedule(workers=sends + 1, phases=lambda: iter([phase]))
    fabric = Fabric.of_loggops(LogGOPS.of(parameters), sends + 1)
    return Packed(schedule, fabric, Vector(elements=elements, element_bytes=1))


@pytest.mark.parametrize("engine", ["rounds", "events", "simpy"])
@pytest.mark.parametrize(
    ("start", "ends"),
    [
        # Request leaves at 0 and arrives at o + L = 4,000; the receive is posted since 0: granted at 4,000.
        # The grant arrives at 8,000: data leave. Sender done at 8,000 + o + 99 O = 9,698;
        # they arrive at 12,000, and 1,500 + 99 x max(2, 6) = 2,094 later rank 1 is done.
        ([0, 0], [9_698, 14_094]),
        # Rank 1 comes at 10,000: granted then, data leave at 14,000.
        ([0, 10_000], [15_698, 20_094]),
    ],
)
def test_rendezvous_by_hand(engine: str, start: list[int], ends: list[int]) -> None:
    packed = _pair("L=2500,o=1500,g=1000,G=6,O=2,S=99", 100)
    starts: IntArray = np.array(start) * NS
    assert run_schedule(Engine.of(engine), packed, starts).end_ticks[0].tolist() == [e * NS for e in ends]


@pytest.mark.parametrize("engine", ["rounds", "events", "simpy"])
def test_eager_at_the_threshold_by_hand(engine: str) -> None:
    """S = 100 bytes: 100 go at once. Sender 1,500 + 198; arrival 4,000, handled 2,094 later."""
    packed = _pair("L=2500,o=1500,g=1000,G=6,O=2,S=100", 100)
    assert run_schedule(Engine.of(engine), packed).end_ticks[0].tolist() == [1_698 * NS, 6_094 * NS]


def test_several_requests_of_a_rank_need_events() -> None:
    packed = _pair("L=2500,o=1500,g=1000,G=6,O=0,S=10", 100, sends=2)
    with pytest.raises(SpecError, match=r"--loggops: messages above S must be the only ones"):
        run_packed(packed)
    events, simpy = (
        run_schedule(Engine.of(name), packed).end_ticks[0].tolist() for name in ("events", "simpy")
    )
    assert events == simpy


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("L=1,o=1", "--loggops: needs g, G, O, S"),
        ("L=1,o=1,g=1,G=1,O=0,S=inf,X=2", "--loggops: must be one of L, o, g, G, O, S"),
        ("L=1,L=1,o=1,g=1,G=1,O=0,S=1", "--loggops: must give each parameter once"),
        ("L=-1,o=1,g=1,G=1,O=0,S=1", "--loggops: L: must be a number >= 0, got '-1'"),
        ("L=inf,o=1,g=1,G=1,O=0,S=1", "--loggops: L: must be a number >= 0, got 'inf'"),
        ("L=one,o=1,g=1,G=1,O=0,S=1", "--loggops: L: must be a number >= 0, got 'one'"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(SpecError) as refused:
        LogGOPS.of(text)
    assert message in str(refused.value)
