"""The sampling loop: cells, rounds, the end, and what a sample says; ranks are threads."""

from typing import Any

import numpy as np
import pytest

from nearlinear.measure.cells import PIPELINED, Company
from nearlinear.measure.elements import element_type
from nearlinear.measure.operations.operation import Operation, Workspace
from nearlinear.measure.operations.table import Wanted, Ways, find_operations
from nearlinear.measure.pattern import Pattern
from nearlinear.measure.placement import Placement
from nearlinear.measure.protocol.clocks import Clocks, compare
from nearlinear.measure.protocol.starts import BarrierStart, Start, WindowStart
from nearlinear.measure.protocol.stopping import Stopping
from nearlinear.measure.protocol.visit import Crew
from nearlinear.measure.records import Sample
from nearlinear.measure.sampling import Sampling, run_sampling
from nearlinear.measure.transports.buffers import HOST
from tests.threads import ThreadTransport, on_threads


def _stopping(count: int) -> Stopping:
    return Stopping(least=count, most=count, precision=0.0)


def _rows(placement: Placement, *names: str, algorithms: tuple[str, ...] = ("vendor",)) -> list[Operation]:
    wanted = Wanted(operations=names, algorithms=algorithms)
    return find_operations(wanted, Ways(placement=placement, transport="x", sums=True, dtype="float32"), [])


def _run(
    transport: ThreadTransport,
    parts: list[tuple[int, ...]],
    placement: Placement,
    rows: Any,
    sampling: Sampling,
    start: str = "barrier",
) -> tuple[str, list[Sample]]:
    kept: list[Sample] = []
    clocks = compare(transport)
    how: Start = WindowStart(transport, clocks) if start == "window" else BarrierStart()
    crew = Crew(control=transport, start=how, clocks=clocks)
    companies = [
        Company(transport=transport.part(members), members=members, placement=placement.part(members),
                operations=rows(placement.part(members)))
        for members in parts
    ]  # fmt: skip
    space = Workspace(HOST, element_type("float32"), Pattern.exact(transport.ranks, 2**24))
    reason = run_sampling(crew, companies, space, sampling, kept.append, lambda line: None)
    return reason, kept


def _sampling(sizes: tuple[int, ...], stopping: Stopping, **more: Any) -> Sampling:
    values: dict[str, Any] = {"dtype": "float32", "budget_s": 60.0, "seed": 3} | more
    return Sampling(sizes=sizes, stopping=stopping, **values)


def test_the_loop_on_three_ranks() -> None:
    placement = Placement((0, 0, 1))

    def part(transport: ThreadTransport) -> Any:
        def rows(placement: Placement) -> list[Operation]:
            return _rows(placement, "allreduce", "sendrecv", algorithms=("ring", "ps"))

        sampling = _sampling((64, 1024), _stopping(4))
        return _run(transport, [(0, 1, 2)], placement, rows, sampling)

    (reason, first), *others = on_threads(3, HOST, part)
    assert reason == "done"
    assert others == [("done", []), ("done", [])]
    assert {
        (s.operation, s.algorithm, s.nodes): (s.ranks, len(s.per_rank_s or ()), s.placement, s.among)
        for s in first
    } == {
        ("allreduce", "ring", 2): (3, 3, "in", None), ("allreduce", "ps", 2): (2, 3, "in", None),
        ("sendrecv", "vendor", 1): (2, 2, "out", None), ("sendrecv", "vendor", 2): (2, 2, "out", (0, 2)),
    }  # fmt: skip
    assert len(first) == 4 * 2 * 4
    assert all(s.correct and s.wrong_elements == 0 and s.time_s == max(s.per_rank_s or ()) for s in first)
    assert all(s.start == "barrier" and s.skew_s is not None and s.skew_s >= 0 for s in first)


def test_several_scales_in_one_run() -> None:
    def part(transport: ThreadTransport) -> Any:
        placement, scales = Placement.regular(4, 2), [(0, 1), (0, 1, 2, 3), (0, 2)]
        sampling = _sampling((64,), _stopping(3))
        return _run(transport, scales, placement, lambda p: _rows(p, "allreduce", "barrier"), sampling)

    _, first = on_threads(4, HOST, part)[0]
    assert {(s.operation, s.placement, s.ranks, s.nodes, s.among, s.size_bytes) for s in first} == {
        ("allreduce", place, *scale, 64)
        for scale in ((2, 1, None), (4, 2, None), (2, 2, (0, 2)))
        for place in ("out", "in")
    } | {("barrier", "out", *scale, 0) for scale in ((2, 1, None), (4, 2, None), (2, 2, (0, 2)))}
    assert all(s.correct for s in first)


def test_modes_have_cells_of_their_own() -> None:
    def part(transport: ThreadTransport) -> Any:
        calls = [0]
        collective = transport.collective

        def counted(*arguments: Any) -> None:
            calls[0] += 1
            collective(*arguments)

        transport.part = lambda ranks: transport  # type: ignore[method-assign]
        transport.collective = counted  # type: ignore[method-assign,assignment]
        sampling = _sampling((64,), _stopping(1), modes=("individual", "pipelined"))
        _, kept = _run(transport, [(0, 1)], Placement((0, 0)), lambda p: _rows(p, "reduce"), sampling)
        return kept, calls[0]

    kept, calls = on_threads(2, HOST, part)[0]
    assert {(s.mode, s.placement, s.statistic) for s in kept} == {
        ("individual", "out", "max"), ("individual", "in", "max"),
        ("pipelined", "out", "mean"), ("pipelined", "in", "mean"),
    }  # fmt: skip
    assert all(s.correct for s in kept)
    assert calls >= 2 * (1 + PIPELINED)


def test_sizes_are_shuffled_and_every_cell_gets_its_share() -> None:
    def part(transport: ThreadTransport) -> Any:
        sizes = tuple(8 * 2**k for k in range(8))
        return _run(transport, [(0, 1)], Placement((0, 0)), lambda p: _rows(p, "broadcast"),
                    _sampling(sizes, _stopping(5)))  # fmt: skip

    _, kept = on_threads(2, HOST, part)[0]
    sizes = [s.size_bytes for s in kept]
    assert sizes != sorted(sizes)
    assert sorted((s.size_bytes, s.repetition) for s in kept) == [
        (8 * 2**k, repetition) for k in range(8) for repetition in range(5)
    ]


def test_sizes_that_round_to_the_same_are_measured_once() -> None:
    def part(transport: ThreadTransport) -> Any:
        ranks = tuple(range(3))
        return _run(transport, [ranks], Placement((0, 0, 0)), lambda p: _rows(p, "allgather"),
                    _sampling((24, 32, 40), _stopping(2)))  # fmt: skip

    _, kept = on_threads(3, HOST, part)[0]
    assert sorted({s.size_bytes for s in kept}) == [24, 36]  # 8 and 10 elements are cut to 6 and 9
    assert len(kept) == 2 * 2 * 2


def test_a_spent_budget_ends_the_run() -> None:
    def part(transport: ThreadTransport) -> Any:
        sampling = _sampling((8, 64), _stopping(10**9), budget_s=0.2)
        return _run(transport, [(0, 1)], Placement((0, 0)), lambda p: _rows(p, "reduce"), sampling)

    reason, kept = on_threads(2, HOST, part)[0]
    assert reason == "budget"
    assert kept


def test_a_window_start_drops_late_samples_and_ends() -> None:
    def part(transport: ThreadTransport) -> Any:
        sampling = _sampling((64,), _stopping(3))
        placement = Placement((0, 0, 0))
        return _run(transport, [(0, 1, 2)], placement, lambda p: _rows(p, "allreduce"), sampling, "window")

    reason, kept = on_threads(3, HOST, part)[0]
    assert reason == "done"
    assert {s.start for s in kept} == {"window"}
    assert len(kept) == 6


def test_a_wrong_sum_is_recorded_as_wrong() -> None:
    def part(transport: ThreadTransport) -> Any:
        collective = transport.collective

        def off_by_one(operation: str, send: Any, receive: Any) -> None:
            collective(operation, send, receive)
            receive[0] += 1

        transport.part = lambda ranks: transport  # type: ignore[method-assign]
        transport.collective = off_by_one  # type: ignore[method-assign]
        return _run(transport, [(0, 1)], Placement((0, 0)), lambda p: _rows(p, "allreduce"),
                    _sampling((64,), _stopping(1)))  # fmt: skip

    _, kept = on_threads(2, HOST, part)[0]
    assert {(s.correct, s.wrong_elements) for s in kept} == {(False, 2)}  # one element on each rank


def test_clocks_of_threads_are_one() -> None:
    clocks: list[Clocks] = on_threads(3, HOST, compare)
    for seen in clocks:
        assert (seen.offset_s == clocks[0].offset_s).all()
        assert (np.abs(seen.offset_s) <= seen.uncertainty_s).all()
        assert seen.uncertainty_s[0] == 0


@pytest.mark.parametrize("ranks", [1, 2, 3, 5, 8])
def test_an_agreed_time_reaches_all(ranks: int) -> None:
    def part(transport: ThreadTransport) -> float:
        return WindowStart(transport, Clocks.same(ranks))._agreed(range(ranks))

    assert len(set(on_threads(ranks, HOST, part))) == 1
