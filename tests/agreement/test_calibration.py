"""What the round engine takes is measured, calibrated and predicted: the loop closes on known links."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from nearlinear.calibrate.calibration import CalibrateSpec, Calibration, Hints, fit_profile
from nearlinear.measure.records import SCHEMA, VERSION, Sample
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology, TopologyLevel
from nearlinear.models.link_profile import LinkProfile
from nearlinear.simulator.exchange import TICKS_PER_SECOND, Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.rounds.engine import run_rounds

PER_NODE, ADAPTERS = 4, 1.0
NODE, NETWORK = LinkCost.of(2e-6, 50e9, 1e-11), LinkCost.of(10e-6, 12.5e9, 1e-11)
TWO_NODES = Topology(
    levels=(
        TopologyLevel(name="node", span=PER_NODE, cost=NODE),
        TopologyLevel(name="network", span=np.inf, cost=NETWORK, capacity=ADAPTERS),
    )
)
SIZES = [2**exponent for exponent in range(10, 27)]


def _engine_s(algorithm: str, ranks: int, size_bytes: int) -> float:
    schedule = ALGORITHMS[algorithm].schedule_for(ranks, Choices(group=PER_NODE))
    vector = Vector(elements=size_bytes // 4)
    outcome = run_rounds(schedule, Fabric.of(TWO_NODES, schedule), vector)
    return float(outcome.end_ticks.max()) / TICKS_PER_SECOND


def _samples(algorithms: Iterable[str], ranks: int) -> list[Sample]:
    return [
        Sample(
            operation="allreduce", algorithm=algorithm, transport="mpi-host", dtype="float32", placement="in",
            size_bytes=size, ranks=ranks, nodes=-(-ranks // PER_NODE), repetition=0, mode="individual",
            statistic="max", time_s=_engine_s(algorithm, ranks, size), correct=True,
        )
        for algorithm in algorithms
        for size in SIZES
    ]  # fmt: skip


def _calibrated(folder: Path, algorithms: Iterable[str], nics: int | None) -> Calibration:
    header = {"kind": "header", "schema": SCHEMA, "version": VERSION}
    taken = [*_samples(algorithms, PER_NODE), *_samples(algorithms, 2 * PER_NODE)]
    lines = [header, *({"kind": "sample", **asdict(sample)} for sample in taken)]
    path = folder / "engine.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return fit_profile([path], CalibrateSpec(hints=Hints(nics=nics), holdout=0.0, replicates=50))


@pytest.mark.parametrize(
    "algorithms",
    [("recursive-doubling",), ("halving-doubling",), ("ring", "tree", "recursive-doubling")],
    ids=lambda names: "+".join(names),
)
def test_shared_adapters_are_told_from_slow_links(tmp_path: Path, algorithms: tuple[str, ...]) -> None:
    links = {one.link.level: one.link for one in _calibrated(tmp_path, algorithms, nics=1).links}
    fitted = Topology(
        levels=tuple(replace(level, cost=_best(links[level.name])) for level in TWO_NODES.levels)
    )
    for algorithm in algorithms:
        for ranks in (PER_NODE, 2 * PER_NODE):
            modelled = ALGORITHMS[algorithm].time_s(fitted, ranks, 2.0**26, Choices(group=PER_NODE))
            assert modelled == pytest.approx(_engine_s(algorithm, ranks, 2**26), rel=0.03)
    bandwidth = links["network"].bandwidth_bytes_per_s[-1].best
    assert bandwidth == pytest.approx(12.5e9, rel=0.15)  # the cost of adding may hide in it


def _best(link: LinkProfile) -> LinkCost:
    cost = link.cost
    return LinkCost(
        latency_s=cost.latency_s[0],
        seconds_per_byte=tuple(slope[0] for slope in cost.seconds_per_byte),
        break_bytes=cost.break_bytes,
        reduction_s_per_byte=cost.reduction_s_per_byte[0],
    )


def test_without_the_count_of_adapters_the_network_is_left_out(tmp_path: Path) -> None:
    calibration = _calibrated(tmp_path, ("recursive-doubling",), nics=None)
    assert [one.link.level for one in calibration.links] == ["node"]
    assert "rounds network: ranks of a node share its network adapters, say how many (--nics); left out" in (
        calibration.notes
    )
