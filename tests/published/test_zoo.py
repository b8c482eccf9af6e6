"""The zoo against published totals: exact ones within 2 %, rounded ones within half their last digit."""

import csv
from pathlib import Path

import pytest

from nearlinear.models.dnn import NETWORKS, network
from nearlinear.models.errors import SpecError
from nearlinear.models.training.volumes import volumes

DATA = Path(__file__).parent / "data"
MIB = 2**20
BATCH = 1024  # of FireCaffe's table 1
# The source's ResNets stride in the first convolution of a bottleneck, as in the paper.
NAMES = {
    "alexnet": "alexnet", "vgg-vd-16": "vgg-16", "vgg-vd-19": "vgg-19", "googlenet": "googlenet",
    "inception-v3": "inception-v3",
    "resnet18": "resnet-18", "resnet34": "resnet-34", "resnet-50": "resnet-50-v1",
    "resnet-101": "resnet-101-v1", "resnet-152": "resnet-152-v1",
}  # fmt: skip


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file below its line of sources."""
    with (DATA / name).open(encoding="utf-8") as file:
        assert file.readline().startswith("# ")
        return list(csv.DictReader(file))


def half_last_digit(printed: float) -> float:
    """Return half of what the last printed digit is worth: 727 is to 1, 2000 to 1000, 16000 to 1000."""
    worth = 1.0
    while printed >= 1000 * worth and printed % (1000 * worth) == 0:
        worth *= 1000
    return worth / 2


@pytest.mark.parametrize("row", rows("convnet_burden.csv"), ids=lambda row: row["network"])
def test_convnet_burden(row: dict[str, str]) -> None:
    """Parameters with running statistics, all layer outputs that are not in place, and multiply-adds."""
    net = network(NAMES[row["network"]])
    normalised = {"alexnet"} & {
        row["network"]
    }  # the source keeps no maps of AlexNet's normalisation, and no work
    lrn = [layer for layer in net.layers if layer.kind == "lrn" and normalised]
    elementwise = sum(layer.elementwise for layer in net.layers if layer not in lrn)
    counted = {
        "param_memory_mib": (net.parameters + net.buffers) * 4 / MIB,
        "feature_memory_mib": (net.kept - sum(layer.kept for layer in lrn)) * 4 / MIB,
        "forward_mega_multiply_adds": (net.macs + elementwise) / 1e6,
    }
    for column, value in counted.items():
        printed = float(row[column])
        assert abs(value - printed) <= half_last_digit(printed), (column, value, printed)


@pytest.mark.parametrize("row", rows("firecaffe_volumes.csv"), ids=lambda row: row["network"])
def test_firecaffes_volumes(row: dict[str, str]) -> None:
    """Layer inputs |D|, weights |W| and work of forward and backward at batch 1024."""
    net = network(row["network"])
    found = volumes(net, BATCH)
    counted = {
        "data_mb": found.activations_bytes / 1e6,
        "weights_mb": found.weights_bytes / 1e6,
        "forward_gmac_per_image": net.macs / 1e9,
        "tflop": found.flop / 1e12,
    }
    for column, value in counted.items():
        assert value == pytest.approx(
            float(row[column]), rel=0.002 if column != "forward_gmac_per_image" else 0.001
        )
    for column in ("data_mb", "weights_mb", "tflop"):
        assert counted[column] == pytest.approx(float(row[f"printed_{column}"]), rel=0.02)


@pytest.mark.parametrize("row", rows("parameters.csv"), ids=lambda row: row["network"])
def test_parameter_counts_are_exact(row: dict[str, str]) -> None:
    assert network(row["network"]).parameters == int(row["parameters"])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("lenet", 431080),  # 20*25+20 + 50*20*25+50 + 500*800+500 + 10*500+10
        ("mlp", 1276810),  # 784*800+800 + 800*800+800 + 800*10+10
        ("resnet-18", 11689512), ("resnet-34", 21797672), ("resnet-50", 25557032), ("resnet-101", 44549160),
        ("resnet-152", 60192808),  # torchvision's documentation prints these five
    ],
)  # fmt: skip
def test_parameter_counts_by_hand_or_print(name: str, parameters: int) -> None:
    assert network(name).parameters == parameters


def test_googlenet_moves_360_times_more_activations_than_weights() -> None:
    """FireCaffe's reason for data parallelism: |D| / |W| at batch 1024 (about 360 as remembered)."""
    net = network("googlenet")
    assert net.weighted_inputs * BATCH / net.parameters == pytest.approx(358.7, rel=0.001)


def test_where_the_stride_sits_changes_work_and_not_weights() -> None:
    late, early = network("resnet-50"), network("resnet-50-v1")
    assert late.parameters == early.parameters
    assert 1.05 < late.macs / early.macs < 1.07


def test_every_network_is_whole() -> None:
    for name in NETWORKS:
        net = network(name)
        assert net.name == name
        assert net.source
        names = [layer.name for layer in net.layers]
        assert sorted(set(names)) == sorted(names)
        assert all(layer.inputs > 0 and layer.outputs > 0 for layer in net.layers)
        # only what reads the image needs no gradient of its input
        assert [layer.needs_input_gradient for layer in net.layers].count(False) == 1


def test_backward_costs_about_twice_forward() -> None:
    for name in ("vgg-16", "resnet-50", "googlenet", "inception-v3"):
        net = network(name)
        assert 1.9 < net.backward_flop / net.forward_flop < 2.05


def test_unknown_network() -> None:
    with pytest.raises(SpecError, match="did you mean vgg-16"):
        network("vgg-17")
