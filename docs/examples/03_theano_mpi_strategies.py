"""Theano-MPI's exchange strategies on a copper node, predicted from what NCCL took there.

    python 03_theano_mpi_strategies.py

The links come from ``theano_mpi_copper.csv``: a hop and the bus bandwidth of NCCL's ring inside a socket (2
and 4 devices), and the bandwidth across sockets (8). The other strategies are priced over the same links,
every tensor of AlexNet alone: ASA with its sums on the device, ASA16 and copper16 with 16 bits on the wire,
and AR, MPI's allreduce in host memory between two copies over a link like those inside a socket.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nearlinear.calibrate.exchanges.exchange_fit import Rate, fit_rates
from nearlinear.calibrate.exchanges.table import read_exchange_table
from nearlinear.models.catalogue import find_device, find_link
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.dnn import network
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology, TopologyLevel
from nearlinear.models.parameters import BYTES_MOVED_PER_BYTE_ADDED, HOST_MEMORY

HERE = Path(__file__).parent
SOCKET, COUNTS = 4, (2, 4, 8)
STRATEGIES = {  # registry name, share of the bytes on the wire, whether staged
    "ring (NCCL)": ("ring", 1.0, False),
    "ASA": ("asa", 1.0, False),
    "ASA16": ("asa", 0.5, False),
    "copper": ("copper", 1.0, False),
    "copper16": ("copper", 0.5, False),
    "AR": ("halving-doubling", 1.0, True),
}
# Medians of the recorder files of AlexNet (2016), one exchange per step; the configuration committed with the
# file of 4 devices says every fourth step, so that its exchange may have taken four times as long.
RECORDED_MS = {("ASA", 4): 158.2, ("ASA", 8): 240.8}


def bus(rate: Rate) -> float:
    """Return the bandwidth of a ring's link."""
    return 2 * (rate.devices - 1) / rate.devices / rate.seconds_per_byte


def links(rates: Mapping[int, Rate], staged: bool) -> Topology:
    """Return the two levels of a copper node; hosts add at the speed of their own memory."""
    memory = (
        find_link(HOST_MEMORY).bandwidth_bytes_per_s
        if staged
        else find_device("k80").memory_bandwidth_bytes_per_s
    )
    adding = BYTES_MOVED_PER_BYTE_ADDED / memory.value
    hop = float(np.mean([rates[p].latency_s / (2 * (p - 1)) for p in COUNTS]))
    inside = LinkCost.of(hop, float(np.mean([bus(rates[2]), bus(rates[4])])), adding)
    across = LinkCost.of(hop, bus(rates[8]), adding)
    return Topology(
        levels=(
            TopologyLevel(name="group", span=float(SOCKET), cost=inside),
            TopologyLevel(name="node", span=np.inf, cost=across),
        )
    )


def exchange_ms(rates: Mapping[int, Rate], strategy: str, devices: int) -> float:
    """Return one exchange of AlexNet's gradients, tensor by tensor."""
    name, fraction, staged = STRATEGIES[strategy]
    topology, choices = links(rates, staged), Choices(wire_fraction=fraction)
    sizes = np.array([4.0 * size for layer in network("alexnet").layers for size in layer.tensors])
    copies = 2 * topology.levels[0].cost.transfer_s(sizes) if staged else 0.0
    return float((ALGORITHMS[name].time_s(topology, devices, sizes, choices) + copies).sum() * 1e3)


def main() -> None:
    """Print milliseconds per exchange, and what was recorded."""
    table = read_exchange_table(HERE / "theano_mpi_copper.csv")
    rates = fit_rates(table.rows)
    recorded = {
        ("ring (NCCL)", row.devices): row.time_s * 1e3 for row in table.rows if row.network == "alexnet"
    }
    recorded |= RECORDED_MS
    inside, across = (bus(rates[2]) + bus(rates[4])) / 2, bus(rates[8])
    print(f"link inside a socket {inside / 1e9:.2f} GB/s, across {across / 1e9:.2f} GB/s")
    print("AlexNet, ms per exchange   2 GPUs  measured   4 GPUs  measured   8 GPUs  measured")
    for strategy in STRATEGIES:
        cells = []
        for devices in COUNTS:
            known = recorded.get((strategy, devices))
            cells.append(
                f"{exchange_ms(rates, strategy, devices):9.0f} {'-' if known is None else f'{known:.0f}':>9s}"
            )
        print(f"{strategy:24s}{''.join(cells)}")


if __name__ == "__main__":
    main()
