"""A network as a tuple of layers, and the builder that counts layers from their shapes."""

from collections.abc import Iterable
from dataclasses import dataclass

from nearlinear.models.dnn.layer import WEIGHTED, Layer

BYTES_PER_FLOAT32 = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network for one input size.

    Attributes
    ----------
    name, title, source : str
        Catalogue key, full name, and the paper that defines it.
    layers : tuple of Layer
        In forward order; branches of a module one after another.
    sample_elements : int
        Elements of one input sample.
    """

    name: str
    title: str
    source: str
    layers: tuple[Layer, ...]
    sample_elements: int

    @property
    def parameters(self) -> int:
        """Trained elements."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def buffers(self) -> int:
        """Kept elements that are not trained."""
        return sum(layer.buffers for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-adds of the forward pass of one sample."""
        return sum(layer.macs for layer in self.layers)

    @property
    def forward_flop(self) -> int:
        """Operations of the forward pass of one sample, two for a multiply-add."""
        return sum(layer.forward_flop for layer in self.layers)

    @property
    def backward_flop(self) -> int:
        """Operations of the backward pass of one sample."""
        return sum(layer.backward_flop for layer in self.layers)

    @property
    def weighted_inputs(self) -> int:
        """Input elements of all convolutions and fully connected layers: |D| of FireCaffe."""
        return sum(layer.inputs for layer in self.layers if layer.kind in WEIGHTED)

    @property
    def kept(self) -> int:
        """Elements of one sample that the forward pass leaves for the backward pass."""
        return sum(layer.kept for layer in self.layers)


class Stack:
    """Builds layers one after another and keeps the shape of what flows.

    Parameters
    ----------
    channels, height, width : int
        Shape of the input.
    """

    def __init__(self, channels: int, height: int = 1, width: int = 1) -> None:
        self.channels, self.height, self.width = channels, height, width
        self.layers: list[Layer] = []
        self.sample_elements = self.size
        self._at_data = True

    @property
    def size(self) -> int:
        """Elements that flow now."""
        return self.channels * self.height * self.width

    def branch(self) -> "Stack":
        """Return a stack that goes on from here and adds its layers to the same network."""
        other = Stack(self.channels, self.height, self.width)
        other.layers, other._at_data = self.layers, self._at_data
        return other

    def concat(self, name: str, branches: Iterable["Stack"]) -> "Stack":
        """Copy the channels of all branches side by side and go on from there."""
        ends = list(branches)
        self.follow(ends[0])
        self.channels = sum(end.channels for end in ends)
        return self._same(name, "concat", 0)

    def follow(self, end: "Stack") -> "Stack":
        """Go on from where a branch ended."""
        self.channels, self.height, self.width = end.channels, end.height, end.width
        self._at_data = False
        return self

    def conv(
        self,
        name: str,
        filters: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        pad: int | tuple[int, int] = 0,
        groups: int = 1,
        bias: bool = True,
        norm: bool = False,
        relu: bool = True,
    ) -> "Stack":
        """Add a convolution, and batch normalisation and rectifier where asked for."""
        (kh, kw), (ph, pw) = _pair(kernel), _pair(pad)
        height = (self.height + 2 * ph - kh) // stride + 1
        width = (self.width + 2 * pw - kw) // stride + 1
        weights = filters * self.channels // groups * kh * kw
        self._add(
            name, "conv", (filters, height, width),
            tensors=(weights, filters)[: 1 + bias], macs=weights * height * width,
            elementwise=filters * height * width * bias,
        )  # fmt: skip
        if norm:
            self.batchnorm(f"{name}.bn")
        return self.relu(f"{name}.relu") if relu else self

    def fc(self, name: str, units: int, relu: bool = False) -> "Stack":
        """Add a fully connected layer over everything that flows."""
        weights = units * self.size
        self._add(name, "fc", (units, 1, 1), tensors=(weights, units), macs=weights, elementwise=units)
        return self.relu(f"{name}.relu") if relu else self

    def linear(self, name: str, units: int, shared: bool = False) -> "Stack":
        """Add a fully connected layer at every position; ``shared`` weights are those of an earlier layer."""
        weights = units * self.channels
        return self._add(
            name, "fc", (units, self.height, self.width),
            tensors=(units,) if shared else (weights, units), macs=weights * self.height * self.width,
            elementwise=units * self.height * self.width,
        )  # fmt: skip

    def attention(self, name: str, heads: int) -> "Stack":
        """Add attention among all positions over queries, keys and values side by side."""
        width, tokens = self.channels // 3, self.height * self.width
        macs = width * tokens * tokens
        self._add(f"{name}.scores", "product", (heads * tokens, tokens, 1), macs=macs)
        self._same(f"{name}.softmax", "softmax", 3)
        self._same(f"{name}.drop", "dropout", 1)
        return self._add(f"{name}.context", "product", (width, self.width * tokens, 1), macs=macs)

    def embedding(self, name: str, width: int, tables: tuple[int, ...]) -> "Stack":
        """Look up and add a row of each table of so many elements at every position."""
        work = (len(tables) - 1) * width * self.size
        return self._add(name, "embedding", (width, self.height, self.width), tables, elementwise=work)

    def layernorm(self, name: str) -> "Stack":
        """Add layer normalisation over channels, with trained scale and shift."""
        return self._same(name, "layernorm", 5, tensors=(self.channels,) * 2)

    def gelu(self, name: str) -> "Stack":
        """Add a Gaussian error linear unit."""
        return self._same(name, "gelu", 8)

    def take(self, name: str, positions: int) -> "Stack":
        """Keep so many positions of what flows."""
        return self._add(name, "take", (self.channels, positions, 1))

    def pool(self, name: str, kernel: int, stride: int, pad: int = 0, ceil: bool = False) -> "Stack":
        """Add max or average pooling; ``ceil`` keeps a last window that hangs over, as Caffe does."""
        height = _pooled(self.height, kernel, stride, pad, ceil)
        width = _pooled(self.width, kernel, stride, pad, ceil)
        work = self.channels * height * width * kernel * kernel
        return self._add(name, "pool", (self.channels, height, width), elementwise=work)

    def global_pool(self, name: str) -> "Stack":
        """Add average pooling over the whole plane."""
        return self._add(name, "pool", (self.channels, 1, 1), elementwise=self.size)

    def batchnorm(self, name: str) -> "Stack":
        """Add batch normalisation with trained scale and shift and running mean and variance."""
        return self._same(name, "batchnorm", 2, tensors=(self.channels,) * 2, buffers=2 * self.channels)

    def relu(self, name: str) -> "Stack":
        """Add a rectifier, in place."""
        return self._same(name, "relu", 1)

    def lrn(self, name: str, window: int = 5) -> "Stack":
        """Add local response normalisation over ``window`` channels."""
        return self._same(name, "lrn", 2 * window)

    def dropout(self, name: str) -> "Stack":
        """Add dropout, in place."""
        return self._same(name, "dropout", 1)

    def add(self, name: str) -> "Stack":
        """Add what a shortcut brings to what flows."""
        return self._same(name, "add", 1)

    def softmax(self, name: str = "softmax") -> "Stack":
        """Add the softmax with its loss."""
        return self._same(name, "softmax", 3)

    def build(self, name: str, title: str, source: str) -> Network:
        """Return the network of all layers so far."""
        return Network(
            name=name,
            title=title,
            source=source,
            layers=tuple(self.layers),
            sample_elements=self.sample_elements,
        )

    def _same(
        self, name: str, kind: str, work: int, tensors: tuple[int, ...] = (), buffers: int = 0
    ) -> "Stack":
        shape = (self.channels, self.height, self.width)
        return self._add(name, kind, shape, tensors, buffers, elementwise=work * self.size)

    def _add(
        self,
        name: str,
        kind: str,
        shape: tuple[int, int, int],
        tensors: tuple[int, ...] = (),
        buffers: int = 0,
        macs: int = 0,
        elementwise: int = 0,
    ) -> "Stack":
        inputs = self.size
        self.channels, self.height, self.width = shape
        self.layers.append(
            Layer(
                name=name,
                kind=kind,
                inputs=inputs,
                outputs=self.size,
                tensors=tensors,
                buffers=buffers,
                macs=macs,
                elementwise=elementwise,
                needs_input_gradient=not self._at_data,
            )
        )
        self._at_data = False
        return self


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _pooled(size: int, kernel: int, stride: int, pad: int, ceil: bool) -> int:
    over = size + 2 * pad - kernel
    count = (-(-over // stride) if ceil else over // stride) + 1
    # Caffe drops a last window that would start in the padding.
    return count - 1 if pad and ceil and (count - 1) * stride >= size + pad else count
