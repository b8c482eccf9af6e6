"""The event loop of *flow* against SimPy, tick by tick, and two cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearlinear.models.arrays import FloatArray, IntArray
from nearlinear.simulator.programs.events import run_events, run_flows
from nearlinear.simulator.programs.processes import run_processes
from nearlinear.simulator.programs.program import COMPUTE, RECEIVE, SEND, Messages, Program

NO_LINK = -1
FAST = 1000.0  # capacity of a link that cannot bind
both_ways = pytest.mark.parametrize("compile", [False, True], ids=["written", "compiled"])


def _program(
    pairs: list[tuple[int, int]], links: list[list[int]], work: list[int], *, begin: list[int],
    latency: list[int] | None = None, share: FloatArray | None = None, limit: list[float] | None = None,
    fence: int = 0, grouped: bool = False, pause: int = 0,
) -> Program:  # fmt: skip
    """Return ranks that send what they send, one stream each, and receive in a second one.

    With ``pause`` a rank computes before it begins to receive, which the first receive waits for; with
    ``grouped`` it expects all messages at once.
    """
    ranks, count = len(begin), len(pairs)
    kind: list[int] = []
    message: list[int] = []
    post: list[int] = []
    waits: list[int] = []
    first = [0]
    ends = np.zeros((2, count), dtype=np.int64)
    for rank in range(ranks):
        for side, which in ((0, SEND), (1, RECEIVE)):
            lead = len(kind) + (side == 1 and pause > 0)
            if side == 1 and pause:
                kind.append(COMPUTE)
                message.append(-1)
                post.append(len(post))
                waits.append(0)
            for m in [m for m in range(count) if pairs[m][side] == rank]:
                ends[side, m] = len(kind)
                post.append(lead if grouped and side == 1 else len(kind))
                waits.append(int(side == 1 and pause > 0 and post[-1] == len(kind)))
                kind.append(which)
                message.append(m)
            first.append(len(kind))
    starts = np.concatenate(([0], np.cumsum(waits))).astype(np.int64)
    kinds = np.array(kind, dtype=np.uint8)
    computes = np.flatnonzero(kinds == COMPUTE)
    streams = np.searchsorted(np.array(first), np.flatnonzero(waits), side="right") - 1
    wait = np.array([computes[np.array(first)[s] <= computes][0] for s in streams], dtype=np.int64)
    return Program(
        ranks=ranks, stream_rank=np.repeat(np.arange(ranks), 2), first=np.array(first),
        begin_ticks=np.repeat(np.array(begin, dtype=np.int64), 2), kind=kinds,
        ticks=np.where(kinds == COMPUTE, pause, 0), message=np.array(message, dtype=np.int32),
        fence=np.where(kinds == SEND, fence, 0).astype(np.uint8), post=np.array(post, dtype=np.int32),
        wait_first=starts, wait=wait,
        messages=_messages(pairs, ends, links, work, latency, share, limit),
    )  # fmt: skip


def _messages(
    pairs: list[tuple[int, int]], ends: IntArray, links: list[list[int]], work: list[int],
    latency: list[int] | None, share: FloatArray | None, limit: list[float] | None,
) -> Messages:  # fmt: skip
    count = len(pairs)
    return Messages(
        send=ends[0], receive=ends[1], source=np.array([s for s, _ in pairs], dtype=np.int64),
        destination=np.array([d for _, d in pairs], dtype=np.int64),
        size_bytes=np.array(work, dtype=np.int64),
        latency=np.zeros(count, dtype=np.int64) if latency is None else np.array(latency, dtype=np.int64),
        work=np.array(work, dtype=np.int64), handling=np.zeros(count, dtype=np.int64),
        slowdown=np.ones(count), links=np.array(links, dtype=np.int64).reshape(count, -1),
        share=np.ones((1, 1)) if share is None else share,
        limit=np.ones(count) if limit is None else np.array(limit),
    )  # fmt: skip


@both_ways
def test_a_second_flow_starts_half_way(compile: bool) -> None:
    """100 at rate 1; the second joins at 50: both at 1/2, so 50 left take 100; then 50 at rate 1."""
    program = _program([(0, 1), (2, 3)], [[0], [0]], [100, 100], begin=[0, 0, 50, 0])
    execution, counts = run_flows(program, np.array([1.0]), compile=compile)
    sends = execution.done_ticks[program.messages.send]
    assert sends.tolist() == [150, 200]
    # both start, both end; rates are solved at 0, 50, 150 for 1, 2, 1 flows: a lone flow frees nobody
    assert (counts.events, counts.solutions, counts.solved) == (4, 3, 4)


@both_ways
def test_a_chain_of_three(compile: bool) -> None:
    """0 and 1 share link 0, 1 and 2 share link 1, all at 1/2.

    The first ends its 10 at 20. The second has 30 of its 40 left, still at 1/2: 2 holds it back.
    The third ends its 20 at 40; the second has 20 left and now rate 1: it ends at 60.
    """
    pairs, links = [(0, 1), (2, 3), (4, 5)], [[0, NO_LINK], [0, 1], [1, NO_LINK]]
    program = _program(pairs, links, [10, 40, 20], begin=[0] * 6)
    execution = run_events(program, np.array([1.0, 1.0]), compile=compile)
    assert execution.done_ticks[program.messages.send].tolist() == [20, 60, 40]


@both_ways
def test_no_work_and_no_links(compile: bool) -> None:
    """Without work only the latency counts: 3 + 5; without links the limit: 8 + 5 + 12 / 0.5."""
    program = _program(
        [(0, 1), (0, 1)], [[0], [NO_LINK]], [0, 12], begin=[3, 0], latency=[5, 5], limit=[1.0, 0.5]
    )
    execution = run_events(program, np.array([1.0]), compile=compile)
    assert execution.done_ticks[program.messages.send].tolist() == [8, 37]


@st.composite
def _programs(draw: st.DrawFn) -> tuple[Program, FloatArray]:
    """Draw up to 14 messages among 2 to 5 ranks over up to 5 links; few values, so that ticks coincide."""
    ranks, count = draw(st.integers(2, 5)), draw(st.integers(1, 14))
    hops, total = draw(st.integers(1, 4)), draw(st.integers(4, 6))
    rank = st.integers(0, ranks - 1)
    pairs = draw(st.lists(st.tuples(rank, rank), min_size=count, max_size=count))
    if draw(st.booleans()):
        pairs = [pairs[0]] * count  # many between the same two
    route = st.permutations(range(total)).flatmap(
        lambda order: st.lists(st.booleans(), min_size=hops, max_size=hops).map(
            lambda used: [link if use else NO_LINK for link, use in zip(order, used, strict=False)]
        )
    )

    def column(values: st.SearchStrategy[int]) -> list[int]:
        return draw(st.lists(values, min_size=count, max_size=count))

    part = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])
    shares = draw(st.lists(part, min_size=count * hops, max_size=count * hops))
    program = _program(
        pairs,
        draw(st.lists(route, min_size=count, max_size=count)),
        column(st.one_of(st.sampled_from([0, 1, 12, 24]), st.integers(0, 3000))),
        begin=draw(st.lists(st.integers(0, 30), min_size=ranks, max_size=ranks)),
        latency=column(st.sampled_from([0, 1, 7])),
        share=np.array(shares).reshape(count, hops) if draw(st.booleans()) else None,
        limit=draw(st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=count, max_size=count)),
        fence=draw(st.integers(0, 1)),
        grouped=draw(st.booleans()),
        pause=draw(st.sampled_from([0, 0, 9])),
    )
    capacity = draw(st.lists(st.sampled_from([0.7, 1.0, 2.0, FAST]), min_size=total, max_size=total))
    return program, np.array(capacity)


@both_ways
def test_random_programs(compile: bool) -> None:
    """Ties in time, no work, many messages of a pair, shares, links that cannot bind: SimPy's ticks."""

    @settings(max_examples=150)
    @given(_programs())
    def check(case: tuple[Program, FloatArray]) -> None:
        program, capacity = case
        found = run_events(program, capacity, compile=compile)
        expected = run_processes(program, capacity)
        assert expected.begin_ticks.tolist() == found.begin_ticks.tolist()
        assert expected.done_ticks.tolist() == found.done_ticks.tolist()

    check()


@both_ways
def test_many_flows_at_once(compile: bool) -> None:
    """60 flows over 6 links, limits that differ: heaps made anew and by single changes agree with SimPy."""
    rng = np.random.default_rng(0)
    count = 60
    pairs = [(int(a), int(b)) for a, b in rng.integers(0, 12, (count, 2))]
    routes = [rng.permutation(6)[:2].tolist() for _ in range(count)]
    program = _program(
        pairs, routes, rng.integers(1, 500, count).tolist(), begin=rng.integers(0, 200, 12).tolist(),
        limit=rng.choice([0.25, 0.5, 1.0], count).tolist(), grouped=True,
    )  # fmt: skip
    capacity = np.array([0.7, 1.0, 1.5, 2.0, 3.0, FAST])
    found, expected = run_events(program, capacity, compile=compile), run_processes(program, capacity)
    assert expected.done_ticks.tolist() == found.done_ticks.tolist()
