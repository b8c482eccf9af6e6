from collections.abc import Mapping
from typing import Any

import pytest

from nearlinear.models.catalogue import clusters, devices, find_device, links
from nearlinear.models.dnn import NETWORKS, network
from nearlinear.models.naming import same_name


@pytest.mark.parametrize("name", ["resnet-50", "resnet50", "ResNet50", "resnet_50", "RESNET 50"])
def test_spellings_of_one_name(name: str) -> None:
    assert same_name(name, ["vgg-16", "resnet-50"]) == "resnet-50"
    assert network(name).name == "resnet-50"


@pytest.mark.parametrize("name", ["", "-", "resnet", "resnet-5", "resnet-500"])
def test_what_is_no_spelling(name: str) -> None:
    assert same_name(name, ["vgg-16", "resnet-50"]) is None


def test_a_device_by_another_spelling() -> None:
    assert find_device("A100_40GB").name == "a100-sxm-40gb"


def _names(table: Mapping[str, Any]) -> dict[str, str]:
    return {name: entry.name for entry in table.values() for name in (entry.name, *entry.aliases)}


@pytest.mark.parametrize(
    "entries", [{name: name for name in NETWORKS}, _names(devices()), _names(links()), _names(clusters())],
    ids=["models", "devices", "links", "clusters"],
)  # fmt: skip
def test_no_two_entries_are_spelled_alike(entries: dict[str, str]) -> None:
    for name, entry in entries.items():
        assert entries[same_name(name.upper().replace("-", "_"), entries) or ""] == entry
