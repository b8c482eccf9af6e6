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
