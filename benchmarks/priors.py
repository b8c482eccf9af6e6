"""Recompute the constants of ``models/data/priors.toml`` from published results.

    python benchmarks/priors.py --data DIR

DIR holds ``published/dp_classics.csv``, ``published/hardware_facts.csv``, ``published/vtrain_allreduce.csv``
and ``collective_logs/*.csv``. Every printed line is a constant with the number of results behind it.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
from tables import rows

from nearlinear.models.catalogue import devices, find_device, find_link
from nearlinear.models.dnn import network
from nearlinear.models.training.roofline import layer_times

# log, family, nominal GB/s that one device (or node) has for it, by catalogue link x adapters
LOGS = (
    ("a100x8_sxm4_40g_allreduce_superbench", "nvlink", "nvlink3", 1),
    ("h100x8_aws_batch_p5_allreduce", "nvlink", "nvlink4", 1),
    ("h100x8_smc_mlperf40_run1", "nvlink", "nvlink4", 1),
    ("h200x8_gcp_a3u_mlperf50_r0", "nvlink", "nvlink4", 1),
    ("gb200x72_coreweave_nvl72", "nvlink", "nvlink5", 1),
    ("h100x64_coreweave_ib", "network", "ib-ndr", 8),
    ("h200x64_gcp_a3u_mlperf50_r0", "network", "eth-400g", 8),
    ("h100_gcp_a3high_tcpx_allgather", "network", "tcpx", 4),
    ("h100x16_aws_p5_efa_allreduce", "network", "efa-v2", 32),
)
SYSTEMS = {
    "a100_sxm": ("nvlink", "nvlink3"),
    "h100_sxm": ("nvlink", "nvlink4"),
    "h200_sxm": ("nvlink", "nvlink4"),
    "b200_sxm": ("nvlink", "nvlink5"),
    "rtx_pro_6000_server": ("pcie", "pcie5"),
}
# Theano-MPI's bus bandwidth on copper, GB/s, read from its README of 2017-07-18 (docs/seeds.md)
COPPER = (("pcie", "pcie3", 6.3), ("pcie", "pcie3", 7.0), ("pcie", "qpi", 3.35))
POINT_TO_POINT = (("gh200_cscs_osu75_bw_HH_inter", "network", "slingshot11"),
                  ("gh200_cscs_osu75_bw_DD_inter", "network", "slingshot11"))  # fmt: skip

NETWORKS = {
    "AlexNet": "alexnet", "GoogLeNet": "googlenet", "InceptionV3": "inception-v3", "NiN": "nin",
    "ResNet-50": "resnet-50-v1", "ResNet-50 v1.5": "resnet-50", "ResNet-152": "resnet-152-v1",
    "VGG16": "vgg-16",
}  # fmt: skip
DEVICES = {
    "P100-SXM2-16GB": "p100-sxm2", "P100-PCIe-16GB": "p100-pcie", "K80 (one GK210 die)": "k80",
    "V100-SXM2-16GB": "v100-sxm2-16gb", "K20X (K20 in paper)": "k20x",
}  # fmt: skip
TIMM = {
    **{f"resnet{depth}": f"resnet-{depth}" for depth in (18, 34, 50, 101, 152)},
    **{f"vgg{depth}": f"vgg-{depth}" for depth in (16, 19)},
    "inception_v3": "inception-v3",
}
TIMM_SIZE = {"inception_v3": 299}
MLPERF = {
    name: name.lower()
    for name in (
        "A100-SXM-40GB", "A100-SXM-80GB", "A100-PCIe-80GB", "H100-PCIe", "H100-SXM", "H200", "L40S",
    )
}  # fmt: skip
# Allreduce bus bandwidth, GB/s, near 0.5 to 1.7 GB, of systems with the same links: A100 x 8 (superbenchmark,
# aiconfigurator, vTrain), Hopper x 8 (AWS p5, SMC, GCP), Hopper x 64 on 400 Gbit/s adapters (CoreWeave, GCP)
SAME_CLASS = ((223.7, 222.3, 229.3), (433.9, 458.7, 467.3), (356.0, 238.7))
# Hops of NCCL 2.30.7's ring (src/graph/tuning.cc), us, by protocol LL, LL128, Simple
HOPS_NETWORK, HOPS_NVLINK, MPI_LATENCY_US = (2.7, 4.0, 14.0), (0.6, 1.9, 3.4), 1.1


def bandwidth_ratios(data: Path) -> Iterator[tuple[str, float]]:
    """Yield (family, achieved over nominal) at the largest size of every log."""
    for name, family, link, adapters in LOGS:
        last = [r for r in rows(data / f"collective_logs/{name}.csv") if r["placement"] == "out"][-1]
        yield family, float(last["busbw_GBs"]) / (_nominal(link) * adapters)
    for name, family, link in POINT_TO_POINT:
        yield family, float(rows(data / f"collective_logs/{name}.csv")[-1]["bw_MBs"]) / 1e3 / _nominal(link)
    for family, link, achieved in COPPER:
        yield family, achieved / _nominal(link)
    yield from _by_system(data)
    for ranks in ("2", "4", "8"):
        size, times = 2**30, rows(data / "published/vtrain_allreduce.csv")
        time = next(r for r in times if r["n_devices"] == ranks and str(size) in r["metric"])
        yield "nvlink", _bus(size, float(time["value"]) * 1e-6, int(ranks)) / _nominal("nvlink3")


def _by_system(data: Path) -> Iterator[tuple[str, float]]:
    largest = 2**29
    found: dict[tuple[str, int], list[float]] = {}
    for r in rows(data / "collective_logs/nccl_by_system.csv"):
        if r["collective"] == "all_reduce" and r["dtype"] == "half" and int(r["size_bytes"]) == largest:
            key = (r["system"], int(r["nranks"]))
            found.setdefault(key, []).append(_bus(largest, float(r["time_us"]) * 1e-6, key[1]))
    for (system, _), values in found.items():
        family, link = SYSTEMS[system]
        yield family, median(values) / _nominal(link)


def _bus(size_bytes: int, time_s: float, ranks: int) -> float:
    return 2 * (ranks - 1) / ranks * size_bytes / time_s / 1e9


def _nominal(link: str) -> float:
    return find_link(link).bandwidth_bytes_per_s.value / 1e9


def compute_efficiencies(data: Path) -> Iterator[tuple[str, float]]:
    """Yield (precision class, roofline over measured step time) of single devices."""
    for r in rows(data / "published/dp_classics.csv"):
        if float(r["n_devices"] or 0) != 1 or r["model"] not in NETWORKS or r["device"] not in DEVICES:
            continue
        rate = _rate(r)
        if rate is None or not r["per_device_batch"]:
            continue
        batch, precision = float(r["per_device_batch"]), "fp16" if r["precision"] == "amp" else "fp32"
        ideal = layer_times(
            network(NETWORKS[r["model"]]), find_device(DEVICES[r["device"]]), precision, batch
        )
        yield "tensor" if precision == "fp16" else "fp32", ideal.total_s / (batch / rate)


def _rate(r: dict[str, str]) -> float | None:
    if r["metric"] == "throughput":
        return float(r["value"])
    return 5120 / float(r["value"]) if r["metric"] == "total_time_per_5120_images" else None


def remembered_ratios(data: Path) -> Iterator[float]:
    """Yield remembered over retrieved values of the same device and field."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for r in rows(data / "published/hardware_facts.csv"):
        field = r["precision_or_field"].replace("_GFLOPS", "_TFLOPS")
        value = float(r["value"]) / (1e3 if "GFLOPS" in r["precision_or_field"] else 1.0)
        value = value * (1e3 if r["unit"].startswith("TB/s") else 1.0)
        device = r["device"].replace("NVIDIA ", "").replace("-SXM4-80GB", " SXM").replace(" (chip)", "")
        device = device.replace("Google ", "").replace(" (board)", "").split(" (whole")[0]
        found.setdefault((device, field), {})[r["retrieved_or_memory"]] = value
    for pair in found.values():
        if {"memory", "retrieved"} <= set(pair):
            yield pair["memory"] / pair["retrieved"]


def timm_efficiencies(data: Path) -> Iterator[tuple[str, float]]:
    """Yield the same for networks of the zoo in timm's table (RTX 3090, mixed precision)."""
    for r in rows(data / "published/single_device_timm.csv"):
        if r["model"] in TIMM and f"img {TIMM_SIZE.get(r['model'], 224)};" in r["notes"]:
            batch = float(r["per_device_batch"])
            ideal = layer_times(network(TIMM[r["model"]]), find_device("rtx-3090"), "fp16", batch)
            yield "tensor", ideal.total_s / (batch / float(r["value"]))


def mlperf_efficiencies(data: Path) -> Iterator[tuple[str, float]]:
    """Yield the median of each device's ResNet-50 submissions to MLPerf Training on at most one node."""
    found: dict[str, list[float]] = {}
    for r in rows(data / "published/mlperf_training.csv"):
        rate, devices = r["train_throughput_samples_per_s_median"], float(r["n_devices"] or 99)
        if r["model"] == "resnet" and rate and devices <= 8 and r["device"] in MLPERF and not r["notes"]:
            batch = float(r["per_device_batch"])
            ideal = layer_times(network("resnet-50"), find_device(MLPERF[r["device"]]), "fp16", batch)
            found.setdefault(r["device"], []).append(ideal.total_s / (batch * devices / float(rate)))
    for values in found.values():
        yield "tensor", median(values)


def product_efficiencies() -> Iterator[float]:
    """Yield which share of its peak a measured bf16 matrix product reaches on each NVIDIA device."""
    for device in devices().values():
        if "bf16" in device.matmul_flop_per_s and device.title.startswith("NVIDIA"):
            yield device.matmul_flop_per_s["bf16"].value / device.peak("bf16").value


def _print_kernels(kind: str, steps: list[float], products: list[float]) -> None:
    """Print what is left of a step's efficiency once that of its kernels is known."""
    step, product = np.log(steps), np.log(products)
    middle = min(float(np.exp(np.median(step) - np.median(product))), 1.0)
    left = float(np.sqrt(step.var(ddof=1) - product.var(ddof=1)))
    count = f"{len(steps)} and {len(products)}"
    print(f"{f'kernels.{kind}':24s} median {middle:.3f}  log_sd {left:.3f}  n {count}")


def same_class_spread() -> float:
    """Return the spread of bus bandwidth between systems of the same link class and rank count."""
    pooled = np.concatenate([np.log(group) - np.mean(np.log(group)) for group in SAME_CLASS])
    return float(np.sqrt((pooled**2).sum() / (len(pooled) - len(SAME_CLASS))))


def _print(title: str, values: list[float]) -> None:
    logs = np.log(values)
    print(f"{title:24s} median {np.exp(np.median(logs)):.3f}  log_sd {logs.std(ddof=1):.3f}  n {len(values)}")


def main() -> None:
    """Print every constant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    bandwidths = list(bandwidth_ratios(data))
    for family in ("nvlink", "pcie", "network"):
        _print(f"bandwidth.{family}", [ratio for f, ratio in bandwidths if f == family])
    efficiencies = [*compute_efficiencies(data), *timm_efficiencies(data), *mlperf_efficiencies(data)]
    for kind in ("fp32", "tensor"):
        steps = [e for k, e in efficiencies if k == kind]
        _print(f"roofline, {kind}", steps)
        _print_kernels(kind, steps, list(product_efficiencies()))
    _print("status.remembered", list(remembered_ratios(data)))
    print(f"status.measured          log_sd {same_class_spread():.3f}")
    _print("latency (NVLink hop)", [hop / HOPS_NVLINK[-1] for hop in HOPS_NVLINK])
    _print("latency.network_overhead", [hop - MPI_LATENCY_US for hop in HOPS_NETWORK])


if __name__ == "__main__":
    main()
