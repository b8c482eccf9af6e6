"""A layer of a network, counted from its shapes: parameters, work, and what it keeps."""

from dataclasses import dataclass

WEIGHTED = ("conv", "fc")
IN_PLACE = ("relu", "dropout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Counts for one sample.

    Attributes
    ----------
    name, kind : str
        Kind is ``conv``, ``fc``, ``product`` (of two activations), ``pool``, ``relu``, ``gelu``,
        ``batchnorm``, ``layernorm``, ``lrn``, ``add``, ``concat``, ``dropout``, ``embedding``, ``take``
        or ``softmax``.
    inputs, outputs : int
        Elements read and written.
    tensors : tuple of int
        Trained elements of each tensor that holds them, such as weights and biases.
    buffers : int
        Elements that are kept but not trained: running means and variances.
    macs : int
        Multiply-adds of the forward pass.
    elementwise : int
        Other operations of the forward pass: bias additions, comparisons, scales.
    needs_input_gradient : bool
        False where the input is the data itself, so that backward does only the weights.
    launches : int
        Kernels of the forward pass that run one after another: steps of a recurrent layer.
    """

    name: str
    kind: str
    inputs: int
    outputs: int
    tensors: tuple[int, ...] = ()
    buffers: int = 0
    macs: int = 0
    elementwise: int = 0
    needs_input_gradient: bool = True
    launches: int = 1

    @property
    def parameters(self) -> int:
        """Trained elements: weights, biases, scales and shifts."""
        return sum(self.tensors)

    @property
    def forward_flop(self) -> int:
        """Floating-point operations forward; a multiply-add counts two."""
        return 2 * self.macs + self.elementwise

    @property
    def backward_flop(self) -> int:
        """Operations backward: each gradient takes as many as the forward pass."""
        return self.forward_flop * self.gradients

    @property
    def gradients(self) -> int:
        """How many gradients backward computes: of the weights and, where needed, of the input.

        A product of activations has two inputs.
        """
        if self.kind == "product":
            return 2
        weights, data = int(self.parameters > 0), int(self.needs_input_gradient)
        return weights + data if self.macs else data

    @property
    def reuse(self) -> float:
        """How often a filter of a convolution uses each input: 9 for 3 x 3 at stride 1, 1 for 1 x 1.

        The area of a window over that of a stride and over the groups, which counts tell: each output has
        so many weights, each input is in so many windows. 0 for other layers.
        """
        if self.kind != "conv" or not self.tensors:
            return 0.0
        positions = self.macs / self.tensors[0]
        return self.macs * positions / (self.inputs * self.outputs)

    @property
    def kept(self) -> int:
        """Elements stored for the backward pass; layers that work in place add none."""
        return 0 if self.kind in IN_PLACE else self.outputs
