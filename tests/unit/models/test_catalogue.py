"""The catalogue: complete, sourced, and strict with what users add."""

from pathlib import Path

import pytest

from nearlinear.models import catalogue
from nearlinear.models.errors import ContentError, SpecError
from nearlinear.models.hardware.cluster import Cluster, Level
from nearlinear.models.hardware.fact import Fact
from nearlinear.models.strict import read_toml

NEEDED_DEVICES = (
    "k20x k40 k80 p100 v100 a100-sxm-40gb a100-sxm-80gb h100-pcie h100-sxm h200 b200 gb200 mi250x mi300x"
    " tpu-v3 tpu-v4 tpu-v5e tpu-v5p gaudi2 rtx-3090 rtx-4090 l40s"
)
NEEDED_LINKS = (
    "pcie3 pcie4 pcie5 nvlink1 nvlink2 nvlink3 nvlink4 nvlink5 xgmi-mi250x xgmi-mi300x eth-1g eth-10g eth-25g"
    " eth-40g eth-50g eth-100g eth-200g eth-400g ib-qdr ib-fdr ib-edr ib-hdr ib-ndr gemini aries slingshot11"
    " efa-v1 efa-v2 efa-v3"
)
NEEDED_CLUSTERS = "titan copper dgx-1p dgx-1v dgx-a100 dgx-h100 p3dn p4d p5 laptop this-host"


def test_everything_that_users_look_for_is_there() -> None:
    for name in NEEDED_DEVICES.split():
        catalogue.find_device(name)
    for name in NEEDED_LINKS.split():
        catalogue.find_link(name)
    for name in NEEDED_CLUSTERS.split():
        catalogue.find_cluster(name)


def test_every_number_has_value_status_and_source() -> None:
    bare = []
    for file in ("devices.toml", "links.toml", "clusters.toml", "prices.toml"):
        for name, entry in read_toml(catalogue.DATA / file).items():
            bare += [f"{file}: {name}.{key}" for key in _bare_numbers(entry)]
    assert bare == []


def test_every_fitted_target_says_who_ran_it_and_how_sure_it_is() -> None:
    for name, entry in read_toml(catalogue.DATA / "convergence.toml").items():
        assert entry["source"] in catalogue.sources(), name
        assert set(entry["minimum"]) == set(entry["critical_batch"]) == {"value", "low", "high"}, name
        assert entry["runs"] > entry["submitters"] > 1, name
        assert 0 < entry["unseen_median"] < entry["unseen_p90"], name


def _bare_numbers(entry: object, path: str = "") -> list[str]:
    """Return the paths of numbers that are not the value of a fact."""
    if isinstance(entry, list):
        return [key for item in entry for key in _bare_numbers(item, path)]
    if not isinstance(entry, dict):
        return [path] if isinstance(entry, int | float) else []
    if set(entry) == {"value", "status", "source"}:
        return []
    return [key for name, item in entry.items() for key in _bare_numbers(item, f"{path}.{name}")]


def test_no_fact_of_the_catalogue_is_merely_stated() -> None:
    facts: list[Fact] = []
    for device in catalogue.devices().values():
        facts += [device.memory_bytes, device.memory_bandwidth_bytes_per_s, *device.peak_flop_per_s.values()]
    for link in catalogue.links().values():
        facts += [link.bandwidth_bytes_per_s, link.latency_s]
    assert {fact.status for fact in facts} == {"measured", "datasheet", "remembered"}


def test_names_and_aliases_are_unique() -> None:
    for table in (catalogue.devices(), catalogue.links(), catalogue.clusters()):
        names = [name for entry in table.values() for name in (entry.name, *entry.aliases)]
        assert sorted(set(names)) == sorted(names)


def test_si_units_inside() -> None:
    a100 = catalogue.find_device("a100")
    assert a100.peak("bf16").value == 312e12
    assert a100.memory_bytes.value == 80 * 2**30
    # 100 Gbit/s are 12.5 GB/s
    assert catalogue.find_link("eth-100g").bandwidth_bytes_per_s.value == 12.5e9
    assert catalogue.find_link("ib-edr").latency_s.value == pytest.approx(1.13e-6, rel=1e-12)


def test_devices_point_to_links() -> None:
    for device in catalogue.devices().values():
        catalogue.find_link(device.node_link)


def test_names_are_forgiving_about_case_and_underscores() -> None:
    assert catalogue.find_device(" H100_SXM ").name == "h100-sxm"


def test_unknown_names_say_what_is_near() -> None:
    with pytest.raises(SpecError, match=r"--device: must be a known device, got 'h10'; did you mean h100"):
        catalogue.find_device("h10")
    with pytest.raises(SpecError, match="see nearlinear list clusters"):
        catalogue.find_cluster("zzzzzz")


def test_precision_that_a_device_lacks() -> None:
    with pytest.raises(SpecError, match="it has fp32"):
        catalogue.find_device("k20x").peak("bf16")


GOOD = """
title = "ours"
device = "a100"
devices_per_node = 8
[[levels]]
name = "node"
link = "nvlink3"
[[levels]]
name = "network"
uplinks = 2
bandwidth_gbit_per_s = 100
latency_us = 3
"""


def test_a_cluster_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(GOOD)
    cluster = catalogue.find_cluster(str(path))
    assert cluster.network is not None
    assert cluster.network.link.bandwidth_bytes_per_s.value == 12.5e9
    assert cluster.network.link.bandwidth_bytes_per_s.status == "stated"
    assert (cluster.devices_per_node, cluster.network.uplinks) == (8, 2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("= 100\n", "= -100\n", r"ours.toml:11: levels.1.bandwidth_gbit_per_s: must be > 0, got -100"),
        ("= 100\n", '= "fast"\n', r"ours.toml:11: .*must be a number, got 'fast'"),
        ("latency_us", "latncy_us", r"unknown key, got 'latncy_us'; did you mean latency_us"),
        ('"a100"', '"a1000"', r"ours.toml:3: device: must be a known device, got 'a1000'"),
        ("per_node = 8", "per_node = 8.5", r"ours.toml:4: devices_per_node: must be a whole number"),
        ("per_node = 8", "per_node = 0", r"ours.toml:4: devices_per_node: must be > 0"),
        ('"network"', '"rack"', r"must be one of group, node, network"),
        ('link = "nvlink3"', 'link = "nvlnk3"', r"must be a known link, got 'nvlnk3'; did you mean nvlink3"),
        ('link = "nvlink3"\n', "", r"needs either a link by name or its own"),
        ("title", "titel", r"unknown key, got 'titel'; did you mean title"),
    ],
)
def test_a_cluster_that_is_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ContentError, match=message) as caught:
        catalogue.find_cluster(str(path))
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def _level(name: str, span: int) -> Level:
    return Level(name=name, span=span, link=catalogue.find_link("pcie3"))


@pytest.mark.parametrize(
    ("per_node", "levels"),
    [
        (8, [_level("network", 0), _level("node", 8)]),  # outside in
        (8, [_level("group", 3), _level("node", 8)]),  # 3 does not divide 8
        (8, [_level("node", 4)]),  # the node must span its devices
        (8, [_level("network", 0)]),  # 8 devices need a level inside the node
        (1, []),
    ],
)
def test_levels_that_do_not_fit(per_node: int, levels: list[Level]) -> None:
    device = catalogue.find_device("k80")
    with pytest.raises(SpecError):
        Cluster(name="x", title="x", device=device, devices_per_node=per_node, levels=tuple(levels))


NODE_AND_NETWORK = 'device = "a100"\ndevices_per_node = 8\n[[levels]]\nname = "node"\nlink = "nvlink3"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('devise = "a100"\n', "c.toml:1: unknown key, got 'devise'; did you mean device"),
        ('device = "a10o"\n', "c.toml:1: device: must be a known device, got 'a10o'; did you mean a100"),
        ('device = "a100"\n', "c.toml: needs at least one table [[levels]]; see docs/files.md"),
        (
            NODE_AND_NETWORK + '[[levels]]\nname = "netwrk"\nlink = "ib-hdr"\n',
            "c.toml:7: levels.1.name: must be one of group, node, network, got 'netwrk'",
        ),
        (
            NODE_AND_NETWORK + '[[levels]]\nname = "network"\nlink = "ib-hrd"\n',
            "c.toml:8: levels.1.link: must be a known link, got 'ib-hrd'; did you mean ib-hdr",
        ),
        (
            NODE_AND_NETWORK + '[[levels]]\nname = "network"\nbandwidth_gbit_per_s = -5\nlatency_us = 1\n',
            "c.toml:8: levels.1.bandwidth_gbit_per_s: must be > 0, got -5.0",
        ),
        (
            NODE_AND_NETWORK + '[[levels]]\nname = "network"\nbandwidth_gbit_per_s = 5\n',
            "c.toml:6: levels.1.latency_us: is needed",
        ),
        (
            NODE_AND_NETWORK + '[[levels]]\nname = "network"\nbandwith_gbit_per_s = 5\nlatency_us = 1\n',
            "c.toml:8: levels.1: unknown key, got 'bandwith_gbit_per_s'; did you mean bandwidth_gbit_per_s",
        ),
        (
            'device = "a100"\n[[levels]]\nname = "network"\nlink = "ib-hdr"\n[[levels]]\nname = "node"\n'
            'link = "nvlink3"\n',
            "c.toml: levels: must be ordered group, node, network, got ['network', 'node']",
        ),
    ],
)
def test_a_mistake_in_a_cluster_is_placed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(text)
    with pytest.raises(ContentError) as caught:
        catalogue.read_cluster(Path("c.toml"))
    assert str(caught.value).startswith(message)
