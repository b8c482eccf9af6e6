"""Curves of NVIDIA's DeepLearningExamples: no constant of nearlinear was fitted on their scaling.

Taken are networks that the zoo has, at one batch per device: BERT-large on SQuAD (TensorFlow 1 and 2), 384
tokens, which exchanges in every step. Pre-training accumulates gradients over a number of steps that the
tables do not say, and is left out. One node of a DGX-1 or DGX A100 has 8 devices, of a DGX-2 16.
"""

import re
from collections.abc import Iterator
from typing import Any

from tables import READ, Row

SQUAD = "Fine-tuning training performance for SQuAD v1.1"
FRAMEWORKS = {"TensorFlow": "TensorFlow 1", "TensorFlow2": "TensorFlow 2"}
DEVICES = {"V100-16GB": "v100-sxm2-16gb", "V100-32GB": "v100-sxm2-32gb", "A100-SXM-40GB": "a100-sxm-40gb"}
PRECISIONS = {"mixed": "fp16", "fp32": "fp32", "tf32": "tf32"}
FEWEST_SCALES, LEAST_REACH, DGX_2 = 3, 8, 16


def examples(curves: dict[str, list[Row]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file, content) of the chosen curves, by framework and node."""
    files: dict[str, dict[str, Any]] = {}
    for name, curve in curves.items():
        first = curve[0]
        found = dict(sorted((int(float(row["n_devices"])), float(row["value"])) for row in curve))
        if SQUAD not in name or len(found) < FEWEST_SCALES or max(found) < LEAST_REACH:
            continue
        node = _node(name, first, max(found))
        framework = first["model"].partition("/")[0]
        file = re.sub(r"\W+", "-", f"{FRAMEWORKS[framework]} {node}".lower())
        content = files.setdefault(file, _file(first, FRAMEWORKS[framework], node))
        precision, batch = PRECISIONS[first["precision"]], int(float(first["per_device_batch"]))
        content["curve"].append({
            "name": f"bert-large-squad-{file}-{precision}-b{batch}", "model": "bert-large-squad-384",
            "precision": precision, "batch-per-device": batch, "devices": list(found),
            "samples-per-s": list(found.values()),
        })  # fmt: skip
    yield from files.items()


def _node(name: str, row: Row, reach: int) -> str:
    if row["device"].startswith("A100"):
        return "DGX A100"
    return "DGX-2" if reach == DGX_2 else f"DGX-1 {row['device']}"


def _file(row: Row, framework: str, node: str) -> dict[str, Any]:
    return {
        "published": {
            "title": f"DeepLearningExamples, {framework}, {node}", "origin": "nvidia-examples",
            "source": row["source"], "retrieved": READ, "group": "bert-squad", "unit": "sequences",
            "notes": "one node, Horovod with NCCL; batch per device as the table says",
        },
        "machine": {"device": DEVICES[row["device"]], "per-node": DGX_2 if node == "DGX-2" else 8},
        "plan": {"algorithm": "ring"},
        "curve": [],
    }  # fmt: skip
