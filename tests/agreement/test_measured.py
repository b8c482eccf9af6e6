"""A prediction at a scale that was measured says what was measured; elsewhere it is carried from there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nearlinear.calibrate.calibration import CalibrateSpec, Hints, fit_profile
from nearlinear.calibrate.profile_file import write_profile
from nearlinear.measure.records import RecordWriter, Sample
from nearlinear.models.case import Case
from nearlinear.models.collectives.library import LIBRARY
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.parameters import central, draw
from nearlinear.models.scenario import Knowledge, Machine, Plan, Scenario, Workload
from nearlinear.models.training.exchange import Exchange, exchange
from tests.unit.calibrate.measured import samples

NODE, NETWORK = LinkCost.of(3e-6, 200e9), LinkCost.of(15e-6, 10e9)
SIZES = np.exp2(np.arange(10.0, 29.0))


def _bumpy(taken: list[Sample], factor: float) -> list[Sample]:
    """Return samples with a bump that no latency and bandwidth make."""
    return [
        replace(s, transport="nccl", time_s=s.time_s * (factor if 2**18 <= s.size_bytes <= 2**21 else 1.0))
        for s in taken
    ]


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    inside = _bumpy(samples("vendor", NODE, ranks=8, sizes=SIZES), 1.6)
    across = _bumpy(samples("vendor", NETWORK, ranks=32, nodes=4, inner=NODE, sizes=SIZES), 1.4)
    writer = RecordWriter(tmp_path / "run.jsonl", {"hosts": ["n1"]})
    for sample in (*inside, *across):
        writer.add(sample)
    writer.end(complete=True, reason="done")
    spec = CalibrateSpec(hints=Hints(), replicates=60)
    write_profile(fit_profile([tmp_path / "run.jsonl"], spec).profile, tmp_path / "p.toml")
    return tmp_path / "p.toml"


def _exchange(profile: Path, devices: int, sizes: np.ndarray, per_node: int = 8) -> Exchange:
    scenario = Scenario(
        workload=Workload(model="alexnet"),
        machine=Machine(device="a100-sxm-40gb", per_node=per_node, net="100Gb"),
        plan=Plan(devices=(1, devices)),
        knowledge=Knowledge(profile=str(profile)),
    )
    case = Case.of(scenario)
    return exchange(case, draw(case, 2001, 0), central(case), devices, sizes)


@pytest.mark.parametrize(
    ("devices", "cost", "factor"), [(8, NODE, 1.6), (32, NETWORK, 1.4)], ids=["node", "network"]
)
def test_a_measured_scale_is_predicted_as_measured(
    measured: Path, devices: int, cost: LinkCost, factor: float
) -> None:
    sizes = np.exp2([12.0, 19.0, 20.0, 26.0])
    nodes = devices // 8
    taken = samples(
        "vendor", cost, ranks=devices, nodes=nodes, inner=NODE if nodes > 1 else None, sizes=sizes
    )
    expected = [sample.time_s for sample in _bumpy(taken, factor)]
    found = _exchange(measured, devices, sizes)
    assert {option.algorithm for option in found.options} == {LIBRARY}
    assert np.median(found.time_s, axis=0) == pytest.approx(expected, rel=0.03)


def test_another_rank_count_keeps_what_growth_misses(measured: Path) -> None:
    """The bump is still there among 4 of the 8, and the band is wider than at 8."""
    sizes = np.exp2([16.0, 19.0, 23.0])
    eight, four = (_exchange(measured, devices, sizes).time_s for devices in (8, 4))
    ratio = np.median(four, axis=0) / np.median(eight, axis=0)
    assert (ratio < 1.0).all()
    assert ratio[1] == pytest.approx(np.sqrt(ratio[0] * ratio[2]), rel=0.15)
    width = [np.diff(np.log(np.quantile(times, [0.05, 0.95], axis=0)), axis=0) for times in (eight, four)]
    assert (width[1] > 1.2 * width[0]).all()


def test_other_fillings_of_nodes_are_left_to_the_form(measured: Path) -> None:
    """Four nodes of 8 were measured; what they took is not what four nodes of 4 take."""
    sizes = np.exp2([19.0, 24.0])
    full = np.median(_exchange(measured, 32, sizes).time_s, axis=0)
    other = np.median(_exchange(measured, 16, sizes, per_node=4).time_s, axis=0)
    assert (np.abs(np.log(other / full)) > 0.1).all()
