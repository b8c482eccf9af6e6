"""Random programs with several streams per rank: the loops of the event engine equal SimPy, tick by tick."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import ContentError
from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.simulator.programs.events import run_events, run_events_loggops
from nearlinear.simulator.programs.execution import Execution
from nearlinear.simulator.programs.overheads import run_processes_loggops
from nearlinear.simulator.programs.processes import run_processes
from nearlinear.simulator.programs.program import COMPUTE, RECEIVE, SEND, Messages, Program
from nearlinear.simulator.programs.program_path import program_path

FEW, MANY = 80, 3000
COUNTS = [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.slow)]
LINKS = 5


def _program(seed: int) -> Program:
    """Return computes and messages told in one global order, in which nothing can wait for ever.

    Sends come in their stream before anything later; a receive after its send; waits lead back.
    """
    rng = np.random.default_rng(seed)
    ranks, each = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    stream_rank = np.repeat(np.arange(ranks), each)
    told: list[tuple[int, int, int, int]] = []  # stream, kind, ticks, message
    count = 0
    for _ in range(int(rng.integers(0, 25))):
        stream = int(rng.integers(len(stream_rank)))
        if rng.random() < 0.4:
            told.append((stream, COMPUTE, int(rng.integers(0, 5)), -1))
            continue
        told.append((stream, SEND, 0, count))
        told.append((int(rng.integers(len(stream_rank))), RECEIVE, 0, count))
        count += 1
    order = np.argsort([entry[0] for entry in told], kind="stable") if told else np.empty(0, dtype=np.int64)
    place = np.empty(len(told), dtype=np.int64)
    place[order] = np.arange(len(told))
    columns = [np.array([entry[i] for entry in told], dtype=np.int64)[order] for i in range(4)]
    waits = _waits(rng, told, stream_rank, place)
    return Program(
        ranks=ranks, stream_rank=stream_rank,
        first=np.searchsorted(columns[0], np.arange(len(stream_rank) + 1)),
        begin_ticks=rng.integers(0, 6, len(stream_rank)), kind=columns[1].astype(np.uint8), ticks=columns[2],
        message=columns[3].astype(np.int32), fence=np.zeros(len(told), dtype=np.uint8),
        post=np.arange(len(told), dtype=np.int32),
        wait_first=np.concatenate(([0], np.cumsum([len(w) for w in waits]))),
        wait=np.array([w for some in waits for w in some], dtype=np.int64),
        messages=_messages(rng, told, stream_rank, place, count),
    )  # fmt: skip


def _waits(
    rng: np.random.Generator,
    told: list[tuple[int, int, int, int]],
    stream_rank: IntArray,
    place: IntArray,
) -> list[list[int]]:
    """Return what every operation waits for: computes told before it on its own rank."""
    found: list[list[int]] = [[] for _ in told]
    for here, (stream, *_) in enumerate(told):
        if rng.random() < 0.6 or here == 0:
            continue
        other = int(rng.integers(here))
        if told[other][1] == COMPUTE and stream_rank[told[other][0]] == stream_rank[stream]:
            target = int(place[other])
            found[place[here]].append(target if rng.random() < 0.6 else ~target)
    return found


def _messages(
    rng: np.random.Generator, told: list[tuple[int, int, int, int]], stream_rank: IntArray,
    place: IntArray, count: int,
) -> Messages:  # fmt: skip
    ends = np.zeros((2, count), dtype=np.int64)
    ranks = np.zeros((2, count), dtype=np.int64)
    for here, (stream, kind, _, message) in enumerate(told):
        if kind != COMPUTE:
            ends[kind - SEND, message], ranks[kind - SEND, message] = place[here], stream_rank[stream]
    links = np.argsort(rng.random((count, LINKS)), axis=1)[:, :3]
    links[rng.random(links.shape) < 0.3] = -1
    share = np.ones((1, 1)) if rng.random() < 0.5 else rng.choice([0.25, 0.5, 1.0], links.shape)
    return Messages(
        send=ends[0], receive=ends[1], source=ranks[0], destination=ranks[1],
        size_bytes=rng.integers(0, 60, count), latency=rng.integers(0, 4, count),
        work=rng.integers(0, 12, count), handling=rng.integers(0, 3, count),
        slowdown=rng.choice([1.0, 1.5, 3.0], count), links=links, share=share,
        limit=rng.choice([1.0, 0.5], count),
    )  # fmt: skip


def _equal(one: Execution, other: Execution) -> None:
    assert one.begin_ticks.tolist() == other.begin_ticks.tolist()
    assert one.done_ticks.tolist() == other.done_ticks.tolist()


def _same_or_deadlock(run: object, reference: object) -> Execution | None:
    """Return the execution where both end alike: with the same ticks, or in a deadlock."""
    assert callable(run)
    assert callable(reference)
    try:
        expected = reference()
    except ContentError:
        with pytest.raises(ContentError, match="deadlock"):
            run()
        return None
    found: Execution = run()
    _equal(found, expected)
    return found


@pytest.mark.parametrize("count", COUNTS)
def test_graphs_by_round_and_by_flow(count: int) -> None:
    capacity = np.array([0.5, 1.0, 1.0, 2.0, 4.0])

    @settings(max_examples=count)
    @given(st.integers(0, 2**31), st.booleans())
    def check(seed: int, compile: bool) -> None:
        program = _program(seed)
        for links in (None, capacity):
            found = _same_or_deadlock(
                lambda links=links: run_events(program, links, compile=compile),
                lambda links=links: run_processes(program, links),
            )
            if found is not None:
                path = program_path(program, found)
                assert sum(path.parts.values()) == found.makespan_ticks

    check()


@pytest.mark.parametrize("count", COUNTS)
def test_streams_share_an_adapter(count: int) -> None:
    @settings(max_examples=count)
    @given(st.integers(0, 2**31), st.booleans(), st.integers(0, 9), st.sampled_from(["inf", "20"]))
    def check(seed: int, compile: bool, gap: int, most: str) -> None:
        program = _program(seed)
        loggops = LogGOPS.of(f"L=0.004,o=0.002,g=0.00{gap},G=0.001,O=0,S={most}")
        found = _same_or_deadlock(
            lambda: run_events_loggops(program, loggops, compile=compile),
            lambda: run_processes_loggops(program, loggops),
        )
        if found is not None:
            path = program_path(program, found, loggops)
            assert sum(path.parts.values()) == found.makespan_ticks

    check()


def test_a_deadlock_names_who_waits_for_whom() -> None:
    """Both ranks receive before they send."""
    kind = np.array([RECEIVE, SEND, RECEIVE, SEND], dtype=np.uint8)
    none = np.empty(0, dtype=np.int64)
    two = np.zeros(2, dtype=np.int64)
    messages = Messages(
        send=np.array([1, 3]), receive=np.array([2, 0]), source=np.array([0, 1]),
        destination=np.array([1, 0]), size_bytes=two, latency=two, work=two, handling=two,
        slowdown=np.ones(2), links=np.empty((2, 0), dtype=np.int64), share=np.ones((1, 1)),
        limit=np.ones(2),
    )  # fmt: skip
    program = Program(
        ranks=2, stream_rank=np.arange(2), first=np.array([0, 2, 4]), begin_ticks=two, kind=kind,
        ticks=np.zeros(4, dtype=np.int64), message=np.array([1, 0, 0, 1], dtype=np.int32),
        fence=np.zeros(4, dtype=np.uint8), post=np.arange(4, dtype=np.int32),
        wait_first=np.zeros(5, dtype=np.int64), wait=none, messages=messages,
    )  # fmt: skip
    expected = "a.goal: deadlock: rank 0 waits in receive from rank 1; rank 1 waits in receive from rank 0"
    for run in (run_events, run_processes):
        with pytest.raises(ContentError) as refused:
            run(program, None, "a.goal")
        assert str(refused.value) == expected
        assert refused.value.exit_code == 3
