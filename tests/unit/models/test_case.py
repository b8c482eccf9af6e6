"""Looking up names: what a machine is made of, and what contradicts itself."""

import pytest

from nearlinear.models.case import Case
from nearlinear.models.errors import SpecError
from nearlinear.models.scenario import Scenario


def _case(**options: object) -> Case:
    return Case.of(Scenario.of(**{"model": "nin", "devices": "1,2,4..16", **options}))


def _levels(case: Case) -> list[tuple[str, int, str, int]]:
    return [(level.name, level.span, level.link.name, level.uplinks) for level in case.cluster.levels]


def test_a_cluster_by_name() -> None:
    case = _case(cluster="dgx-a100")
    assert _levels(case) == [("node", 8, "nvlink3", 1), ("network", 0, "ib-hdr", 8)]
    assert case.device.name == "a100-sxm-80gb"


def test_a_device_with_its_links() -> None:
    case = _case(device="h100", per_node=8, net="ib-ndr", nics=4)
    assert _levels(case) == [("node", 8, "nvlink4", 1), ("network", 0, "ib-ndr", 4)]


def test_a_device_alone_stays_inside_its_node() -> None:
    case = _case(device="rtx-4090", per_node=16)
    assert [level[0] for level in _levels(case)] == ["node"]


def test_replacements_in_a_cluster() -> None:
    case = _case(cluster="dgx-a100", device="h100", net="100Gb", nics=2)
    assert case.device.name == "h100-sxm"
    assert _levels(case) == [("node", 8, "nvlink3", 1), ("network", 0, "100Gb", 2)]
    assert _levels(_case(cluster="dgx-a100", per_node=4))[0] == ("node", 4, "nvlink3", 1)
    assert _levels(_case(cluster="titan", per_node=2, node_link="pcie3"))[0] == ("node", 2, "pcie3", 1)


def test_a_stated_bandwidth_borrows_the_nearest_latency() -> None:
    case = _case(cluster="titan", net="90Gb")
    assert case.cluster.network is not None
    link = case.cluster.network.link
    assert link.bandwidth_bytes_per_s.value == 90e9 / 8
    assert link.note == "latency as eth-100g"


def test_batches() -> None:
    assert _case(cluster="titan").batch_per_device(8) == 32.0
    assert _case(cluster="titan", batch_per_device=64).batch_per_device(8) == 64.0
    assert _case(cluster="titan", global_batch=1024).batch_per_device(8) == 128.0


def test_theano_mpis_name_for_half_the_bytes() -> None:
    case = _case(cluster="copper", algorithm="asa16")
    assert (case.algorithm, case.wire_fraction) == ("asa", 0.5)
    assert _case(cluster="copper", wire="bfloat16").wire_fraction == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "a100"}, "--net: is needed where devices span several nodes"),
        ({"device": "a100", "nics": 4, "per_node": 16}, "--nics: needs a network"),
        (
            {"device": "a100", "net": "ib-hrd"},
            "--net: must be a known link, got 'ib-hrd'; did you mean ib-hdr",
        ),
        ({"device": "a100", "net": "100GB"}, "--net: must say bits"),
        (
            {"device": "a100", "net": "ib-hdr", "node_link": "nvlink3"},
            "--node-link: needs several devices per node",
        ),
        ({"device": "a100", "per_node": 16, "node_link": "nvlnk3"}, "--node-link: must be a known link"),
        ({"cluster": "titan", "algorithm": "rign"}, "--algorithm"),
        ({"cluster": "titan", "precision": "bf16"}, "--precision: must be one that k20x has"),
        ({"cluster": "titan", "global_batch": 8}, "--global-batch: must give each of 16 devices a sample"),
        ({"cluster": "titan", "model": "resnet51"}, "MODEL: must be a known network"),
    ],
)
def test_refusals(options: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        _case(**options)


@pytest.mark.parametrize("net", ["ib-hdr", "IB_HDR", "200Gb"])
def test_another_network_keeps_the_adapters_of_the_cluster(net: str) -> None:
    network = Case.of(Scenario.of(model="nin", cluster="dgx-a100", net=net)).cluster.network
    assert network is not None
    assert network.uplinks == 8
    other = Case.of(Scenario.of(model="nin", cluster="dgx-a100", net=net, nics=2)).cluster.network
    assert other is not None
    assert other.uplinks == 2


def test_a_title_says_what_was_replaced() -> None:
    assert Case.of(Scenario.of(model="nin", cluster="titan")).cluster.title.startswith("Titan")
    replaced = Case.of(Scenario.of(model="nin", cluster="titan", net="100Gb", per_node=4)).cluster
    assert replaced.title == "4 x NVIDIA Tesla K20X per node, 1 x 100Gb between nodes"


def test_an_anchor_beyond_a_node_needs_a_network() -> None:
    with pytest.raises(SpecError, match="--net: is needed where devices span several nodes"):
        Case.of(Scenario.of(model="nin", device="a100", per_node=8, devices="1,8", anchor="16:2000"))


def test_part_of_a_node_keeps_the_links_that_join_it() -> None:
    whole = Case.of(Scenario.of(model="nin", cluster="copper")).cluster
    part = Case.of(Scenario.of(model="nin", cluster="copper", per_node=4)).cluster
    assert [level.name for level in whole.levels] == ["group", "node", "network"]
    assert [level.name for level in part.levels] == ["node", "network"]
    assert part.levels[0].link == whole.levels[0].link


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"algorithm": "ring", "outer": "tree"}, "--outer: needs a hierarchical allreduce, got 'tree'"),
        (
            {"outer": "trea"},
            "must be a known allreduce between nodes, got 'trea'; did you mean tree?",
        ),
        ({"algorithm": "ring", "servers": 4}, "--servers: needs a parameter server, got 4"),
        ({"algorithm": "asa16", "wire": "bfloat16"}, "--wire: must be float16 with asa16, got 'bfloat16'"),
        ({"devices": "8..1"}, "--devices: must rise"),
    ],
)
def test_choices_without_effect_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message.replace("?", r"\?")):
        Case.of(Scenario.of(model="nin", cluster="dgx-a100", **options))
