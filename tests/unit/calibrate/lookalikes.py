"""Logs in the formats of other tools, made up: their numbers are consistent and measure nothing."""

import json
from collections.abc import Sequence

SIZES = tuple(2**k for k in range(20, 25))
TIMES_US = {size: 20.0 + size / 50e3 for size in SIZES}  # 50 GB/s and 20 us


def side(size: int, time_us: float, factor: float, wrong: str = "0", scale: float = 1.0) -> str:
    """Return time, algbw, busbw and errors as nccl-tests prints them."""
    algbw = size / time_us / 1e3
    shown = f"{time_us / scale:.3f}" if scale != 1.0 else f"{time_us:.2f}"
    return f"{shown:>8} {algbw:>7.2f} {algbw * factor:>7.2f} {wrong:>6}"


def devices(ranks: int, per_node: int = 8, group: bool = True) -> str:
    """Return the list of devices."""
    between = " Group  0" if group else ""
    return "".join(
        f"#  Rank {rank:2d}{between} Pid {100 + rank} on node-{rank // per_node} device {rank % per_node:2d}"
        f" [0000:0{rank % per_node}:00] NVIDIA A100\n"
        for rank in range(ranks)
    )


OVER = "#" + " " * 61 + "out-of-place" + " " * 23 + "in-place\n"
NAMES = (
    "#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw"
    "   busbw #wrong\n"
    "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)"
    "  (GB/s)\n"
)
FOOT = "# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 50\n#\n"
START = "# Collective test starting: {}_perf\n"
CONFIGURATION = (
    "# nThread 1 nGpus 1 minBytes 1048576 maxBytes 16777216 step: 2(factor) warmup iters: 1 iters: 20"
    " agg iters: 1 validation: 1 graph: 0\n#\n# Using devices\n"
)


def nccl_rows(factor: float, parts: int = 1, middle: str = "float     sum      -1", tail: str = "") -> str:
    """Return rows of two placements, in place one microsecond slower."""
    return "".join(
        f"{size:>12} {size // 4 // parts:>13} {middle} {side(size, TIMES_US[size], factor)}"
        f" {side(size, TIMES_US[size] + 1, factor)}{tail}\n"
        for size in SIZES
    )


def nccl(collective: str = "all_reduce", ranks: int = 8) -> str:
    """Return a whole log of nccl-tests 2.17 or later."""
    factor = {"all_reduce": 2 * (ranks - 1) / ranks, "all_gather": (ranks - 1) / ranks}[collective]
    gathers = collective == "all_gather"
    middle = "float    none      -1" if gathers else "float     sum      -1"
    rows = nccl_rows(factor, ranks if gathers else 1, middle)
    head = START.format(collective) + CONFIGURATION + devices(ranks) + "#\n" + OVER + NAMES
    return "# nccl-tests version 2.17.6 nccl-headers=22803 nccl-library=22803\n" + head + rows + FOOT


def nccl_json(ranks: int = 8) -> str:
    """Return what ``-J`` writes, secrets included."""
    factor = 2 * (ranks - 1) / ranks

    def body(size: int, time_us: float) -> dict[str, object]:
        algbw = size / time_us / 1e3
        return {"time": round(time_us, 6), "alg_bw": round(algbw, 6), "bus_bw": round(algbw * factor, 6),
                "nwrong": 0.0}  # fmt: skip

    return json.dumps({
        "version": 3,
        "start_time": "2026-01-02 03:04:05",
        "args": ["/opt/all_reduce_perf", "-J", "a.json"],
        "env": ["TOKEN=hunter2", "NCCL_DEBUG=INFO"],
        "nccl_version": 22803,
        "config": {"nthreads": 1, "devices": [
            {"rank": rank, "group": 0, "pid": rank, "hostname": f"node-{rank // 4}", "device": rank % 4,
             "device_hex": "0x01", "device_info": "NVIDIA A100"} for rank in range(ranks)]},
        "results": [
            {"size": size, "count": size // 4, "type": "float", "redop": "sum", "root": "    -1",
             "out_of_place": body(size, TIMES_US[size]), "in_place": body(size, TIMES_US[size] + 1),
             "out_of_place_per_iter": {"min_us": 1.0}, "actual_iterations": 20, "experiment_name": ""}
            for size in SIZES],
        "out_of_bounds": {"count": 0, "okay": "true"},
        "average_bus_bandwidth": {"bandwidth": 50.0, "okay": "true"},
        "errors": [],
    })  # fmt: skip


def osu(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], before: str = "") -> str:
    """Return a table of the OSU benchmarks."""
    head = f"\n# OSU MPI {title} Test v5.9\n{before}# {'Size':<8}{''.join(f'{c:>20}' for c in columns)}\n"
    return head + "".join(f"{row[0]:<10}{''.join(f'{c:>20}' for c in row[1:])}\n" for row in rows)


def osu_latency() -> str:
    """Return a log of osu_latency with the launcher's words."""
    rows = [(str(size), f"{2 + size / 10e3:.2f}") for size in (0, *(2**k for k in range(20)))]
    return "$ srun -N2 -n2 ./osu_latency\n" + osu("Latency", ["Latency (us)"], rows)


def osu_allreduce() -> str:
    """Return a log of osu_allreduce -f."""
    rows = []
    for k in range(2, 21):
        mean = 5 + 2**k / 5e3
        rows.append((str(2**k), f"{mean:.2f}", f"{mean * 0.8:.2f}", f"{mean * 1.3:.2f}", "1000"))
    columns = ["Avg Latency(us)", "Min Latency(us)", "Max Latency(us)", "Iterations"]
    return "mpirun -np 16 -npernode 4 osu_allreduce -f\n" + osu("Allreduce Latency", columns, rows)


def osu_mbw_mr() -> str:
    """Return a log of osu_mbw_mr of two pairs."""
    rows = [
        (str(2**k), f"{2**k / (1 + 2**k / 1e4):.2f}", f"{1e6 / (1 + 2**k / 1e4):.2f}") for k in range(4, 21)
    ]
    pairs = "# [ pairs: 2 ] [ window size: 64 ]\n"
    table = osu("Multiple Bandwidth / Message Rate", ["MB/s", "Messages/s"], rows, before=pairs)
    return "srun -n 4 -N 2 osu_mbw_mr\n" + table


IMB_HEAD = """#----------------------------------------------------------------
#    Intel(R) MPI Benchmarks 2021.7, MPI-1 part
#----------------------------------------------------------------
# Date                  : Fri Jan 02 03:04:05 2026
# MPI_Datatype                   :   MPI_BYTE
# MPI_Datatype for reductions    :   MPI_FLOAT
# List of Benchmarks to run:
# PingPong
"""
RULE = "#" + "-" * 60 + "\n"
IMB_FOOT = "\n\n# All processes entering MPI_Finalize\n"


def imb_block(name: str, processes: int, columns: str, rows: Sequence[str]) -> str:
    """Return a block of IMB."""
    return f"\n{RULE}# Benchmarking {name} \n# #processes = {processes} \n{RULE}{columns}\n" + "".join(rows)


def imb_pingpong() -> str:
    """Return a PingPong."""
    rows = []
    for size in (0, *(2**k for k in range(10, 23))):
        time_us = 1.5 + size / 12e3
        rows.append(f"{size:>13} {1000:>12} {time_us:>12.2f} {size / time_us:>12.2f}\n")
    columns = "       #bytes #repetitions      t[usec]   Mbytes/sec"
    return IMB_HEAD + imb_block("PingPong", 2, columns, rows) + IMB_FOOT


def imb_collective(name: str = "Allreduce", processes: int = 8) -> str:
    """Return a collective."""
    rows = [f"{0:>13} {1000:>12} {0.03:>12.2f} {0.05:>12.2f} {0.04:>12.2f}\n"]
    for size in (2**k for k in range(2, 23)):
        mean = 4 + size / 3e3
        times = f"{mean * 0.9:>12.2f} {mean * 1.1:>12.2f} {mean:>12.2f}"
        rows.append(f"{size:>13} {1000:>12} {times}\n")
    columns = "       #bytes #repetitions  t_min[usec]  t_max[usec]  t_avg[usec]"
    return IMB_HEAD + imb_block(name, processes, columns, rows) + IMB_FOOT


def all_reduce_bench(ranks: int = 8) -> str:
    """Return the table of all_reduce_bench.py."""
    rows = ""
    for k in range(21, 31):
        algbw = 2**k / (20e-6 + 2**k / 200e9) / 1e9
        rows += f"| {2 ** (k - 20):>4}MiB | {algbw * 2 * (ranks - 1) / ranks:6.2f}GBps | {algbw:6.2f}GBps |\n"
    return (
        "Environment:\n- software: torch=2.7.0, cuda=12.8, nccl=(2, 26, 2)\n"
        "- hardware: _CudaDeviceProperties(name='NVIDIA H100 80GB HBM3', major=9, minor=0)\n\n"
        f"The average bandwidth of all_reduce over {ranks} ranks (5 warmups / 20 trials):\n\n"
        f"| payload |    busbw   |    algbw   |\n| ------: | ---------: | ---------: |\n{rows}"
    )


def csv_table() -> str:
    """Return a CSV table with bandwidths and a count."""
    head = "collective,dtype,nranks,nnodes,count,size_bytes,time_us,algbw_GBs,busbw_GBs\n"
    return head + "".join(
        f"all_reduce,float,8,1,{size // 4},{size},{TIMES_US[size]:.2f},{size / TIMES_US[size] / 1e3:.3f},"
        f"{1.75 * size / TIMES_US[size] / 1e3:.3f}\n"
        for size in SIZES
    )
