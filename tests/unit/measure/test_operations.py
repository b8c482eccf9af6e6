"""Every operation on every rank, ranks being threads: the sums are exact, mistakes are seen."""

import numpy as np
import pytest

from nearlinear.measure.buffers import Buffers
from nearlinear.measure.operations import find_operations
from nearlinear.measure.placement import Placement
from nearlinear.measure.records import Sample
from nearlinear.measure.sampling import Sampling, run_sampling
from tests.threads import ThreadTransport, on_threads, wrong_sums

HOST = Buffers("host", np)


@pytest.mark.parametrize("ranks", [2, 3, 4, 7, 8])
@pytest.mark.parametrize("elements", [0, 1, 5, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_are_exact(ranks: int, elements: int, dtype: str) -> None:
    assert wrong_sums(ranks, elements, HOST, dtype) == []


def test_a_transport_that_loses_data_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = ThreadTransport.exchange

    def lossy(self: ThreadTransport, sends: list[tuple[np.ndarray, int]], receives: list[object]) -> None:
        exchange(self, [(array * 0, peer) for array, peer in sends], receives)

    monkeypatch.setattr(ThreadTransport, "exchange", lossy)
    assert {"ring", "tree", "ps"} <= set(wrong_sums(3, 100, HOST, "float32"))


def test_the_sampling_loop_on_three_ranks() -> None:
    placement = Placement((0, 0, 1))

    def part(transport: ThreadTransport) -> list[Sample]:
        kept: list[Sample] = []
        rows = find_operations(["allreduce", "sendrecv"], ["ring", "ps"], placement)
        sampling = Sampling(sizes=(64, 1024), dtype="float32", repetitions=4, budget_s=60.0, seed=3)
        assert run_sampling(transport, rows, sampling, placement, kept.append, lambda line: None) == "done"
        return kept

    first, *others = on_threads(3, HOST, part)
    assert others == [[], []]
    assert {
        (s.operation, s.algorithm, s.nodes): (s.ranks, len(s.per_rank_s or ()), s.placement) for s in first
    } == {
        ("allreduce", "ring", 2): (3, 3, "in"), ("allreduce", "ps", 2): (2, 3, "in"),
        ("sendrecv", "vendor", 1): (2, 2, "out"), ("sendrecv", "vendor", 2): (2, 2, "out"),
    }  # fmt: skip
    assert len(first) == 4 * 2 * 4
    assert all(s.correct and s.time_s == max(s.per_rank_s or ()) for s in first)
