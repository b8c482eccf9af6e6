"""Write the shipped suite of collectives: logs that may be passed on, and files that say where they are from.

    python benchmarks/suites_collectives.py --data DIR

DIR holds logs and ``nccl_by_system.csv`` (see ``logs.py``). Left out are logs that failed, that are typed
from threads, whose labels or machines are in doubt, that have fewer than four sizes or no collective, and
those whose source states no licence that was read. Logs that calibration ships are named, not copied.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from logs import SYSTEMS
from suites import write
from tables import READ

from nearlinear.reports.validation.suite import SHIPPED

SUITE = "collectives"
CALIBRATION = "../../../../calibrate/data/logs"
NODE, NETWORK, MPI = "gpu-node", "gpu-network", "mpi"
COLUMNS = "transport:=nccl,mode:=pipelined,statistic:=mean"
Row = dict[str, Any]


def _file(title: str, origin: str, source: str, group: str, notes: str, logs: list[Row]) -> Row:
    published = {"title": title, "origin": origin, "source": source, "retrieved": READ, "group": group}
    return {"published": published | {"notes": notes}, "log": logs}


def _log(name: str, file: str = "", **more: Any) -> Row:
    return {"name": name, "file": file or f"{name}.log"} | {k.replace("_", "-"): v for k, v in more.items()}


def _nccl(name: str, collective: str, file: str = "") -> Row:
    return _log(name, file, collective=collective, per_node=8)


FILES: dict[str, Row] = {
    "superbenchmark": _file(
        "nccl-tests on 8 A100-SXM4-40GB", "superbenchmark",
        "microsoft/superbenchmark: tests/data/nccl_*.log, 2021-12-30", NODE, "NVLink 3, nccl-tests 2.9 era",
        [_nccl("a100x8-allreduce", "allreduce", f"{CALIBRATION}/a100x8_allreduce.log"),
         *(_nccl(f"a100x8-{one}", one) for one in ("allgather", "broadcast", "reduce"))],
    ),
    "aws-p5": _file(
        "nccl-tests on one p5.48xlarge, 8 H100", "aws-samples",
        "aws-samples/awsome-distributed-training: micro-benchmarks/nccl-tests/aws-batch/README.md,"
        " 2026-02-21", NODE,
        "NVLink 4", [_nccl("h100x8-p5", "allreduce", f"{CALIBRATION}/h100x8_p5_allreduce.log")],
    ),
    "aws-p5-efa": _file(
        "nccl-tests on two p5.48xlarge, 16 H100, EFA", "aws-samples",
        "aws-samples/awsome-distributed-training: micro-benchmarks/nccl-tests/README.md, 2025-09-26",
        NETWORK, "an excerpt: its authors took rows out",
        [_nccl("h100x16-p5-efa", "allreduce", f"{CALIBRATION}/h100x16_p5_efa_allreduce.log")],
    ),
    "gcp-a3-tcpx": _file(
        "nccl-tests on two a3-highgpu-8g, 16 H100, GPUDirect-TCPX", "google",
        "GoogleCloudPlatform/cluster-toolkit: examples/gke-a3-highgpu/multi-node-test-plan.md, 2026-04-03",
        NETWORK, "ranks follow from bus over algorithm bandwidth",
        [_nccl("h100x16-tcpx-allgather", "allgather")],
    ),
    "nccl-ebpf": _file(
        "nccl-tests with two ranks on one RTX 5090 through sockets", "nccl-ebpf",
        "eunomia-bpf/nccl-eBPF: docs/p2-proto-bandwidth-experiment.md, 2026-03", NODE,
        "three protocols of NCCL", [_log(f"rtx5090x2-protocol-{n}", per_node=2) for n in (1, 2, 3)],
    ),
    "lassen": _file(
        "OSU allreduce on Lassen, POWER9, InfiniBand EDR", "lassen",
        "converged-computing/metrics-operator-experiments: google/kubecon/hpc/lassen-run1, 2023", MPI,
        "one rank on each node; medians of 20 runs on 16 nodes, the first of 20 runs on 4 and on 32",
        [_log(f"lassen-{n}", per_node=1, system="lassen") for n in (4, 16, 32)],
    ),
}  # fmt: skip
COPIED = {
    "a100x8-allgather": "a100x8_sxm4_40g_allgather_superbench",
    "a100x8-broadcast": "a100x8_sxm4_40g_broadcast_superbench",
    "a100x8-reduce": "a100x8_sxm4_40g_reduce_superbench",
    "h100x16-tcpx-allgather": "h100_gcp_a3high_tcpx_allgather",
    **{f"rtx5090x2-protocol-{n}": f"rtx5090_socket_2r_proto{n}" for n in (1, 2, 3)},
    "lassen-4": "lassen_4n_osu58_allreduce_cpu",
    "lassen-16": "lassen_16n_osu58_allreduce_20runs",
    "lassen-32": "lassen_32n_osu58_allreduce_cpu",
}


def systems(path: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (system, name, lines of a table) of the allreduces of every version on every system."""
    tables: dict[tuple[str, str], list[str]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["collective"] == "all_reduce":
                lines = tables.setdefault((row["system"], row["ccl_version"]), [])
                lines.append(f"{row['dtype']},{row['nranks']},{row['size_bytes']},{row['time_us']}")
    for (system, version), lines in tables.items():
        yield system, f"{system.replace('_', '-')}-nccl-{version}", ["dtype,ranks,size_bytes,time_us", *lines]


def main() -> None:
    """Write the suite."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    data, folder = parser.parse_args().data, SHIPPED / SUITE
    folder.mkdir(parents=True, exist_ok=True)
    logs = []
    for system, name, lines in systems(data / SYSTEMS):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        told = {"system": system, "collective": "allreduce", "per_node": 8, "columns": COLUMNS}
        logs.append(_log(name, f"{name}.csv", **told))
    for name, source in COPIED.items():
        lines = (data / f"{source}.log").read_text(encoding="utf-8").splitlines()
        (folder / f"{name}.log").write_text("\n".join(map(str.rstrip, lines)) + "\n", encoding="utf-8")
    nccl = _file(
        "allreduce of NCCL on 2, 4 and 8 GPUs of five systems", "aiconfigurator",
        "ai-dynamo/aiconfigurator: systems/data/*/comm/nccl/*/nccl_perf.parquet", NODE,
        "times out of place, threads of one process; repeated runs are rows of one size", logs,
    )  # fmt: skip
    write(SUITE, [*FILES.items(), ("aiconfigurator", nccl)])


if __name__ == "__main__":
    main()
