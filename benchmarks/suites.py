"""Write the shipped suites of published curves from tables of published results.

    python benchmarks/suites.py --data DIR

DIR holds ``published/*.csv``. What is chosen and how names are read stands in ``docs/validation.md``; the
rules are the same for all curves. Files are written into ``reports/data/suites``.
"""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from suites_examples import examples
from suites_lambda import lambda_nodes
from suites_mlperf import mlperf
from tables import READ, Row, rows

from nearlinear.reports.validation.suite import SHIPPED

FEWEST_SCALES, LEAST_REACH = 3, 8
ASSUMED_BATCH = 32  # of the one curve that does not say
NETWORKS = {
    "AlexNet": "alexnet-one-tower", "GoogLeNet": "googlenet", "InceptionV3": "inception-v3",
    "ResNet-50": "resnet-50-v1", "ResNet-152": "resnet-152-v1", "ResNet-50 v1.5": "resnet-50",
    "VGG16": "vgg-16", "BERT-base pretrain": "bert-base",
}  # fmt: skip
UNITS = {"sentences/s": "sentences"}
P2_8 = {"device": "k80", "per-node": 8, "net": "eth-10g"}
V100_EDR = {"device": "v100-sxm2-16gb", "per-node": 8, "net": "ib-edr"}
P100_EDR = {"device": "p100-pcie", "per-node": 4, "net": "ib-edr"}
ASCEND = {"device": "ascend-910", "per-node": 8, "net": "eth-100g", "nics": 8}
# prefix of the curve, who published it, file, title, machine
SYSTEMS: tuple[tuple[str, str, str, str, Mapping[str, Any]], ...] = (
    ("tf-dgx1p100", "tensorflow", "tensorflow-dgx1", "tf_cnn_benchmarks, DGX-1 with P100",
     {"cluster": "dgx-1p"}),
    ("tf-gce-k80", "tensorflow", "tensorflow-gce", "tf_cnn_benchmarks, Google Compute Engine, K80",
     {"device": "k80", "per-node": 8}),
    ("tf-ec2-k80-dist", "tensorflow", "tensorflow-ec2-distributed", "tf_cnn_benchmarks, p2.8xlarge, K80",
     P2_8),
    ("tf-ec2-k80", "tensorflow", "tensorflow-ec2", "tf_cnn_benchmarks, one p2.8xlarge, K80", P2_8),
    ("mxnet-p2.16xl", "mxnet", "mxnet-p2", "MXNet, p2.16xlarge, K80", {"cluster": "p2-16xlarge"}),
    ("dlperf-ResNet", "dlperf", "dlperf-resnet", "OneFlow DLPerf, ResNet-50, V100, one EDR adapter per node",
     V100_EDR),
    ("dlperf-BERT", "dlperf", "dlperf-bert", "OneFlow DLPerf, BERT-base, V100, one EDR adapter per node",
     V100_EDR),
    ("dell-mxnet", "dell", "dell", "MXNet, Dell C4130 with P100 PCIe", P100_EDR),
    ("mindspore-rn50", "mindspore", "mindspore", "MindSpore, Ascend 910", ASCEND),
)  # fmt: skip
NOTES = {
    "dlperf": "synchronous data parallelism with NCCL; medians of repeats",
    "dell": "distributed parameter server; the batch is not stated, 32 per device is assumed",
    "mindspore": "synchronous data parallelism with HCCL",
    "theano-mpi": "BSP, NCCL, one exchange per tensor, not overlapped",
}
# Strategies that exchange with NCCL or its kind: rings, all of which share the one adapter of a node. Where
# each device has its own, there are as many rings, which take what the two-level algorithms take.
LIBRARY_RINGS = ("NGC", "sync DP", "NCCL")
THEANO = {"AlexNet": "alexnet", "GoogLeNet": "googlenet", "VGG16": "vgg-16", "ResNet-50": "resnet-50-v1"}
FIRECAFFE = Path(__file__).parents[1] / "docs" / "examples" / "firecaffe_results.csv"
EPOCH_IMAGES = 1.2e6


def by_curve(data: Path, name: str, metric: str) -> dict[str, list[Row]]:
    """Return the rows of each curve that has so a metric."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows(data / "published" / name):
        if row["metric"] == metric:
            found[row["curve_id"]].append(row)
    return found


def scales(curve: Iterable[Row]) -> dict[int, float]:
    """Return the value at each device count, rising; the last of equal counts stands."""
    return dict(sorted((int(float(row["n_devices"])), float(row["value"])) for row in curve))


def data_parallel(data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (file, content) of the curves with three scales or more that reach eight devices."""
    files: dict[str, dict[str, Any]] = {}
    for name, curve in by_curve(data, "dp_classics.csv", "throughput").items():
        found = scales(curve)
        if len(found) < FEWEST_SCALES or max(found) < LEAST_REACH:
            continue
        _, origin, file, title, machine = next(one for one in SYSTEMS if name.startswith(one[0]))
        first = curve[0]
        served = bool(re.search(r"parameter.server|PS ", first["strategy"]))
        file += "-served" if served and origin == "tensorflow" else ""
        content = files.setdefault(file, _file(first, title, origin, served, machine))
        own: dict[str, Any] = {"name": _name(name), "model": NETWORKS[first["model"]]}
        if first["precision"] != "fp32":
            own["precision"] = "fp16"
        if any(word in first["strategy"] for word in LIBRARY_RINGS) and not served and "nics" not in machine:
            own["algorithm"] = "ring"
        own["batch-per-device"] = int(float(first["per_device_batch"] or ASSUMED_BATCH))
        own |= {"devices": list(found), "samples-per-s": list(found.values())}
        content["curve"].append(own | ({"real-data": True} if "-real" in name else {}))
    yield from files.items()


def _file(row: Row, title: str, origin: str, served: bool, machine: Mapping[str, Any]) -> dict[str, Any]:
    published: dict[str, Any] = {"title": title, "origin": origin}
    published |= {"source": row["source"].replace(" (file removed later)", ""), "retrieved": READ}
    published |= {"unit": UNITS[row["unit"]]} if row["unit"] in UNITS else {}
    published |= {"parameter-server": True} if served else {}
    published["notes"] = NOTES.get(origin) or f"{row['strategy']}; {row['notes']}"
    return {"published": published, "machine": dict(machine), "curve": []}


def _name(curve: str) -> str:
    words = re.sub(r"<sup>.*?</sup>", "", curve).replace("W/O clip", "without clip")
    return re.sub(r"[^a-z0-9.]+", "-", words.lower()).strip("-")


def theano_mpi(data: Path) -> tuple[str, dict[str, Any]]:
    """Return the curves of Theano-MPI's README: seconds per 5120 images, nothing overlapped."""
    curves = by_curve(data, "dp_classics.csv", "total_time_per_5120_images")
    first = next(iter(curves.values()))[0]
    content = _file(first, "Theano-MPI on copper, K80", "theano-mpi", False, {"cluster": "copper"})
    content["published"] |= {
        "group": "theano-mpi",
        "notes": "BSP, NCCL, one exchange per tensor, not overlapped",
    }
    content["plan"] = {"algorithm": "ring", "bucket": "tensor", "overlap": False}
    for name, curve in curves.items():
        found = scales(curve)
        content["curve"].append({
            "name": _name(name), "model": THEANO[curve[0]["model"]],
            "batch-per-device": int(float(curve[0]["per_device_batch"])), "devices": list(found),
            "timed-samples": 5120, "time-s": list(found.values()),
        })  # fmt: skip
    return "theano-mpi", content


def firecaffe() -> tuple[str, dict[str, Any]]:
    """Return FireCaffe's curves: throughput from hours and epochs, one GPU and the largest batch."""
    content: dict[str, Any] = {
        "published": {
            "title": "FireCaffe on Titan, K20X", "origin": "firecaffe", "group": "firecaffe",
            "source": "Iandola et al. 2016, arXiv 1511.00175: abstract (39 and 47 times), tables remembered",
            "retrieved": READ, "notes": "one GPU per node, reduction trees, nothing overlapped",
        },
        "machine": {"cluster": "titan"},
        "plan": {"algorithm": "tree", "bucket": "layer", "overlap": False, "staged": "pcie2"},
        "curve": [],
    }  # fmt: skip
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows(FIRECAFFE):
        if row["devices"] == "1" or row["batch"] == "1024":
            found[row["network"]].append(row)
    for network, curve in found.items():
        alone = EPOCH_IMAGES * float(curve[0]["epochs"]) / float(curve[0]["hours"]) / 3600
        more = [float(row["speed_up"]) * float(row["epochs"]) / float(curve[0]["epochs"]) for row in curve]
        content["curve"].append({
            "name": f"firecaffe-{network}", "model": network,
            "global-batch": ",".join(f"{row['devices']}:{row['batch']}" for row in curve),
            "devices": [int(row["devices"]) for row in curve],
            "remembered": [int(row["devices"]) for row in curve[1:] if row["known"] == "remembered"],
            "samples-per-s": [float(f"{alone * one:.5g}") for one in more],
        })  # fmt: skip
    return "firecaffe", content


def toml(content: Mapping[str, Any]) -> str:
    """Return tables as TOML, lists on one line."""
    lines: list[str] = []
    for table, values in content.items():
        for one in values if isinstance(values, list) else [values]:
            lines += [f"[[{table}]]" if isinstance(values, list) else f"[{table}]"]
            lines += [f"{key} = {_value(value)}" for key, value in one.items()] + [""]
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', "'") + '"'
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e5 else f"{value}"


def write(suite: str, files: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Write the files of a suite."""
    folder = SHIPPED / suite
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files:
        (folder / f"{name}.toml").write_text(toml(content), encoding="utf-8")


def main() -> None:
    """Write every suite."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    write("data-parallel", [*data_parallel(data), theano_mpi(data), *lambda_nodes(data)])
    write("mlperf", mlperf(rows(data / "published" / "mlperf_training.csv")))
    write("seeds", [firecaffe(), theano_mpi(data)])
    write("examples", examples(by_curve(data, "nvidia_deeplearningexamples.csv", "throughput")))


if __name__ == "__main__":
    main()
