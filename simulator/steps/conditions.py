"""How real a run of training steps is: steps, jitter, slow nodes and links, loading, bucket order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import SpecError
from nearlinear.models.training.jitter import Jitter
from nearlinear.models.training.loading import Loader

ORDERS = ("ready", "priority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a run meets that a closed form leaves out.

    Attributes
    ----------
    steps : int
        Steps in a row.
    jitter : Jitter
        Of the compute of one rank in one step, and of what lasts through a run.
    seed : int
        Of the jitter of compute and loading.
    slow_nodes : mapping of int to float
        Speed of some nodes, 1.0 being normal: their compute takes 1/speed times as long.
    slow_links : mapping of str to float
        Rate of some links, 1.0 being normal: ``node 3`` is the adapters of node 3, other names are links
        of the fabric.
    loader : Loader
        How batches are loaded while steps run.
    order : {"ready", "priority"}
        Buckets travel in the order in which they are ready, and the next step begins when all are in;
        or what the next forward needs first goes first, and forward goes on bucket by bucket.
    fabric : str or None
        Switches between nodes, as ``fabrics.spec`` reads them; never full where None.
    switch_latency_s : float
        Latency of every switch beyond the first on a path.
    """

    steps: int = 1
    jitter: Jitter = field(default_factory=Jitter)
    seed: int = 0
    slow_nodes: Mapping[int, float] = field(default_factory=dict)
    slow_links: Mapping[str, float] = field(default_factory=dict)
    loader: Loader = field(default_factory=Loader)
    order: str = "ready"
    fabric: str | None = None
    switch_latency_s: float = 0.0

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise SpecError("--bucket-order", f"must be {' or '.join(ORDERS)}", got=self.order)
        for name, speeds in (("--slow-node", self.slow_nodes), ("--slow-link", self.slow_links)):
            for what, speed in speeds.items():
                if not 0 < speed <= 1:
                    raise SpecError(name, "must be a speed above 0 and at most 1", got=f"{what}:{speed:g}")

    def node_paces(self, devices: int, per_node: int) -> FloatArray:
        """Return how many times longer compute takes on each device, shape (devices,)."""
        paces = np.ones(devices)
        for node, speed in self.slow_nodes.items():
            paces[node * per_node : (node + 1) * per_node] = 1.0 / speed
        return paces

    def factors(self, samples: int, devices: int, per_node: int) -> Iterator[FloatArray]:
        """Yield how many times longer than calm compute takes in every step, shape (samples, devices)."""
        generator, shape = np.random.default_rng(self.seed), (samples, devices)
        nodes = self.node_paces(devices, per_node)
        lasting = nodes * self.jitter.draw_lasting(generator, shape)
        for _ in range(self.steps):
            yield lasting * self.jitter.draw(generator, shape)

    def port_rates(self, devices: int, per_node: int) -> FloatArray:
        """Return the rate of each device's adapter, shape (devices,), 1.0 being normal."""
        rates = np.ones(devices)
        for link, rate in self.slow_links.items():
            node = node_of(link)
            if node is not None:
                rates[node * per_node : (node + 1) * per_node] = rate
        return rates

    def check_nodes(self, devices: int, per_node: int) -> None:
        """Check that every node that is slow takes part at the largest scale.

        Raises
        ------
        SpecError
            A node that does not.
        """
        nodes = -(-devices // per_node)
        slow = [("--slow-node", node) for node in self.slow_nodes]
        slow += [("--slow-link", node) for link in self.slow_links if (node := node_of(link)) is not None]
        for where, node in slow:
            if not 0 <= node < nodes:
                raise SpecError(where, f"must be a node from 0 to {nodes - 1} at {devices} devices", got=node)


def node_of(link: str) -> int | None:
    """Return the node whose adapters a link's name means, or None for a link of the fabric."""
    word, _, number = link.partition(" ")
    return int(number) if word == "node" and number.isdecimal() else None
