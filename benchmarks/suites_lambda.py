"""Curves of Lambda's benchmark: one node of up to eight GPUs, ten networks, two precisions.

A curve is one owner's servers of one GPU, with at least two scales from one GPU on, at one batch per GPU.
Left out are NeuMF, whose throughputs on several GPUs are up to a hundred times those of one, and points
whose batch per GPU is another than on one GPU. Networks that the zoo lacks are stated as totals of
``lambda_networks``; throughputs in tokens, frames or audio samples become samples of the batch.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lambda_networks import UNITS, lambda_network
from single_device import ALWAYS_WIDE, LAMBDA
from tables import READ, Row, rows

OWNER = re.compile(r"^(LambdaCloud|DellTexas|Dell|1CC|SMC|RAIDZ1)?\s*(?:\d+x\s*)?(.*)$")
ZOO = {
    "resnet50": "resnet-50", "bert_base_squad": "bert-base-squad-384",
    "bert_large_squad": "bert-large-squad-384",
}  # fmt: skip
ABSURD = ("ncf",)
RECURRENT = ("tacotron2", "gnmt")  # bound by launches at each step, which totals do not count
TF32 = ("A10", "RTX A6000", "RTX 6000 Ada", "RTX 3090", "RTX 4090", "A100 40GB PCIe", "A100 80GB PCIe",
        "A100 80GB SXM4", "H100 80GB PCIe Gen5", "H100 80GB SXM5")  # fmt: skip


def lambda_nodes(data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file, content), a file for each owner and GPU."""
    found: dict[tuple[str, str, str, str], list[Row]] = defaultdict(list)
    for row in rows(data / "published/single_node_lambda.csv"):
        owner, gpu = OWNER.match(row["system"]).groups()  # type: ignore[union-attr]
        if row["model"] not in ABSURD:
            found[owner or "Lambda", gpu, row["model"], row["precision"]].append(row)
    files: dict[str, dict[str, Any]] = {}
    for (owner, gpu, model, precision), curve in found.items():
        points = dict(sorted(_points(curve, model)))
        if 1 not in points or len(points) < 2:
            continue
        file = re.sub(r"\W+", "-", f"lambda-{gpu}-{owner}".lower())
        content = files.setdefault(file, _file(owner, gpu))
        content["machine"]["per-node"] = max(content["machine"]["per-node"], *points)
        recurrent = {"anchored-only": True} if model in RECURRENT else {}
        content["curve"].append({
            "name": re.sub(r"\W+", "-", f"{file}-{model}-{precision}".replace("_", "-")),
            "model": ZOO.get(model) or _totals(model), "precision": _precision(gpu, model, precision),
            "batch-per-device": _batch(curve[0]), "devices": list(points),
            "samples-per-s": [float(f"{value:.6g}") for value in points.values()],
        } | recurrent)  # fmt: skip
    yield from files.items()


def _points(curve: list[Row], model: str) -> Iterator[tuple[int, float]]:
    alone = next((_batch(row) for row in curve if row["n_devices"] == "1"), None)
    for row in curve:
        if _batch(row) == alone:
            yield int(row["n_devices"]), float(row["value"]) / UNITS.get(model, 1)


def _batch(row: Row) -> int:
    """Return the batch per GPU; files say that of all of them."""
    return round(float(row["notes"].rpartition(" ")[2]) / int(row["n_devices"]))


def _totals(model: str) -> str:
    net = lambda_network(model)
    activations = sum(layer.outputs for layer in net.layers if layer.macs)
    return f"counted-{net.parameters / 1e6:.4g}M-{net.macs / 1e9:.4g}G-{activations / 1e6:.4g}M"


def _precision(gpu: str, model: str, precision: str) -> str:
    """Return the arithmetic: fp32 of these containers is TF32 where a GPU has it."""
    if precision == "fp16" and model not in ALWAYS_WIDE:
        return "fp16"
    return "tf32" if gpu in TF32 else "fp32"


def _file(owner: str, gpu: str) -> dict[str, Any]:
    machine = {"device": LAMBDA[gpu], "per-node": 1}
    return {
        "published": {
            "title": f"Lambda's benchmark, {gpu}, servers of {owner}", "origin": "lambda",
            "source": "lambdal/deeplearning-benchmark:pytorch/pytorch-train-throughput-*.csv@aa5addb6a536",
            "retrieved": READ, "group": "lambda-node", "unit": "samples",
            "notes": "PyTorch in NVIDIA's containers, one node; exchange by NCCL",
        },
        "machine": machine,
        "plan": {"algorithm": "ring"},
        "curve": [],
    }  # fmt: skip
