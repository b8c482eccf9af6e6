"""Networks of a few layers, whose weights and gradients are one flat vector each."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from nearlinear.measure.training.cross_entropy import cross_entropy
from nearlinear.measure.training.layers import AveragePool, Conv, Dense, Flatten, Layer, ReLU
from nearlinear.models.errors import SpecError, nearest

EVALUATED_AT_ONCE = 128  # samples; bounds the memory of activations
MLP_UNITS, CONVNET_MAPS = 256, 16
OnLayer = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """Which network, for which images.

    Attributes
    ----------
    name : {"mlp", "convnet"}
        ``mlp`` is dense-relu-dense-relu-dense; ``convnet`` is conv-relu-pool-conv-relu-pool-dense, with
        twice as many channels after the second convolution.
    input_shape : tuple of int
        Height, width and channels of an image.
    classes : int
        Outputs.
    width : int, optional
        Units of both hidden layers of ``mlp`` (256 if not given), channels after the first convolution
        of ``convnet`` (16 if not given).
    """

    name: str
    input_shape: tuple[int, int, int]
    classes: int = 10
    width: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no network can be built of."""
        if self.name not in NETWORKS:
            raise SpecError("network", "must be known", got=self.name, remedy=nearest(self.name, [*NETWORKS]))
        if min(*self.input_shape, self.classes, self.width or 1) < 1 or self.width == 0:
            raise SpecError("network", "shape, classes and width must be > 0", got=self)
        if self.name == "convnet" and any(side % 4 for side in self.input_shape[:2]):
            rule = "height and width must be multiples of 4 for two poolings"
            raise SpecError("network", rule, got=self.input_shape)

    @property
    def model(self) -> str:
        """What ``nearlinear predict`` calls it: the name of the zoo's network with these sizes."""
        height, width, channels = self.input_shape
        if self.name == "mlp":
            units = self.width or MLP_UNITS
            return f"mlp-{height * width * channels}-{units}-{units}-{self.classes}"
        return f"convnet-{height}x{width}x{channels}-{self.width or CONVNET_MAPS}-{self.classes}"

    def layers(self) -> list[Layer]:
        """Return new layers, first to last."""
        return NETWORKS[self.name](self)


def _mlp(spec: NetworkSpec) -> list[Layer]:
    width = spec.width or MLP_UNITS
    flat = Flatten(spec.input_shape)
    hidden = (ReLU((width,)), Dense(width, width), ReLU((width,)))
    return [flat, Dense(flat.output_shape[0], width), *hidden, Dense(width, spec.classes)]


def _convnet(spec: NetworkSpec) -> list[Layer]:
    width = spec.width or CONVNET_MAPS
    first = Conv(spec.input_shape, width)
    pooled = AveragePool(first.output_shape)
    second = Conv(pooled.output_shape, 2 * width)
    small = AveragePool(second.output_shape)
    flat = Flatten(small.output_shape)
    begin = [first, ReLU(first.output_shape), pooled]
    middle = [second, ReLU(second.output_shape), small]
    return [*begin, *middle, flat, Dense(flat.output_shape[0], spec.classes)]


NETWORKS: dict[str, Callable[[NetworkSpec], list[Layer]]] = {"mlp": _mlp, "convnet": _convnet}


class Network:
    """A network with its weights and gradients.

    Parameters
    ----------
    spec : NetworkSpec
        What to build.
    seed : int
        Of the weights; the same seed gives the same weights on every rank.
    arrays : module
        NumPy, or CuPy with the same functions.
    dtype : {"float32", "float64"}
        Of weights and gradients.

    Attributes
    ----------
    weights, gradients : ndarray, shape (parameter_count,)
        All layers in forward order; each layer computes on slices of them, so that a slice can be sent
        as it is, and what is written into it counts.
    bounds : tuple of (int, int)
        Elements from start to stop of each layer that has parameters, in forward order.

    Notes
    -----
    Kernels are drawn from a normal distribution with variance 2 / fan-in, biases are zero.

    References
    ----------
    He, Zhang, Ren and Sun 2015, "Delving deep into rectifiers", eq. 10 (variance).
    """

    def __init__(self, spec: NetworkSpec, seed: int, arrays: Any = np, dtype: str = "float32") -> None:
        self.spec, self._arrays = spec, arrays
        self._layers = spec.layers()
        ends = list(accumulate((layer.parameter_count for layer in self._layers), initial=0))
        self._spans = list(pairwise(ends))
        self.bounds = tuple((start, stop) for start, stop in self._spans if stop > start)
        self.weights, self.gradients = arrays.zeros(ends[-1], dtype), arrays.zeros(ends[-1], dtype)
        random = np.random.default_rng(seed)
        for layer, (start, stop) in zip(self._layers, self._spans, strict=True):
            layer.bind(self.weights[start:stop], self.gradients[start:stop], arrays)
            layer.initialise(random)

    @property
    def parameter_count(self) -> int:
        """Return how many weights there are."""
        return int(self.weights.size)

    @property
    def flop_per_sample(self) -> int:
        """Return the work of ``forward_backward`` per sample, in flop.

        Notes
        -----
        6 x (multiplications of all layers) - 2 x (those of the first layer with weights): a
        multiplication and its addition are 2 flop; forward, gradients and slopes at the inputs take
        the same each, and the slopes at the images are not computed. A convolution counts its border
        of zeros, since they are multiplied, too. Work on single elements (ReLU, pooling, loss, bias)
        is left out: it is bound by memory.
        """
        each = [layer.multiply_adds for layer in self._layers if layer.multiply_adds]
        return 6 * sum(each) - 2 * each[0]

    def forward_backward(self, images: Any, labels: Any, on_layer: OnLayer | None = None) -> float:
        """Overwrite the gradients with those of the mean loss over a batch, and return that loss.

        Parameters
        ----------
        images : ndarray, shape (samples, height, width, channels)
            On the host or already on the device.
        labels : ndarray of int, shape (samples,)
            The right classes.
        on_layer : callable, optional
            Called with ``(start, stop)`` as soon as ``gradients[start:stop]`` of a layer are final, the
            last layer first, so that they can leave while backward goes on. On a GPU they are final in
            the order of the stream: synchronise it before anybody else reads them.
        """
        logits = self._forward(images)
        loss, slopes = cross_entropy(logits, self._arrays.asarray(labels), self._arrays)
        for layer, (start, stop) in zip(reversed(self._layers), reversed(self._spans), strict=True):
            layer.differentiate(slopes)
            if stop > start and on_layer is not None:
                on_layer(start, stop)
            if stop > start and start == 0:
                break  # nobody needs the slopes at the images
            slopes = layer.backward(slopes)
        return float(loss)

    def evaluate(self, images: Any, labels: Any) -> tuple[float, float]:
        """Return mean loss and accuracy, the fraction of samples whose largest output is the right one."""
        loss, right = 0.0, 0
        for start in range(0, len(images), EVALUATED_AT_ONCE):
            some = slice(start, start + EVALUATED_AT_ONCE)
            logits, wanted = self._forward(images[some]), self._arrays.asarray(labels[some])
            loss += float(cross_entropy(logits, wanted, self._arrays)[0]) * len(wanted)
            right += int((logits.argmax(axis=1) == wanted).sum())
        return loss / len(images), right / len(images)

    def _forward(self, images: Any) -> Any:
        activations = self._arrays.asarray(images, dtype=self.weights.dtype)
        for layer in self._layers:
            activations = layer.forward(activations)
        return activations
