"""Engines on one schedule, tick by tick: rounds = events = SimPy, by round and by flow, under LogGOPS."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import SpecError
from nearlinear.simulator.engines import Engine, run_schedule
from nearlinear.simulator.noise import Noise
from nearlinear.simulator.programs.assembly import expand
from nearlinear.simulator.programs.events import run_events, run_events_loggops
from nearlinear.simulator.programs.execution import Execution
from nearlinear.simulator.programs.processes import run_processes
from nearlinear.simulator.programs.program import Program
from nearlinear.simulator.rounds.engine import Way, run_packed
from nearlinear.simulator.rounds.packing import Packed
from nearlinear.simulator.rounds.tally import Tally
from tests.agreement.cases import Drawn, draw, draw_loggops

FEW, MANY = 60, 3000
SEED = st.integers(0, 2**31)
COUNTS = [
    pytest.param(FEW, id="few"),
    pytest.param(MANY, id="many", marks=pytest.mark.slow),
]
WAYS = (Way(compile=False), Way(compile=True), Way(compile=True, repeats=False))


def _ends(name: str, sharing: str, packed: Packed, start: IntArray) -> list[int]:
    ends: list[int] = run_schedule(Engine(name=name, sharing=sharing), packed, start).end_ticks[0].tolist()
    return ends


@pytest.mark.parametrize("count", COUNTS)
def test_by_round_all_engines_agree(count: int) -> None:
    @settings(max_examples=count)
    @given(SEED)
    def check(seed: int) -> None:
        drawn = draw(seed)
        expected = _ends("simpy", "round", drawn.packed, drawn.start)
        for way in WAYS:
            assert run_packed(drawn.packed, drawn.start, way=way).end_ticks[0].tolist() == expected
        assert _ends("events", "round", drawn.packed, drawn.start) == expected

    check()


@pytest.mark.parametrize("count", COUNTS)
def test_by_flow_events_and_simpy_agree(count: int) -> None:
    @settings(max_examples=count)
    @given(SEED, st.booleans())
    def check(seed: int, compile: bool) -> None:
        drawn = draw(seed)
        program = expand(drawn.packed, drawn.start)
        capacity = drawn.packed.fabric.link_capacity
        events, simpy = run_events(program, capacity, compile=compile), run_processes(program, capacity)
        assert events.begin_ticks.tolist() == simpy.begin_ticks.tolist()
        assert events.done_ticks.tolist() == simpy.done_ticks.tolist()

    check()


def _ends_or_refused(drawn: Drawn, way: Way) -> list[int] | None:
    """Return ends by rounds, or None where a rank asks for several messages in one round."""
    try:
        ends: list[int] = run_packed(drawn.packed, drawn.start, way=way).end_ticks[0].tolist()
    except SpecError as refused:
        if "the only ones that a rank sends" in str(refused):
            return None
        raise
    return ends


@pytest.mark.parametrize("count", COUNTS)
def test_under_loggops_all_engines_agree(count: int) -> None:
    @settings(max_examples=count)
    @given(SEED)
    def check(seed: int) -> None:
        drawn = draw_loggops(seed)
        expected = _ends("simpy", "round", drawn.packed, drawn.start)
        assert _ends("events", "round", drawn.packed, drawn.start) == expected
        for way in WAYS:
            found = _ends_or_refused(drawn, way)
            assert found in (expected, None)

    check()


@settings(max_examples=40)
@given(SEED, st.integers(2, 40), st.booleans())
def test_lanes_are_samples(seed: int, samples: int, noisy: bool) -> None:
    """Samples side by side, each with its own starts and paces, equal NumPy and the same samples alone."""
    packed = draw(seed).packed
    noise = Noise(cpu=0.2, link=0.3, start_s=1e-4) if noisy else Noise(start_s=1e-4)
    starts, paces = noise.draw(samples, packed.schedule.ranks, seed)
    packed = Packed(packed.schedule, packed.fabric, packed.vector, unequal=noisy)
    expected = run_packed(packed, starts, paces, Way(compile=False)).end_ticks
    assert (run_packed(packed, starts, paces, Way(compile=True)).end_ticks == expected).all()
    row = slice(samples // 2, samples // 2 + 1)
    alone = run_packed(packed, starts[row], None if paces is None else paces.rows(row), Way(compile=True))
    assert (alone.end_ticks == expected[row]).all()


@settings(max_examples=40)
@given(SEED, st.booleans())
def test_the_order_of_streams_means_nothing(seed: int, loggops: bool) -> None:
    drawn = draw_loggops(seed) if loggops else draw(seed)
    program, rng = expand(drawn.packed, drawn.start), np.random.default_rng(seed)
    order = rng.permutation(program.streams)
    shuffled = _reordered(program, order)

    def run(made: Program) -> Execution:
        if loggops:
            assert drawn.packed.fabric.loggops is not None
            return run_events_loggops(made, drawn.packed.fabric.loggops)
        return run_events(made, drawn.packed.fabric.link_capacity)

    assert run(shuffled).rank_ends(shuffled).tolist() == run(program).rank_ends(program).tolist()


def _reordered(program: Program, order: IntArray) -> Program:
    """Return a program whose streams stand in another order."""
    spans = [np.arange(program.first[s], program.first[s + 1]) for s in order]
    picked = np.concatenate(spans) if spans else np.empty(0, dtype=np.int64)
    place = np.empty(len(program), dtype=np.int64)
    place[picked] = np.arange(len(picked))
    messages = replace(
        program.messages, send=place[program.messages.send], receive=place[program.messages.receive]
    )
    return replace(
        program, stream_rank=program.stream_rank[order], begin_ticks=program.begin_ticks[order],
        first=np.concatenate(([0], np.cumsum([len(span) for span in spans]))), kind=program.kind[picked],
        ticks=program.ticks[picked], message=program.message[picked], fence=program.fence[picked],
        post=place[program.post[picked]].astype(np.int32), messages=messages,
    )  # fmt: skip


@settings(max_examples=60)
@given(SEED)
def test_packing_moves_what_the_schedule_says(seed: int) -> None:
    packed = draw(seed).packed
    bounds = packed.schedule.chunk_bounds(packed.vector.elements)
    expected = []
    for phase in packed.schedule.phases():
        for transfers in phase:
            elements = bounds[transfers.chunk + transfers.chunks] - bounds[transfers.chunk]
            keep = (elements > 0) & (transfers.source != transfers.destination)
            rows = zip(transfers.source[keep], transfers.destination[keep], elements[keep], strict=True)
            if keep.any():
                expected.append(sorted((int(s), int(d), int(e)) for s, d, e in rows))
    found = []
    for part in packed.parts():
        for whole in part.phases:
            for source, destination, group in whole.moves():
                rows = zip(source, destination, whole.classes.elements[group], strict=True)
                if len(source):
                    found.append(sorted((int(s), int(d), int(e)) for s, d, e in rows))
    assert found == expected
    tally = Tally.of(packed)
    assert tally.messages == sum(map(len, expected))
    for rank in range(packed.schedule.ranks):
        assert tally.sent_elements[rank] == sum(e for r in expected for s, _, e in r if s == rank)
        assert tally.received_elements[rank] == sum(e for r in expected for _, d, e in r if d == rank)
