"""NCCL's constants by hand, and what they hold where nothing was measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nearlinear.calibrate.calibration import CalibrateSpec, fit_profile
from nearlinear.calibrate.nccl_tuning import latency_prior, time_s
from nearlinear.measure.records import RecordWriter
from nearlinear.models.hardware.message import LinkCost
from tests.unit.calibrate.measured import samples


def test_a_ring_of_the_low_latency_protocol_for_small_sizes() -> None:
    """LL of 8 ranks: 6.6 + 14 x 0.6 us, and bytes at 87.7 GB/s of bus bandwidth."""
    size = np.array([1024.0])
    expected = 15.0e-6 + 1.75 * size / 87.7e9
    assert time_s("allreduce", 8, size, "ampere") == pytest.approx(expected)
    assert time_s("allgather", 8, size, "ampere") == pytest.approx(10.8e-6 + 0.875 * size / 87.7e9)


def test_the_simple_ring_and_the_switch_for_large_sizes() -> None:
    size = np.array([2.0**30])
    assert time_s("allreduce", 8, size, "ampere") == pytest.approx(8.4e-6 + 47.6e-6 + 1.75 * size / 240e9)
    assert time_s("allreduce", 8, size, "hopper") == pytest.approx(25e-6 + size / (18 * 20.6e9 * 0.85))
    two = time_s("allreduce", 2, size, "hopper")
    assert two == pytest.approx(8.4e-6 + 6.8e-6 + size / (18 * 20.6e9))


def test_hops_of_nodes_and_networks() -> None:
    assert np.exp(latency_prior("node").log_s) == pytest.approx((0.6 * 1.9 * 3.4) ** (1 / 3) * 1e-6)
    assert np.exp(latency_prior("network").log_s) == pytest.approx((2.7 * 4.0 * 14.0) ** (1 / 3) * 1e-6)


@pytest.mark.parametrize(("transport", "held"), [("nccl", True), ("mpi-host", False)])
def test_constants_stand_in_where_no_small_message_was_timed(
    tmp_path: Path, transport: str, held: bool
) -> None:
    link = LinkCost.of(1e-6, 200e9)
    taken = samples("vendor", link, ranks=8, sizes=np.exp2(np.arange(27.0, 33.0)), noise=0.01)
    writer = RecordWriter(tmp_path / "run.jsonl", {"hosts": ["n1"]})
    for sample in taken:
        writer.add(replace(sample, transport=transport))
    writer.end(complete=True, reason="done")
    made = fit_profile([tmp_path / "run.jsonl"], CalibrateSpec(replicates=60))
    (found,) = made.profile.links
    assert ("latency" in found.assumed) is held
    assert any("NCCL's tuning constants stand in" in note for note in made.notes) is held
    near = abs(np.log(found.latency_s.best) - latency_prior("node").log_s)
    assert bool(near < 0.2) is held
