"""Curves of MLPerf Training from a table of its logs.

Written by ``suites.py``. The rules, the same for all:

- **Left out**: rows marked *identical to* (resubmitted), *no run logged success* or *inconsistent*; rows
  without a device count; rows of v0.5, whose counts are unreliable; batches that devices do not share evenly
  (spatial or model parallelism).
- **Throughput**: as logged, in samples/s. Where the epoch is logged too, images of an epoch over its seconds
  must agree within 10 %: a log that agrees once multiplied by the devices was per device; any other
  contradicts itself and is left out, as is one whose epochs and evaluations make up less than three fifths
  of its time to train (two rows have 0.41 and 0.46, the next 0.76). Without a logged throughput the epoch
  alone says it. BERT logs its whole run as one epoch and, from v2.0, the sequences seen at its end; before,
  nobody can know them.
- **Curves**: rows of one round, submitter, benchmark, device and release of the framework. Those with several
  nodes belong together where node and adapters are the same; rows within one node join each such group whose
  node is large enough. Three device counts make a curve. Of several rows with one device count the middle
  throughput stands (of two, the lower).
- **Machines**: devices by name; adapters as the text says, *Compute* before others. Where it says nothing:
  the DGX of the name, else one adapter per device for modules (EDR for V100, HDR for A100, NDR after), and
  one EDR adapter per node for cards. A GB200 rack is one NVLink domain of 72. All exchange with NCCL: one
  ring where one adapter serves all devices of a node.
- **Batches** differ along a curve: each scale has its own. Arithmetic is 16-bit, gradients on the wire are
  32-bit: logs say neither. They are 16-bit where NVIDIA's code, which all use, says so: BERT's optimiser
  reduces halves (training_results_v2.0@a6ae3e16d97b, optim/distributed_fused_lamb.py), and Stable Diffusion
  keeps halves with 32-bit masters (training_results_v3.1@f33f94442050, conf/sd2_mlperf_train_moments.yaml).
  BERT's sequences are 256 tokens long, not 512: submitters leave the padding out, which is half of all tokens
  (Krell et al. 2021, arXiv 2107.02027).

Benchmarks left out: what is not purely data-parallel (dlrm, gpt3, llama, flux1, rgat, gnn), reinforcement
learning (minigo), ncf; gnmt and transformer, whose throughput is not logged and whose filtered sentences an
epoch has nobody says. From v2.0 the benchmark *ssd* is RetinaNet. Graphcore's IPU and NVIDIA's A30 and
A100 PCIe 40 GB are not in the catalogue.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mlperf_networks import COUNTED
from tables import READ

FEWEST_SCALES = 3
AGREE = 0.1  # of throughput and epoch time: logs differ by less, or by much more
EXPLAINED = 0.6  # of the time to train, by epochs and evaluations
REFUSED = ("identical to", "no run logged success", "inconsistent")
NETWORKS = {"resnet": "resnet-50", "bert": "bert-large-256"} | {k: one().name for k, one in COUNTED.items()}
EPOCH = {"resnet": 1_281_167, "ssd": 117_266, "maskrcnn": 117_266, "retinanet": 1_170_301}
WIRES = {"bert": "float16", "stable_diffusion": "float16"}
RECURRENT = "rnnt"  # bound by launches at each step, which totals do not count
UNITS = {"bert": "sequences", "unet3d": "volumes", "rnnt": "utterances"}
# part of a device's raw name, name in the catalogue, adapter where none is stated
DEVICES = (
    (r"V100.SXM3", "v100-sxm2-32gb", "ib-edr"), (r"V100.SXM2.16GB", "v100-sxm2-16gb", "ib-edr"),
    (r"V100.SXM2.32GB", "v100-sxm2-32gb", "ib-edr"), (r"A100.SXM.?.40GB", "a100-sxm-40gb", "ib-hdr"),
    (r"A100.SXM.?.80GB", "a100-sxm-80gb", "ib-hdr"), (r"A100.*PCI[eE].*80", "a100-pcie-80gb", None),
    (r"H100.SXM.?.80GB", "h100-sxm", "ib-ndr"), (r"H100.PCIe", "h100-pcie", None),
    (r"H200.SXM", "h200", "ib-ndr"), (r"B200.SXM", "b200", "ib-ndr"), (r"\(GB200\)", "gb200", "ib-ndr"),
    (r"MI300X", "mi300x", "eth-400g"), (r"L40S", "l40s", None),
)  # fmt: skip
DGX = {"dgx1": ("v100-sxm2-16gb", 4), "dgx2": ("v100-sxm2-32gb", 8), "dgx2h": ("v100-sxm2-32gb", 8)}
CARD_ADAPTER = "ib-edr"
RATES = {"EDR": "ib-edr", "HDR100": "ib-edr", "HDR": "ib-hdr", "NDR": "ib-ndr", "Omni-Path": "100Gb"}
ADAPTERS = re.compile(r"(\d+) ?x [^,+|]*?(HDR100|EDR|HDR|NDR|Omni-Path)")
RACK = 72  # GPUs that NVLink joins in a GB200 NVL72
Row = Mapping[str, str]


class Node(NamedTuple):
    """What a node is: its device, how many, and its adapters."""

    device: str
    per_node: int
    net: str
    nics: int


class Point(NamedTuple):
    """A usable row."""

    row: Row
    devices: int
    batch: int
    samples_per_s: float
    node: Node


def mlperf(rows: Iterable[Row]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file, content) of each round and benchmark that has curves, from the rows of the table."""
    groups: dict[tuple[str, ...], list[Point]] = defaultdict(list)
    for row in rows:
        if point := usable(row):
            kind = (_family(row), row["device_raw"], row["framework"].lower())
            groups[row["round"], benchmark(row), row["submitter"], *kind].append(point)
    files: dict[str, dict[str, Any]] = {}
    for (turn, name, submitter, *_), points in sorted(groups.items()):
        for curve in curves(points):
            content = files.setdefault(f"{turn}-{name}", _file(curve[0].row, name))
            content["curve"].append(_curve(f"{turn}-{submitter}-{name}", curve))
    for content in files.values():
        _number(content["curve"])
    yield from files.items()


def benchmark(row: Row) -> str:
    """Return the benchmark of a row; RetinaNet ran under the name of its forerunner at first."""
    return "retinanet" if row["model"] == "ssd" and row["round"] >= "v2.0" else row["model"]


def usable(row: Row) -> Point | None:
    """Return what a row says, or None where a rule leaves it out."""
    if any(mark in row["notes"] for mark in REFUSED) or row["round"] == "v0.5":
        return None
    if benchmark(row) not in NETWORKS or not row["n_devices"] or not row["global_batch"]:
        return None
    devices, batch = int(float(row["n_devices"])), int(float(row["global_batch"]))
    rate, node = throughput(row), machine(row)
    if batch < devices or batch % devices or rate is None or node is None:
        return None
    return Point(row, devices, batch, float(f"{rate:.6g}"), node)


def throughput(row: Row) -> float | None:
    """Return samples per second, or None where the log says nothing or contradicts itself."""
    logged = _number_of(row["train_throughput_samples_per_s_median"])
    epoch_s = _number_of(row["epoch_time_s_median"])
    samples = EPOCH.get(benchmark(row))
    if row["model"] == "bert" and row["round"] >= "v2.0":
        samples = int(_number_of(row["epochs_or_samples_at_stop_median"]) or 0)
    if not samples or not epoch_s:
        return logged
    counted = samples / epoch_s
    if row["model"] != "bert" and _explained(row, epoch_s) < EXPLAINED:
        return None
    for factor in (1.0, float(row["n_devices"])):
        if logged and abs(logged * factor / counted - 1.0) <= AGREE:
            return logged * factor
    return None if logged else counted


def _explained(row: Row, epoch_s: float) -> float:
    """Return the fraction of the time to train that the median epoch and evaluations are."""
    epochs = float(row["epochs_or_samples_at_stop_median"])
    return (epochs * epoch_s + float(row["eval_seconds_total_median"] or 0.0)) / 60.0 / float(row["value"])


def _number_of(text: str) -> float | None:
    return float(text) if text else None


def _family(row: Row) -> str:
    """Return the kind of DGX where the table's device is only V100, as in v0.6."""
    return row["system"].split("/")[-1].split("_")[0] if row["device_raw"] == "V100" else ""


def machine(row: Row) -> Node | None:
    """Return the node of a row, or None for a device that the catalogue has not."""
    per_node = int(float(row["devices_per_node"] or row["n_devices"]))
    if (kind := _family(row)) in DGX:
        device, nics = DGX[kind]
        return Node(device, per_node, "ib-edr", nics)
    found = next((one for one in DEVICES if re.search(one[0], row["device_raw"])), None)
    if found is None:
        return None
    _, device, usual = found
    if device == "gb200":
        return Node(device, RACK, "ib-ndr", RACK)
    between = row["link"].partition("inter: ")[2].partition("; topo")[0]
    if stated := ADAPTERS.search(between.partition("Compute:")[2] or between):
        return Node(device, per_node, RATES[stated[2]], int(stated[1]))
    return Node(device, per_node, usual or CARD_ADAPTER, per_node if usual else 1)


def curves(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Yield the curves of one submitter's rows of a benchmark and device."""
    alone = [one for one in points if one.devices <= one.node.per_node]
    nodes = {one.node: None for one in points if one.devices > one.node.per_node}
    largest = max(points, key=lambda one: one.node.per_node).node
    for node in nodes or {largest: None}:
        mine = [one for one in points if one.devices > one.node.per_node and one.node == node]
        mine += [one for one in alone if one.devices <= node.per_node]
        found: dict[int, list[Point]] = defaultdict(list)
        for one in mine:
            found[one.devices].append(one._replace(node=node))
        if len(found) >= FEWEST_SCALES:
            yield [_middle(found[devices]) for devices in sorted(found)]


def _middle(points: Sequence[Point]) -> Point:
    return sorted(points, key=lambda one: one.samples_per_s)[(len(points) - 1) // 2]


def _file(row: Row, name: str) -> dict[str, Any]:
    published = {
        "title": f"MLPerf Training {row['round']}, {name}", "origin": "mlperf",
        "source": f"mlcommons/training_results_{row['round']}@{row['source'].rpartition('@')[2]}, logs",
        "retrieved": READ, "group": f"mlperf-{name}", "unit": UNITS.get(name, "images"),
        "notes": "medians of logs, not official MLPerf scores",
    }  # fmt: skip
    content: dict[str, Any] = {"published": published}
    content["workload"] = {"model": NETWORKS[name], "precision": "fp16"}
    content |= {"plan": {"wire": WIRES[name]}} if name in WIRES else {}
    return content | {"curve": []}


def _curve(name: str, points: Sequence[Point]) -> dict[str, Any]:
    node = points[0].node
    own: dict[str, Any] = {
        "name": re.sub(r"[^a-z0-9.]+", "-", f"{name}-{node.device}".lower()),
        "device": node.device, "per-node": node.per_node,
    }  # fmt: skip
    if points[-1].devices > node.per_node:
        own |= {"net": node.net, "nics": node.nics}
        own |= {"algorithm": "ring"} if node.nics == 1 < node.per_node else {}
    own["global-batch"] = ",".join(f"{one.devices}:{one.batch}" for one in points)
    own["devices"] = [one.devices for one in points]
    own |= {"anchored-only": True} if f"-{RECURRENT}" in name else {}
    return own | {"samples-per-s": [one.samples_per_s for one in points]}


def _number(found: Sequence[dict[str, Any]]) -> None:
    """Give curves of one name the numbers 2, 3 ... behind it."""
    seen: dict[str, int] = defaultdict(int)
    for curve in found:
        seen[curve["name"]] += 1
        curve["name"] += f"-{seen[curve['name']]}" if seen[curve["name"]] > 1 else ""
