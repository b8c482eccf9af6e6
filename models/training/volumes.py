"""What a step moves under data and under model parallelism, by bytes alone.

Data parallelism exchanges the gradients, as many bytes as the weights |W|; model parallelism the activations
that go into every layer with weights, |D| for the whole batch. The one with fewer bytes is the cheaper start:
for convolutional networks at usual batches data parallelism, for wide fully connected layers often not.

    |W| = 4 x weights,    |D| = 4 x batch x sum of the inputs of convolutions and fully connected layers

References
----------
Iandola, Ashraf, Moskewicz and Keutzer 2016, "FireCaffe", table 1 (volumes at batch 1024, remembered; counts
from layer shapes agree with it to 2 %). Krizhevsky 2014, "One weird trick for parallelizing convolutional
neural networks" (model parallelism for the fully connected layers).
"""

from dataclasses import dataclass

from nearlinear.models.dnn.layer import WEIGHTED
from nearlinear.models.dnn.network import Network
from nearlinear.models.units import FLOAT32_BYTES

FLOP_PER_MAC = 6  # a multiply and an add, forward and for two gradients


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """Bytes and work of one step over a global batch.

    Attributes
    ----------
    weights_bytes, activations_bytes : float
        |W| and |D|.
    flop : float
        Forward and backward of the batch.
    model_parallel_layers : tuple of str
        Layers whose own activations are fewer bytes than their weights.
    """

    weights_bytes: float
    activations_bytes: float
    flop: float
    model_parallel_layers: tuple[str, ...]

    @property
    def fewer(self) -> float:
        """How many times fewer bytes data parallelism moves; below 1 where model parallelism moves fewer."""
        return self.activations_bytes / self.weights_bytes


def volumes(network: Network, batch: int) -> Volumes:
    """Return the volumes of a network at a global batch."""
    weighted = [layer for layer in network.layers if layer.kind in WEIGHTED]
    return Volumes(
        weights_bytes=float(FLOAT32_BYTES * network.parameters),
        activations_bytes=float(FLOAT32_BYTES * batch * network.weighted_inputs),
        flop=float(FLOP_PER_MAC * network.macs * batch),
        model_parallel_layers=tuple(x.name for x in weighted if batch * x.inputs < x.parameters),
    )
