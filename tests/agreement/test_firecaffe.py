"""FireCaffe's comparison: tree against parameter server on Titan's network, 1 to 256 workers."""

import numpy as np
import pytest

from nearlinear.models.closed_form import predict
from nearlinear.models.dnn import network
from nearlinear.models.scenario import Scenario
from nearlinear.reports.comparison import compare

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@pytest.mark.parametrize("model", ["nin", "googlenet"])
def test_formula_round_engine_and_simpy_agree_and_the_tree_wins(model: str) -> None:
    comparison = compare(model, "titan", ("tree", "ps"), WORKERS)
    for name in comparison.algorithms:
        times = comparison.times(name)
        # half a picosecond per message, ceil(log2 256) = 8 levels
        assert times.rounds_s == pytest.approx(times.formula_s, rel=1e-9, abs=1e-11)
        assert (times.processes_s == times.rounds_s).all()
    tree, server = comparison.times("tree").formula_s, comparison.times("ps").formula_s
    assert tree[0] == 0
    assert (tree[1:] < server[1:]).all()
    gain = server[1:] / tree[1:]
    # 2 and 4 workers: 4 n/B against 2 n/B, and 8 against 4; from there on the server falls behind
    assert gain[0] == pytest.approx(2.0, rel=0.01)
    assert gain[1] == pytest.approx(2.0, rel=0.01)
    assert (np.diff(gain[1:]) > 0).all()
    # in the limit of bandwidth 2 p n/B against 2 log2(p) n/B: 256 / 8, adding included 33
    assert 31 < gain[-1] < 34


def test_by_hand_for_nin_on_32_workers() -> None:
    """30.38 MB over 5.3 GB/s: 5.73 ms a message; 10 messages and 5 sums of 3 passes at 250 GB/s."""
    size = network("nin").parameters * 4
    message, added = 1.4e-6 + size / 5.3e9, 3 * size / 250e9
    comparison = compare("nin", "titan", ("tree", "ps"), (32,))
    assert comparison.times("tree").formula_s[0] == pytest.approx(10 * message + 5 * added, rel=1e-12)
    server = 2 * (1.4e-6 + 32 * size / 5.3e9) + 32 * added
    assert comparison.times("ps").formula_s[0] == pytest.approx(server, rel=1e-12)


def test_the_tree_makes_training_scale_where_the_server_does_not() -> None:
    tree, server = (
        predict(Scenario.of(model="nin", cluster="titan", algorithm=name, devices="1,32,128", anchor="1:600"))
        for name in ("tree", "ps")
    )
    assert tree.points[-1].throughput_per_s.low > server.points[-1].throughput_per_s.high


def test_the_network_decides() -> None:
    """The same GPUs: near linear on Gemini, less on 10 GbE, hopeless on 1 GbE."""
    usual = {"model": "nin", "cluster": "titan", "algorithm": "tree", "devices": "1,32", "anchor": "1:112"}
    by_net = {
        net: predict(Scenario.of(**usual, **({"net": net} if net else {}))).points[-1].efficiency.median
        for net in ("", "eth-10g", "eth-1g")
    }
    assert by_net[""] > 0.7
    assert by_net[""] > by_net["eth-10g"] > 3 * by_net["eth-1g"]


def test_sixteen_bits_halve_the_exchange() -> None:
    usual = {"model": "nin", "cluster": "titan", "algorithm": "tree", "devices": "64", "overlap": False,
             "anchor": "1:112", "samples": 1}  # fmt: skip
    wide, narrow = (
        predict(Scenario.of(**usual, wire=wire)).points[0].breakdown_s.exposed_communication_s
        for wire in ("float32", "float16")
    )
    assert 0.45 < narrow / wide < 0.6  # latency, adding and conversion stay
