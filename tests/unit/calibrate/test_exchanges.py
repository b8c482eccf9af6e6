"""Links from whole exchanges: known rates found again, counts carried, tables that are refused."""

from pathlib import Path

import pytest

from nearlinear.calibrate.exchanges.exchange_fit import Rate, carried, fit_rates
from nearlinear.calibrate.exchanges.exchange_link import fit_exchanges
from nearlinear.calibrate.exchanges.left_out import without_count, without_network
from nearlinear.calibrate.exchanges.table import is_exchange_table, read_exchange_table
from nearlinear.calibrate.profile_file import write_profile
from nearlinear.models import dnn
from nearlinear.models.catalogue import find_cluster
from nearlinear.models.closed_form import predict
from nearlinear.models.errors import ContentError, FitError
from nearlinear.models.scenario import Scenario
from tests.conftest import ROOT

LATENCY_S, BANDWIDTH = 50e-6, 5e9
NAMES = ("network", "devices", "exchange_s")
NETWORKS = ("alexnet", "googlenet", "vgg-16")


def _exchange_s(name: str, devices: int) -> float:
    """Return tensors x latency (growing along a chain) + ring bytes over bandwidth."""
    network = dnn.network(name)
    tensors = sum(len(layer.tensors) for layer in network.layers)
    passes = 2 * (devices - 1) / devices
    return tensors * LATENCY_S * (devices - 1) + passes * network.parameters * 4 / BANDWIDTH


def table_file(folder: Path, networks: tuple[str, ...] = NETWORKS, counts: tuple[int, ...] = (2, 4)) -> Path:
    rows = [f"{name},{devices},{_exchange_s(name, devices)!r}" for name in networks for devices in counts]
    path = folder / "steps.csv"
    path.write_text("# made\n" + "\n".join([",".join(NAMES), *rows]) + "\n")
    return path


def test_known_rates_are_found_again(tmp_path: Path) -> None:
    rates = fit_rates(read_exchange_table(table_file(tmp_path)).rows)
    for devices, rate in rates.items():
        assert rate.latency_s == pytest.approx(LATENCY_S * (devices - 1), rel=1e-3)
        assert 1 / rate.seconds_per_byte == pytest.approx(BANDWIDTH / (2 * (devices - 1) / devices), rel=1e-3)
        assert rate.spread < 1e-3


def test_left_out_rows_are_foretold(tmp_path: Path) -> None:
    table = read_exchange_table(table_file(tmp_path))
    assert max(abs(one.error) for one in without_network(table)) < 1e-3
    assert max(abs(one.error) for one in without_count(table, None)) < 1e-3


def test_a_count_of_another_level_is_a_prior() -> None:
    rates = {n: Rate(devices=n, latency_s=1e-5, seconds_per_byte=1e-11, spread=0.05) for n in (2, 4)}
    copper = find_cluster("copper")
    inside, across = carried({2: rates[2]}, 4, copper), carried(rates, 8, copper)
    assert inside.seconds_per_byte == pytest.approx(1e-11 * 1.5, rel=1e-12)  # 2 (p - 1) / p: 1 to 3/2
    assert inside.latency_s == pytest.approx(3e-5, rel=1e-12)
    assert (inside.crossing, across.crossing) == ("", "node")
    assert across.seconds_per_byte > 10 * inside.seconds_per_byte  # of the sockets' link
    assert across.spread > inside.spread
    assert carried(rates, 8, None).crossing == ""


def test_predict_adds_the_tensors_up_again(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    write_profile(fit_exchanges(read_exchange_table(table_file(tmp_path))), path)
    scenario = Scenario.of(
        model="googlenet", device="k80", per_node=4, devices="2,4", profile=str(path), bucket="tensor",
        overlap=False, samples=1,
    )  # fmt: skip
    for point in predict(scenario).points:
        exposed = point.breakdown_s.exposed_communication_s
        assert exposed == pytest.approx(_exchange_s("googlenet", point.devices), rel=0.02)


def test_two_networks_have_no_spread_of_their_own(tmp_path: Path) -> None:
    table = read_exchange_table(table_file(tmp_path, NETWORKS[:2]))
    assert without_network(table) == []
    assert fit_rates(table.rows)[2].spread == pytest.approx(0.103)  # the prior
    with pytest.raises(FitError, match="needs exchanges of two networks at 2 devices that differ"):
        fit_rates(read_exchange_table(table_file(tmp_path, NETWORKS[:1])).rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alexnett,2,0.1", "steps.csv:2: network: must be a known network, got 'alexnett'"),
        ("alexnet,2.5,0.1", "steps.csv:2: devices: must be a whole number of 1 or more, got '2.5'"),
        ("alexnet,2,x", "steps.csv:2: exchange_s: must be a number above 0, got 'x'"),
        ("alexnet,2,-1", "steps.csv:2: exchange_s: must be a number above 0, got '-1'"),
        ("alexnet,2", "steps.csv:2: must have 3 cells, got 2"),
        ("alexnet,1,0", "has no rows of two devices or more"),
        ("alexnett,2,1", "did you mean alexnet"),
    ],
)
def test_what_is_no_table(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "steps.csv"
    path.write_text(",".join(NAMES) + "\n" + text + "\n")
    assert is_exchange_table(path)
    with pytest.raises(ContentError, match=message):
        read_exchange_table(path)


def test_rows_of_two_machines_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "steps.csv"
    path.write_text("cluster,network,devices,exchange_s\ncopper,alexnet,2,0.1\ntitan,alexnet,2,0.1\n")
    with pytest.raises(ContentError, match="must be of one cluster and transport"):
        read_exchange_table(path)


def test_counts_of_other_networks(tmp_path: Path) -> None:
    """Whatever can be fitted is; a count with too few networks is told in one line."""
    rows = [("alexnet", 2), ("googlenet", 2), ("googlenet", 4), ("vgg-16", 4)]
    path = tmp_path / "steps.csv"
    lines = [f"{name},{devices},{_exchange_s(name, devices)!r}" for name, devices in rows]
    path.write_text("\n".join([",".join(NAMES), *lines]) + "\n")
    table = read_exchange_table(path)
    assert sorted(fit_rates(table.rows)) == [2, 4]
    assert without_network(table) == []
    assert max(abs(one.error) for one in without_count(table, None)) < 1e-3
    lines.append(f"vgg-16,8,{_exchange_s('vgg-16', 8)!r}")
    path.write_text("\n".join([",".join(NAMES), *lines]) + "\n")
    with pytest.raises(FitError, match="two networks at 8 devices"):
        fit_rates(read_exchange_table(path).rows)


def test_networks_too_much_alike_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FitError, match="differ in bytes per tensor by 1.5 or more"):
        fit_rates(read_exchange_table(table_file(tmp_path, ("vgg-16", "vgg-19"))).rows)


def test_more_nodes_are_never_faster_than_a_full_one(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    table = read_exchange_table(ROOT / "docs" / "examples" / "theano_mpi_copper.csv")
    write_profile(fit_exchanges(table), path)
    scenario = Scenario.of(
        model="alexnet", cluster="copper", devices="8,16", profile=str(path), bucket="tensor", overlap=False,
        throughput="128:250", batch_per_device=128, samples=11,
    )  # fmt: skip
    eight, sixteen = (point.breakdown_s.exposed_communication_s for point in predict(scenario).points)
    assert sixteen >= eight


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("network,devices,exchange", "must have the column exchange_s, got 'network, devices, exchange'"),
        ("network;devices;exchange_s", "must have the column network"),
        ("Network,Devices,Exchange_S", "must have the column network"),
        ("network,devices,exchange_s,exchange_s", "a column must be given once, got 'exchange_s'"),
        (
            "network,devices,exchange_s,colour",
            "a column must be one of network, devices",
        ),
    ],
)
def test_columns_that_cannot_be(tmp_path: Path, names: str, message: str) -> None:
    path = tmp_path / "steps.csv"
    path.write_text(f"\ufeff{names}\nalexnet,2,0.1\n", encoding="utf-8")
    assert is_exchange_table(path)
    with pytest.raises(ContentError, match=message):
        read_exchange_table(path)


def test_networks_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    rows = [("alexnet", 0.1), ("vgg-16", 0.087), ("resnet-50", 0.5), ("googlenet", 0.01)]
    path = tmp_path / "steps.csv"
    path.write_text("\n".join([",".join(NAMES), *(f"{name},2,{s}" for name, s in rows)]) + "\n")
    with pytest.raises(FitError, match="networks must agree on latency and bandwidth"):
        fit_rates(read_exchange_table(path).rows)
