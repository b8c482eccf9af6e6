"""Every operation on every rank, ranks being threads: results are exact, mistakes are seen."""

from typing import Any

import numpy as np
import pytest

from nearlinear.measure.elements import element_type
from nearlinear.measure.operations.collectives import COLLECTIVES, collective_rows, expected
from nearlinear.measure.operations.messages import at_once
from nearlinear.measure.operations.operation import VENDOR, Workspace
from nearlinear.measure.operations.table import (
    OPERATIONS,
    Wanted,
    Ways,
    algorithms_named,
    find_operations,
    operations_named,
)  # fmt: skip
from nearlinear.measure.pattern import Pattern
from nearlinear.measure.placement import Placement
from nearlinear.measure.program import RankProgram
from nearlinear.measure.transports.buffers import HOST
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.errors import SpecError
from tests.threads import ThreadTransport, on_threads, wrong_results


@pytest.mark.parametrize("ranks", [2, 3, 4, 7, 8])
@pytest.mark.parametrize("elements", [0, 1, 5, 1000])
def test_results_are_exact(ranks: int, elements: int) -> None:
    assert wrong_results(ranks, elements, HOST, "float32") == []


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("ranks", [2, 5])
def test_results_are_exact_in_every_type(ranks: int, dtype: str) -> None:
    assert wrong_results(ranks, 101, HOST, dtype) == []


@pytest.mark.parametrize("wire", ["float16", "bfloat16"])
@pytest.mark.parametrize("ranks", [2, 3, 6])
def test_sums_over_a_narrow_wire_are_exact(ranks: int, wire: str) -> None:
    assert wrong_results(ranks, 101, HOST, "float32", ("", wire)) == []


def test_a_transport_that_loses_data_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = ThreadTransport.exchange

    def lossy(self: ThreadTransport, sends: list[tuple[np.ndarray, int]], receives: list[object]) -> None:
        exchange(self, [(array * 0, peer) for array, peer in sends], receives)

    monkeypatch.setattr(ThreadTransport, "exchange", lossy)
    wrong = set(wrong_results(3, 100, HOST, "float32"))
    assert {"allreduce/ring/in/", "allreduce/tree/in/", "sendrecv/vendor/out/", "pairs/vendor/out/"} <= wrong


@pytest.mark.parametrize("name", [name for name in COLLECTIVES if name != "barrier"])
def test_a_library_that_does_nothing_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ThreadTransport, "collective", lambda self, operation, send, receive: None)
    wrong = wrong_results(3, 99, HOST, "float32")
    placements = {"broadcast": ["in"]}.get(name, ["out", "in"])
    for placement in placements:
        assert f"{name}/vendor/{placement}/" in wrong


@pytest.mark.parametrize("name", ALGORITHMS)
def test_all_ranks_end_with_equal_values_over_a_narrow_wire(name: str) -> None:
    """What the wire rounds away is gone on every rank, or replicas would drift apart."""
    schedule = ALGORITHMS[name].schedule_for(4, Choices(group=2))
    full, narrow = element_type("float32"), element_type("float16")

    def part(transport: ThreadTransport) -> Any:
        program = RankProgram(schedule, transport.rank, 37, full, narrow)
        vector = np.random.default_rng(transport.rank).normal(size=37).astype(np.float32)
        if transport.rank >= schedule.workers:
            vector[:] = 0
        landing = np.zeros(program.landing_elements, np.float16)
        program.bind(transport, vector, landing, np.zeros(program.leaving_elements, np.float16))()
        return vector

    vectors = on_threads(schedule.ranks, HOST, part)[: schedule.workers]
    exact = sum(np.random.default_rng(rank).normal(size=37).astype(np.float32) for rank in range(4))
    assert all((vector == vectors[0]).all() for vector in vectors)
    assert np.abs(vectors[0] - exact).max() < 0.02
    assert (vectors[0] != exact).any()  # 16 bits did lose something


def test_what_each_collective_must_give() -> None:
    """Three ranks, six elements, contributions 0..6 counted from the rank on."""
    space = Workspace(HOST, element_type("float32"), Pattern(7))
    wanted = {name: expected(name, space, 1, 3, 6).tolist() for name in COLLECTIVES if name != "barrier"}
    assert wanted == {
        "allreduce": [3, 6, 9, 12, 15, 11],  # 0+1+2, 1+2+3, ..., 5+6+0
        "reduce": [3, 6, 9, 12, 15, 11],
        "reduce-scatter": [9, 12],  # the second third of that
        "allgather": [0, 1, 1, 2, 2, 3],  # the first two elements of each rank
        "alltoall": [2, 3, 3, 4, 4, 5],  # elements 2 and 3 of each rank
        "broadcast": [0, 1, 2, 3, 4, 5],
    }


def _found(placement: Placement, names: list[str], transport: str = "mpi-host", **more: Any) -> Any:
    notes: list[str] = []
    wanted = Wanted(operations=operations_named(names), algorithms=algorithms_named(["all"]), **more)
    ways = Ways(placement=placement, transport=transport, sums=True, dtype="float32")
    return find_operations(wanted, ways, notes), notes


def test_operations_that_need_more_ranks_are_left_out_and_said() -> None:
    two, notes = _found(Placement.regular(2, 2), ["allreduce", "contention"])
    three, _ = _found(Placement.regular(3, 3), ["allreduce"])
    assert VENDOR in {row.algorithm for row in two}
    assert "ps" in {row.algorithm for row in three} - {row.algorithm for row in two}
    assert "allreduce by ps is left out: 2 ranks on 1 node cannot play it" in notes
    assert "contention is left out: 2 ranks on 1 node cannot play it" in notes


def test_placements_that_exist() -> None:
    def placements(name: str, transport: str) -> list[str]:
        return [row.placement for row in collective_rows(name, 4, transport, ("out", "in"))]

    assert placements("allreduce", "mpi-host") == ["out", "in"]
    assert placements("broadcast", "mpi-host") == ["in"]
    assert placements("alltoall", "nccl") == ["out"]
    assert [row.placement for row in collective_rows("reduce", 4, "nccl", ("in",))] == ["in"]


def test_messages_have_partners_inside_and_outside() -> None:
    rows, _ = _found(Placement.regular(4, 2), ["sendrecv", "pairs"])
    assert [tuple(row.participants) for row in rows if row.operation == "sendrecv"] == [(0, 1), (0, 2)]
    assert len([row for row in rows if row.operation == "pairs"]) == 6


def test_pairs_at_once_are_disjoint_and_double() -> None:
    inside, between = Placement.regular(8, 8), Placement.regular(8, 4)
    assert at_once(inside) == [[(0, 1), (2, 3)], [(0, 1), (2, 3), (4, 5), (6, 7)]]
    assert at_once(between) == [
        [(0, 1), (2, 3)], [(0, 4), (1, 5)], [(0, 4), (1, 5), (2, 6), (3, 7)],
    ]  # fmt: skip
    assert at_once(Placement.regular(3, 3)) == []


def test_groups_and_names() -> None:
    assert set(operations_named(["collectives", "messages", "compute"])) == set(OPERATIONS)
    assert operations_named(["sendrecv", "messages"])[0] == "sendrecv"


@pytest.mark.parametrize(
    ("named", "names", "message"),
    [
        (
            operations_named,
            ["allreduc"],
            "--ops: must be known, got 'allreduc'; did you mean allreduce, reduce?",
        ),
        (algorithms_named, ["rnig"], "--algorithms: must be known, got 'rnig'; did you mean ring?"),
        (operations_named, [], "--ops: must name at least one; known are allreduce, reduce-scatter"),
    ],
)
def test_unknown_names(named: Any, names: list[str], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        named(names)
    assert message in str(caught.value)


def test_cells_share_memory() -> None:
    space = Workspace(HOST, element_type("float32"), Pattern(7))
    large, small = space.room("result", 100), space.room("result", 10)
    assert np.shares_memory(large, small)
    assert space.own(1, 4).tolist() == [1, 2, 3, 4]
    assert space.own(8, 4).tolist() == [1, 2, 3, 4]
