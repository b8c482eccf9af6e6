"""Steps of one device that others measured, as the model of compute is fitted to and tried on them.

Rows of ``published/`` become networks, devices, precisions and batch sizes: Lambda's benchmark, timm's table,
the convolution benchmarks of Chintala and Johnson, and single devices of data-parallel results. A step that
several rows measured is one step with the median of their times.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import median

from lambda_networks import UNITS, lambda_network
from tables import rows

from nearlinear.models.catalogue import find_device
from nearlinear.models.dnn import network
from nearlinear.models.dnn.counted import counted
from nearlinear.models.dnn.network import Network, Stack
from nearlinear.models.hardware.device import Device

LAMBDA = {
    "Quadro RTX 8000": "quadro-rtx-8000", "A10": "a10", "RTX A6000": "rtx-a6000",
    "RTX 6000 Ada": "rtx-6000-ada", "RTX 3090": "rtx-3090", "RTX 4090": "rtx-4090",
    "A100 40GB PCIe": "a100-pcie-40gb", "A100 80GB PCIe": "a100-pcie-80gb",
    "A100 80GB SXM4": "a100-sxm-80gb", "H100 80GB PCIe Gen5": "h100-pcie",
    "H100 80GB SXM5": "h100-sxm", "V100 16GB": "v100-sxm2-16gb",
}  # fmt: skip
# Both tables have the same times on every GPU: their option for mixed precision had no effect.
ALWAYS_WIDE = ("tacotron2", "waveglow")
TIMM = {
    **{f"resnet{depth}": f"resnet-{depth}" for depth in (18, 34, 50, 101, 152)},
    "vgg16": "vgg-16", "vgg19": "vgg-19", "inception_v3": "inception-v3",
}  # fmt: skip
TIMM_SIZE = {"inception_v3": 299}
# Who trained it first, where a name begins so: not a family.
TRAINERS = r"^(tf|gluon|legacy|swsl|ssl|tv|ig|jx|dm|ese|eca|cs|ens|adv|gc|res)_"
SAME_FAMILY = {"oxfordnet": "vgg", "googlenet": "inception"}
TOTALS = re.compile(
    r"step ([\d.]+) ms; img (\d+); params ([\d.]+)M; fwd GMACs ([\d.]+) Macts ([\d.]+) @ (\d+)"
)
JOHNSON = {
    "Maxwell Titan X": "titan-x-maxwell", "Pascal Titan X": "titan-x-pascal", "GTX 1080": "gtx-1080",
    "GTX 1080 Ti": "gtx-1080-ti",
}  # fmt: skip
JOHNSON_NETWORKS = {
    "AlexNet": "alexnet", "Inception-V1": "googlenet-no-aux", "VGG-16": "vgg-16", "VGG-19": "vgg-19",
    "ResNet-18": "resnet-18", "ResNet-34": "resnet-34",
    **{f"ResNet-{depth}": f"resnet-{depth}-v1" for depth in (50, 101, 152)},
}  # fmt: skip
# Two Xeon E5-2630 v3: 16 cores at 2.4 GHz with 32 operations a cycle, four channels of DDR4-1866 each.
XEONS = "CPU: Dual Xeon E5-2630 v3"
XEONS_FLOP_PER_S, XEONS_BYTES_PER_S = 16 * 2.4e9 * 32, 118e9
CUDNN_FIVE, NEON = "cuDNN 5.1", "Nervana-neon-fp32"
CLASSICS = {
    "AlexNet": "alexnet", "GoogLeNet": "googlenet", "InceptionV3": "inception-v3", "NiN": "nin",
    "ResNet-50": "resnet-50-v1", "ResNet-50 v1.5": "resnet-50", "ResNet-152": "resnet-152-v1",
    "VGG16": "vgg-16", "BERT-base pretrain": "bert-base",
}  # fmt: skip
CLASSIC_DEVICES = {
    "P100-SXM2-16GB": "p100-sxm2", "P100-PCIe-16GB": "p100-pcie", "K80 (one GK210 die)": "k80",
    "V100-SXM2-16GB": "v100-sxm2-16gb",
}  # fmt: skip
IMAGES = 5120  # that one time of Theano-MPI is for
MLPERF = ("A100-SXM-40GB", "A100-SXM-80GB", "A100-PCIe-80GB", "H100-PCIe", "H100-SXM", "H200", "L40S")
NODE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A measured step.

    Attributes
    ----------
    source, name, family : str
        Whose table, the network in its words, and the family that is left out as one.
    network : Network
        What was trained.
    device : Device
        What trained it.
    precision : str
        Of the arithmetic.
    batch : float
        Samples.
    time_s : float
        Measured.
    partial : bool
        Convolutions alone were timed, without an update.
    """

    source: str
    name: str
    family: str
    network: Network = field(repr=False)
    device: Device = field(repr=False)
    precision: str
    batch: float
    time_s: float
    partial: bool = False

    @property
    def prior(self) -> str:
        """Which prior of compute it belongs to."""
        return self.device.generation or ("fp32" if self.precision == "fp32" else "tensor")


def measured(data: Path) -> list[Step]:
    """Return all steps, rows of one step as one."""
    found: dict[tuple[object, ...], list[Step]] = {}
    for reader in READERS:
        for step in reader(data):
            key = (step.source, step.name, step.device.name, step.precision, step.batch)
            found.setdefault(key, []).append(step)
    return [replace(same[0], time_s=median(step.time_s for step in same)) for same in found.values()]


def lambda_steps(data: Path) -> Iterator[Step]:
    """Yield Lambda's networks on one GPU; what it calls fp32 is TF32 on Ampere and later."""
    for r in rows(data / "published/single_node_lambda.csv"):
        device = re.sub(r"^\w+ (?=H100 80GB SXM5)", "", r["device"])
        if r["n_devices"] != "1":
            continue
        batch = float(r["notes"].rsplit("batch file value ", 1)[1])
        where, name = find_device(LAMBDA[device]), r["model"]
        wide = "tf32" if "tf32" in where.peak_flop_per_s else "fp32"
        half = r["precision"] == "fp16" and name not in ALWAYS_WIDE
        yield Step(
            source="Lambda", name=name, family=_family(name), network=lambda_network(name), device=where,
            precision="fp16" if half else wide, batch=batch,
            time_s=batch * UNITS.get(name, 1) / float(r["value"]),
        )  # fmt: skip


def timm_steps(data: Path) -> Iterator[Step]:
    """Yield timm's networks as totals, at the size that they were trained at."""
    for r in rows(data / "published/single_device_timm.csv"):
        totals = TOTALS.search(r["notes"])
        if totals is None:  # no multiply-adds in the table
            continue
        step_ms, size, parameters, macs, activations, counted_at = map(float, totals.groups())
        pixels = (size / counted_at) ** 2
        counts = (round(parameters * 1e6), round(macs * pixels * 1e9), round(activations * pixels * 1e6))
        yield Step(
            source=f"timm {r['strategy'].upper()}", name=r["model"], family=_family(r["model"]),
            network=_totals(*counts),
            device=find_device("rtx-3090"), precision="fp16", batch=float(r["per_device_batch"]),
            time_s=step_ms * 1e-3,
        )  # fmt: skip
        if r["model"] in TIMM and size == TIMM_SIZE.get(r["model"], 224):
            yield Step(
                source=f"timm {r['strategy'].upper()}, layer by layer", name=r["model"],
                family=_family(r["model"]), network=network(TIMM[r["model"]]),
                device=find_device("rtx-3090"), precision="fp16", batch=float(r["per_device_batch"]),
                time_s=step_ms * 1e-3,
            )  # fmt: skip


@cache
def _totals(parameters: int, macs: int, activations: int) -> Network:
    return counted(parameters, macs, activations)


def _family(name: str) -> str:
    """Return the letters that a name begins with, whatever the size and the trainer."""
    found = re.match("[a-z]+", re.sub(TRAINERS, "", name.lower()))
    letters = found[0].removesuffix("base").removesuffix("large") if found else name
    return SAME_FAMILY.get(letters, letters)


def johnson_steps(data: Path) -> Iterator[Step]:
    """Yield Johnson's networks under Torch with cuDNN 5.1, and on two processors."""
    for r in rows(data / "published/single_device_cnn.csv"):
        hosts = r["device"] == XEONS
        chosen = r["curve_id"].startswith("jcjohnson") and (hosts or CUDNN_FIVE in r["strategy"])
        if chosen and r["metric"] == "total_time" and r["model"] in JOHNSON_NETWORKS:
            yield Step(
                source="Johnson, processors" if hosts else "Johnson", name=r["model"],
                family=_family(r["model"]), network=network(JOHNSON_NETWORKS[r["model"]]),
                device=_xeons() if hosts else find_device(JOHNSON[r["device"]]),
                precision="fp32", batch=float(r["per_device_batch"]), time_s=float(r["value"]) * 1e-3,
            )  # fmt: skip


@cache
def _xeons() -> Device:
    """Return the two processors that Johnson measured."""
    like = find_device("i7-5930k")
    peak = replace(like.peak("fp32"), value=XEONS_FLOP_PER_S)
    memory = replace(like.memory_bandwidth_bytes_per_s, value=XEONS_BYTES_PER_S)
    return replace(
        like, name="2 x e5-2630", peak_flop_per_s={"fp32": peak}, memory_bandwidth_bytes_per_s=memory
    )


def chintala_steps(data: Path) -> Iterator[Step]:
    """Yield Chintala's networks under neon, which has fast convolutions: their convolutions alone."""
    known = {
        "AlexNet": network("alexnet-one-tower"), "GoogleNet": network("googlenet-no-aux"),
        "Overfeat": _overfeat(), "OxfordNet": _vgg_a(),
    }  # fmt: skip
    for r in rows(data / "published/single_device_cnn.csv"):
        chosen = r["curve_id"].startswith("soumith") and r["strategy"].startswith(NEON)
        if chosen and r["metric"] == "total_time":
            name = r["model"].split()[0]
            kept = tuple(layer for layer in known[name].layers if layer.kind == "conv")
            yield Step(
                source="Chintala", name=name, family=_family(name), network=replace(known[name], layers=kept),
                device=find_device("titan-x-maxwell"), precision="fp32",
                batch=float(r["per_device_batch"]), time_s=float(r["value"]) * 1e-3, partial=True,
            )  # fmt: skip


def _overfeat() -> Network:
    """Return the convolutions of OverFeat, the fast one (Sermanet et al. 2013, table 1)."""
    net = Stack(3, 231, 231)
    net.conv("conv1", 96, 11, 4).pool("pool1", 2, 2).conv("conv2", 256, 5).pool("pool2", 2, 2)
    net.conv("conv3", 512, 3, pad=1).conv("conv4", 1024, 3, pad=1).conv("conv5", 1024, 3, pad=1)
    return net.build("overfeat", "OverFeat", "Sermanet et al. 2013")


def _vgg_a() -> Network:
    """Return the convolutions of VGG-A (Simonyan and Zisserman 2014, table 1)."""
    net = Stack(3, 224, 224)
    for stage, (width, count) in enumerate(((64, 1), (128, 1), (256, 2), (512, 2), (512, 2))):
        for number in range(count):
            net.conv(f"conv{stage}.{number}", width, 3, pad=1)
        net.pool(f"pool{stage}", 2, 2)
    return net.build("vgg-a", "VGG-A", "Simonyan and Zisserman 2014")


def classic_steps(data: Path) -> Iterator[Step]:
    """Yield single devices of data-parallel results."""
    titles = {"tf": "tf_cnn_benchmarks", "theanompi": "Theano-MPI", "mxnet": "MXNet", "dlperf": "DLPerf"}
    for r in rows(data / "published/dp_classics.csv"):
        source = titles.get(r["curve_id"].partition("-")[0])
        known = r["model"] in CLASSICS and r["device"] in CLASSIC_DEVICES and r["per_device_batch"]
        if source is None or not known or float(r["n_devices"] or 0) != 1:
            continue
        rate = _rate(r)
        if rate is None:
            continue
        batch, mixed = float(r["per_device_batch"]), r["precision"] == "amp"
        yield Step(
            source=source + _part(source, r),
            name=f"{r['model']} {r['curve_id']}", family=_family(r["model"]),
            network=network(CLASSICS[r["model"]]),
            device=find_device(CLASSIC_DEVICES[r["device"]]), precision="fp16" if mixed else "fp32",
            batch=batch, time_s=batch / rate,
        )  # fmt: skip


def _part(source: str, r: dict[str, str]) -> str:
    """Return which part of a source with two kinds of rows this is."""
    if source == "DLPerf":
        return ", mixed" if r["precision"] == "amp" else ", fp32"
    return f", {r['device'].partition('-')[0].partition(' ')[0]}" if source == "tf_cnn_benchmarks" else ""


def _rate(r: dict[str, str]) -> float | None:
    if r["metric"] == "throughput":
        return float(r["value"])
    return IMAGES / float(r["value"]) if r["metric"] == "total_time_per_5120_images" else None


def mlperf_steps(data: Path) -> Iterator[Step]:
    """Yield ResNet-50 as submitted to MLPerf Training on one node: code that was tuned to win."""
    for r in rows(data / "published/mlperf_training.csv"):
        rate, count = r["train_throughput_samples_per_s_median"], float(r["n_devices"] or NODE + 1)
        if r["model"] == "resnet" and rate and count <= NODE and r["device"] in MLPERF and not r["notes"]:
            batch = float(r["per_device_batch"])
            yield Step(
                source="MLPerf", name="resnet", family="resnet", network=network("resnet-50"),
                device=find_device(r["device"].lower()), precision="fp16", batch=batch,
                time_s=batch * count / float(rate),
            )  # fmt: skip


READERS = (lambda_steps, timm_steps, johnson_steps, chintala_steps, classic_steps, mlperf_steps)
