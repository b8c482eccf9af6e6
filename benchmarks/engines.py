"""Speed of the engines of ``simulator``, with ratios against SimPy on the same work in the same run.

    python benchmarks/engines.py

CPU time of this process on one core, best of several after a warm-up; cold starts are of a fresh
interpreter. The tables of docs/simulator.md are this output.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from speed import cold_s, cpu_s

from nearlinear.models.arrays import IntArray
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.simulator.compiled import compiled
from nearlinear.simulator.engines import Engine, run_schedule
from nearlinear.simulator.exchange import Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.fabrics.sharing import NO_SHARE, full_rates
from nearlinear.simulator.fabrics.spec import read_fabric
from nearlinear.simulator.kernels.filling import fill
from nearlinear.simulator.noise import Noise
from nearlinear.simulator.programs.assembly import expand
from nearlinear.simulator.programs.events import run_events_loggops, run_flows
from nearlinear.simulator.programs.program import RECEIVE, SEND, Messages, Program
from nearlinear.simulator.rounds.engine import Way, kernel_costs, loggops_kernel, run_packed, run_rounds
from nearlinear.simulator.rounds.packing import Packed

LOGGOPS = "L=2500,o=1500,g=1000,G=6,O=0,S=inf"  # of the reference workloads R(N), D(N)
CHUNK = 1024
COLD = ("-P", "-m", "nearlinear.cli.app", "simulate")


def lone(name: str, ranks: int) -> Packed:
    """Return an allreduce of ``CHUNK`` bytes per rank under LogGOPS."""
    schedule = ALGORITHMS[name].schedule_for(ranks, Choices(group=8))
    fabric = Fabric.of_loggops(LogGOPS.of(LOGGOPS), schedule.ranks)
    return Packed(schedule, fabric, Vector(elements=ranks * CHUNK, element_bytes=1))


def kernel(packed: Packed, repeats: bool) -> Callable[[], object]:
    """Return the sweep of a packed schedule alone: nothing but the compiled kernel."""
    calls = []
    for part in packed.parts():
        cost = kernel_costs(packed, part, None, slice(0, 1), 1, np.float64)
        ranks = packed.schedule.ranks
        clocks = [np.zeros((ranks, 1)) for _ in range(4)]
        begin, state = np.empty((max(part.flat.longest_list, ranks), 1)), np.empty((2, ranks, 1))
        cpu, out, into, post = clocks
        arguments = (*part.flat.arrays, *cost, cpu, out, into, begin, post, state, repeats)
        calls.append(partial(loggops_kernel(), *arguments))
    return lambda: [call() for call in calls]


def whole_run(name: str, ranks: int) -> object:
    """Generate, pack and run."""
    return run_packed(lone(name, ranks), None, None, Way(compile=True))


def rounds(simpy_rate: float) -> None:
    """Print the round engine on schedules of 1,024 and 4,096 ranks."""
    print(
        "| schedule | messages | kernel | messages/s | against SimPy | packed schedule reused | end to end |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, ranks in (
        ("ring", 1024), ("ring", 4096), ("halving-doubling", 4096), ("hierarchical", 4096), ("tree", 4096),
        ("ps", 4096),
    ):  # fmt: skip
        packed = lone(name, ranks)
        messages = run_packed(packed).messages
        alone = cpu_s(kernel(packed, repeats=False))
        reused = cpu_s(partial(run_packed, packed, None, None, Way(compile=True)))
        whole = cpu_s(partial(whole_run, name, ranks))
        rate = messages / alone
        print(
            f"| {name}, {ranks:,} ranks | {messages:,} | {alone * 1e3:.3f} ms | {rate / 1e6:,.0f} M"
            f" | {rate / simpy_rate:,.0f} x | {reused * 1e3:.2f} ms | {whole * 1e3:.1f} ms |"
        )


def simpy_rate() -> float:
    """Print and return messages per second of SimPy on R(64)."""
    packed = lone("ring", 64)
    taken = cpu_s(lambda: run_schedule(Engine.of("simpy"), packed), 2)
    rate = run_packed(packed).messages / taken
    print(f"SimPy on R(64): {rate:,.0f} messages/s\n")
    return rate


def monte_carlo() -> None:
    """Print a thousand samples of R(1024), processors and links of every rank drawn in each."""
    packed = lone("ring", 1024)
    starts, paces = Noise(cpu=0.05, link=0.05, start_s=1e-5).draw(1000, 1024, 0)
    taken = cpu_s(
        lambda: run_rounds(packed.schedule, packed.fabric, packed.vector, starts, paces, Way(compile=True)), 1
    )
    print(f"| 1,000 samples of R(1024), every rank noisy | {taken:.2f} s |")


def stored_graph(rate: float) -> None:
    """Print R(1024) as a stored graph."""
    packed = lone("ring", 1024)
    start = time.process_time()
    program = expand(packed, flow=False)
    built = time.process_time() - start
    loggops = LogGOPS.of(LOGGOPS)
    taken = cpu_s(lambda: run_events_loggops(program, loggops), 3)
    found = len(program.messages) / taken
    print(
        f"| stored graph of R(1024), {built:.1f} s to build | {found / 1e6:.1f} M messages/s,"
        f" {found / rate:,.0f} x SimPy |"
    )


def sharing() -> None:
    """Print the cost of max-min rates at 65,536 ranks on a three-level fat tree."""
    ranks = 65_536
    source = np.arange(ranks)
    random = np.random.default_rng(0).permutation(ranks)
    for label, text, destination in (
        ("symmetric", "fat-tree:levels=3", (source + ranks // 2) % ranks),
        ("symmetric, 2:1", "fat-tree:levels=3,oversubscription=2", (source + ranks // 2) % ranks),
        ("random", "fat-tree:levels=3", random),
        ("random, ecmp", "fat-tree:levels=3,routing=ecmp", random),
    ):
        network = read_fabric(text, ranks)
        routes = cpu_s(partial(network.route, source, destination), 3)
        paths, capacity = network.route(source, destination).links, network.capacity
        limit = np.minimum(full_rates(paths, capacity), 1.0)
        rates = np.empty(ranks)
        solve = compiled(fill)
        taken = cpu_s(partial(solve, paths, NO_SHARE, capacity, limit, rates))
        print(
            f"| max-min rates, {label}, {ranks:,} flows | {taken / ranks * 1e9:.0f} ns per flow;"
            f" {routes / ranks * 1e9:.0f} ns to route, {len(np.unique(rates))} levels |"
        )


def flow_program(flows: int, each: int, links: Callable[[IntArray], IntArray]) -> Program:
    """Return pairs of ranks that send messages of random sizes one after another, from random starts."""
    rng = np.random.default_rng(0)
    total, streams = flows * each, 2 * flows
    first = np.arange(streams + 1) * each
    pair = np.repeat(np.arange(flows), each)
    operations = np.arange(2 * total).reshape(flows, 2, each)
    send, receive = operations[:, 0].ravel(), operations[:, 1].ravel()
    message = np.empty(2 * total, dtype=np.int32)
    message[send] = message[receive] = np.arange(total)
    kind = np.where(np.isin(np.arange(2 * total), send), SEND, RECEIVE).astype(np.uint8)
    messages = Messages(
        send=send, receive=receive, source=2 * pair, destination=2 * pair + 1,
        size_bytes=np.ones(total, np.int64), latency=np.full(total, 1000),
        work=rng.integers(10**6, 2 * 10**6, total), handling=np.zeros(total, np.int64),
        slowdown=np.ones(total), links=np.asarray(links(pair), dtype=np.int64), share=NO_SHARE,
        limit=np.ones(total),
    )  # fmt: skip
    return Program(
        ranks=streams, stream_rank=np.arange(streams), first=first,
        begin_ticks=rng.integers(0, 10**6, streams), kind=kind, ticks=np.zeros(2 * total, np.int64),
        message=message, fence=np.ones(2 * total, np.uint8), post=np.arange(2 * total, dtype=np.int32),
        wait_first=np.zeros(2 * total + 1, np.int64), wait=np.empty(0, np.int64), messages=messages,
    )  # fmt: skip


def flow_engine() -> None:
    """Print flow events per second, by how many flows depend on each other."""
    flows = 4096
    cases: tuple[tuple[str, int, Callable[[IntArray], IntArray]], ...] = (
        ("uncoupled", 40, lambda pair: np.stack([pair, pair + flows], axis=1)),
        ("in groups of 16", 20, lambda pair: np.stack([pair, pair // 16 + flows], axis=1)),
        ("in groups of 32", 20, lambda pair: np.stack([pair, pair // 32 + flows], axis=1)),
        ("all 4,096 together", 1,
         lambda pair: np.stack([pair, pair // 16 + flows, np.full(len(pair), 2 * flows)], axis=1)),
    )  # fmt: skip
    for label, each, links in cases:
        program = flow_program(flows, each, links)
        capacity = np.full(2 * flows + 1, 2.0)
        run_flows(program, capacity, compile=True)
        best, events = np.inf, 0
        for _ in range(3):
            start = time.process_time()
            _, counts = run_flows(program, capacity, compile=True)
            best, events = min(best, time.process_time() - start), counts.events
        print(f"| flow engine, 4,096 flows {label} | {events / best:,.0f} flow events/s |")
    packed = Packed(
        ALGORITHMS["ring"].schedule_for(256, Choices()),
        Fabric.of(Topology.flat(LinkCost.of(1e-6, 1e9)), ALGORITHMS["ring"].schedule_for(256, Choices())),
        Vector(elements=256 * 256),
    )
    program = expand(packed)
    run_flows(program, packed.fabric.link_capacity, compile=True)
    taken = cpu_s(lambda: run_flows(program, packed.fabric.link_capacity, compile=True), 3)
    rate = 2 * len(program.messages) / taken
    print(f"| flow engine, a ring of 256 ranks, flows end together | {rate:,.0f} flow events/s |")


def cold() -> None:
    """Print cold starts: a fresh interpreter, compiled code on disk."""
    small = ("resnet-50", "--cluster", "dgx-h100", "--devices", "1..64")
    large = (
        "--collective",
        "allreduce",
        "--algorithm",
        "ring",
        "--ranks",
        "1024",
        "--bytes",
        "1MiB",
        "--loggops",
        LOGGOPS,
    )
    for label, arguments in (
        ("simulate resnet-50 --cluster dgx-h100 --devices 1..64", small),
        ("simulate --collective allreduce --algorithm ring --ranks 1024 (critical path included)", large),
        ("the same, --engine events", (*large, "--engine", "events")),
    ):
        cold_s(*COLD, *arguments)
        print(f"| {label}, cold | {min(cold_s(*COLD, *arguments) for _ in range(3)):.2f} s |")


def main() -> None:
    """Print the tables."""
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}\n")
    rate = simpy_rate()
    rounds(rate)
    print("\n| work | speed |\n|---|---|")
    monte_carlo()
    stored_graph(rate)
    sharing()
    flow_engine()
    cold()


if __name__ == "__main__":
    main()
