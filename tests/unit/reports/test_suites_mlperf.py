"""The suite of MLPerf curves: its files, the rules that made them, the networks counted for it."""

import importlib
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from nearlinear.models.training.memory import check_fits
from nearlinear.reports.validation.curve import Curve
from nearlinear.reports.validation.suite import find_suite, read_suite

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
ADAPTERS = "Storage: 2x ConnectX-7 IB NDR 400Gb/s, Compute: 8x ConnectX-7 IB NDR 400Gb/s"
ROW = {
    "round": "v3.0", "submitter": "NVIDIA", "model": "resnet", "notes": "", "value": "2.66317",
    "system": "v3.0/NVIDIA/dgxh100_n8_ngc23.04_mxnet", "link": f"intra: NVLINK | inter: {ADAPTERS}",
    "device_raw": "NVIDIA H100-SXM5-80GB", "n_devices": "64.0", "nodes": "8.0", "devices_per_node": "8.0",
    "global_batch": "3200.0", "epochs_or_samples_at_stop_median": "35.0", "epoch_time_s_median": "4.3445",
    "eval_seconds_total_median": "0.889", "train_throughput_samples_per_s_median": "294871",
    "source": "mlcommons/training_results_v3.0:NVIDIA@63e326c400f5",
    "framework": "MXNet NVIDIA Release 23.04",
}  # fmt: skip
A100_CARD = {"device_raw": "NVIDIA A100-PCIe-80GB"}
DGX2H = {"device_raw": "V100", "system": "v0.6/NVIDIA/dgx2h_n32_ngc19.05_mxnet", "devices_per_node": "16.0"}
GB200 = {"device_raw": "NVIDIA Blackwell GPU (GB200)", "devices_per_node": "4.0"}


@pytest.fixture(scope="module")
def curves() -> dict[str, Curve]:
    suite = read_suite(find_suite("mlperf"))
    return {curve.name: curve for curve in suite.curves}


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("suites_mlperf")


@pytest.fixture
def networks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("mlperf_networks")


def test_the_population(curves: dict[str, Curve]) -> None:
    groups = Counter(curve.published.group.removeprefix("mlperf-") for curve in curves.values())
    assert groups == {
        "resnet": 16, "bert": 10, "retinanet": 13, "maskrcnn": 7, "ssd": 4, "rnnt": 6, "stable_diffusion": 4,
        "unet3d": 2,
    }  # fmt: skip
    assert sum(len(curve.devices) for curve in curves.values()) == 206


def test_every_case_builds_and_fits(curves: dict[str, Curve]) -> None:
    """Each scale has a batch that its devices share evenly and hold in memory."""
    for curve in curves.values():
        case = curve.case
        for devices in map(int, curve.devices):
            batch = case.batch_per_device(devices)
            assert batch == int(batch) >= 1, curve.name
            check_fits(case.network, case.device, curve.scenario.workload.precision, batch)


def test_no_row_that_a_trap_excludes(curves: dict[str, Curve]) -> None:
    """The contradictory 4216, spatial parallelism in 72 and 768 of U-Net, v0.5, broken epochs."""
    counts = {name: list(map(int, curve.devices)) for name, curve in curves.items()}
    assert counts["v2.0-nvidia-resnet-a100-sxm-80gb"] == [8, 64, 1024]
    assert not any(n in (72, 768) for name, found in counts.items() if "unet3d" in name for n in found)
    assert not any(name.startswith("v0.5") or "florida" in name for name in counts)
    assert all(len(found) >= 3 for found in counts.values())


def test_values_of_the_table(curves: dict[str, Curve]) -> None:
    """By hand: a logged throughput, one per device times 64, BERT's sequences over the run's seconds."""
    assert curves["v3.0-nvidia-resnet-h100-sxm"].rate(64) == 294871
    assert curves["v3.0-nvidia-retinanet-h100-sxm"].rate(64) == pytest.approx(199.023 * 64, rel=1e-5)
    bert = curves["v2.0-nvidia-bert-a100-sxm-80gb"]
    assert bert.rate(1024) == pytest.approx(2803970.5 / 25.5125, rel=1e-5)
    assert bert.scenario.plan.global_batch is not None
    assert bert.scenario.plan.global_batch.at(1024) == 4096


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"notes": "identical to v2.1 (resubmitted, do not count twice)"}, "resubmitted"),
        ({"notes": "no run logged success; do not use"}, "failed"),
        ({"notes": "logged throughput inconsistent with time"}, "contradicts itself"),
        ({"n_devices": ""}, "no device count"),
        ({"round": "v0.5"}, "unreliable"),
        ({"global_batch": "32.0"}, "fewer samples than devices"),
        ({"global_batch": "3201.0"}, "not shared evenly"),
        ({"model": "gpt3"}, "not data-parallel"),
        ({"train_throughput_samples_per_s_median": "250000"}, "throughput and epoch disagree"),
        ({"value": "5.0"}, "epochs are half of the time"),
        ({"device_raw": "Graphcore Bow IPU"}, "not in the catalogue"),
    ],
)
def test_rows_left_out(rules: ModuleType, change: dict[str, str], why: str) -> None:
    assert rules.usable(ROW).samples_per_s == 294871
    assert rules.usable(ROW | change) is None, why


def test_throughput_from_what_is_logged(rules: ModuleType) -> None:
    """1,281,167 images in 4.3445 s are 294,894 a second."""
    bare = ROW | {"train_throughput_samples_per_s_median": ""}
    assert rules.throughput(bare) == pytest.approx(294894, rel=1e-5)
    per_device = ROW | {"train_throughput_samples_per_s_median": "4607.36"}
    assert rules.throughput(per_device) == pytest.approx(294871, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "node"),
    [
        ({}, ("h100-sxm", 8, "ib-ndr", 8)),
        ({"link": "inter: ; topo: N/A"}, ("h100-sxm", 8, "ib-ndr", 8)),
        (A100_CARD | {"link": "inter: N/A ; topo: N/A"}, ("a100-pcie-80gb", 8, "ib-edr", 1)),
        (A100_CARD | {"link": "intra: N/A | inter: 2x Cornelis Networks Omni-Path HFI Adapter"},
         ("a100-pcie-80gb", 8, "100Gb", 2)),
        (DGX2H, ("v100-sxm2-32gb", 16, "ib-edr", 8)),
        (GB200, ("gb200", 72, "ib-ndr", 72)),
    ],
)  # fmt: skip
def test_machines(rules: ModuleType, change: dict[str, str], node: tuple[str, int, str, int]) -> None:
    assert tuple(rules.machine(ROW | change)) == node


def test_the_middle_row_of_one_device_count(rules: ModuleType) -> None:
    """The middle throughput of 64 devices stands; two device counts of one release are no curve."""
    rates = ((8, 5e4), (64, 3.0e5), (64, 2.8e5), (64, 2.9e5), (512, 2e6))
    bare = ROW | {"epoch_time_s_median": ""}
    measured = "train_throughput_samples_per_s_median"
    rows = [
        bare | {"n_devices": str(devices), "global_batch": str(50 * devices), measured: str(rate)}
        for devices, rate in rates
    ]
    ((name, content),) = rules.mlperf(rows)
    (curve,) = content["curve"]
    assert name == "v3.0-resnet"
    assert (curve["devices"], curve["samples-per-s"]) == ([8, 64, 512], [5e4, 2.9e5, 2e6])
    assert curve["global-batch"] == "8:400,64:3200,512:25600"
    assert list(rules.mlperf(rows[:4])) == []
    assert list(rules.mlperf([*rows[:4], rows[4] | {"framework": "MXNet NVIDIA Release 23.09"}])) == []


def test_counted_networks(networks: ModuleType) -> None:
    """torchvision states 34,014,999 and 44,401,393 parameters and 151.54 G; Stable Diffusion 865.91 M."""
    retinanet = networks.retinanet(classes=91, width=64, groups=1)
    assert (retinanet.parameters, round(retinanet.macs / 1e9, 2)) == (34_014_999, 151.54)
    assert networks.mask_rcnn().parameters == 44_401_393
    assert round(networks.diffusion().parameters / 1e6, 2) == 865.91
