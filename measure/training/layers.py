"""Layers of a network: what each computes of its inputs, and the slopes of the loss in return.

Images are (samples, height, width, channels), which makes a convolution one large matrix product. A
*slope* is the derivative of the loss with respect to an activation, a *gradient* that with respect to
a parameter. Weights and gradients of a layer are slices of the flat vectors of its network.
"""

from abc import ABC, abstractmethod
from math import prod, sqrt
from typing import Any

import numpy as np

from nearlinear.measure.training.scratch import Scratch, Shape

WINDOW = 3  # height and width of a convolution's kernels
POOL = 2


class Layer(ABC):
    """One layer; what it returns is overwritten by its next call.

    Attributes
    ----------
    output_shape : tuple of int
        Of one sample.
    parameter_count : int
        Elements in the flat vectors.
    multiply_adds : int
        Multiplications, each with its addition, for one sample forward; zero where there is no
        matrix product.
    """

    output_shape: Shape
    parameter_count: int = 0
    multiply_adds: int = 0

    def bind(self, weights: Any, gradients: Any, arrays: Any) -> None:
        """Compute on these slices, shape (parameter_count,), with the functions of ``arrays``."""
        self.arrays = arrays
        self.scratch = Scratch(arrays, str(weights.dtype))

    def initialise(self, random: np.random.Generator) -> None:  # noqa: B027 - most layers have no weights
        """Draw the weights."""

    @abstractmethod
    def forward(self, inputs: Any) -> Any:
        """Return the outputs, shape (samples, *output_shape)."""

    def differentiate(self, slopes: Any) -> None:  # noqa: B027 - most layers have no weights
        """Overwrite the gradients, given the slopes at the outputs of the last ``forward``."""

    @abstractmethod
    def backward(self, slopes: Any) -> Any:
        """Return the slopes at the inputs, given those at the outputs of the last ``forward``."""


class Dense(Layer):
    """A fully connected layer: outputs = inputs W + b.

    Parameters
    ----------
    inputs, outputs : int
        Elements per sample; the slices hold W, shape (inputs, outputs), then b.

    Attributes
    ----------
    kernel : ndarray, shape (inputs, outputs)
        W, inside the weights.

    Notes
    -----
    With slopes s at the outputs: gradients are inputs' s and the sum of s, slopes at the inputs s W'.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        self._kernel_shape = (inputs, outputs)
        self.output_shape = (outputs,)
        self.parameter_count = (inputs + 1) * outputs
        self.multiply_adds = inputs * outputs

    def bind(self, weights: Any, gradients: Any, arrays: Any) -> None:
        """Compute on these slices."""
        super().bind(weights, gradients, arrays)
        size = prod(self._kernel_shape)
        self.kernel, self._bias = weights[:size].reshape(self._kernel_shape), weights[size:]
        self._kernel_gradients = gradients[:size].reshape(self._kernel_shape)
        self._bias_gradients = gradients[size:].reshape(1, -1)

    def initialise(self, random: np.random.Generator) -> None:
        """Draw the kernel with variance 2 / inputs, and set the bias to zero."""
        drawn = random.standard_normal(self._kernel_shape) * sqrt(2 / self._kernel_shape[0])
        self.kernel[...] = self.arrays.asarray(drawn.astype(self.kernel.dtype))
        self._bias[...] = 0

    def forward(self, inputs: Any) -> Any:
        """Return the outputs of rows of inputs."""
        self._inputs = inputs
        outputs = self.scratch.array("outputs", (len(inputs), self._kernel_shape[1]))
        self.arrays.matmul(inputs, self.kernel, out=outputs)
        outputs += self._bias
        return outputs

    def differentiate(self, slopes: Any) -> None:
        """Overwrite the gradients of kernel and bias."""
        ones = self.scratch.array("ones", (1, len(slopes)))
        ones.fill(1)
        self.arrays.matmul(self._inputs.T, slopes, out=self._kernel_gradients)
        # A product with ones adds rows several times faster than a sum over the first axis.
        self.arrays.matmul(ones, slopes, out=self._bias_gradients)

    def backward(self, slopes: Any) -> Any:
        """Return the slopes at the inputs."""
        outputs = self.scratch.array("slopes", (len(slopes), self._kernel_shape[0]))
        return self.arrays.matmul(slopes, self.kernel.T, out=outputs)


class Conv(Layer):
    """A convolution with 3 x 3 kernels, stride 1 and a border of zeros, so that sizes stay.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels.
    outputs : int
        Channels of the output; the slice holds the kernels, shape (3, 3, channels, outputs), then the
        bias.

    Notes
    -----
    Forward lays the window of every pixel in a row, which makes it a dense layer of pixels. Slopes at
    the inputs are the same convolution of the slopes at the outputs, with kernels turned by half a turn.
    """

    def __init__(self, input_shape: Shape, outputs: int) -> None:
        height, width, channels = input_shape
        self._channels, self._outputs = channels, outputs
        self._dense = Dense(WINDOW * WINDOW * channels, outputs)
        self.output_shape = (height, width, outputs)
        self.parameter_count = self._dense.parameter_count
        self.multiply_adds = height * width * WINDOW * WINDOW * channels * outputs

    def bind(self, weights: Any, gradients: Any, arrays: Any) -> None:
        """Compute on these slices."""
        super().bind(weights, gradients, arrays)
        self._dense.bind(weights, gradients, arrays)

    def initialise(self, random: np.random.Generator) -> None:
        """Draw kernels and set the bias to zero."""
        self._dense.initialise(random)

    def forward(self, inputs: Any) -> Any:
        """Return the convolution of the images."""
        rows = self._dense.forward(self._windows("inputs", inputs))
        return rows.reshape(len(inputs), *self.output_shape)

    def differentiate(self, slopes: Any) -> None:
        """Overwrite the gradients of kernels and bias."""
        self._dense.differentiate(slopes.reshape(-1, self._outputs))

    def backward(self, slopes: Any) -> Any:
        """Return the slopes at the images."""
        kernels = self._dense.kernel.reshape(WINDOW, WINDOW, self._channels, self._outputs)
        turned = kernels[::-1, ::-1].transpose(0, 1, 3, 2).reshape(-1, self._channels)
        rows = self._windows("slopes", slopes)
        outputs = self.scratch.array("slopes", (len(rows), self._channels))
        self.arrays.matmul(rows, turned, out=outputs)
        return outputs.reshape(*slopes.shape[:3], self._channels)

    def _windows(self, name: str, images: Any) -> Any:
        """Return the window around every pixel as a row, shape (samples h w, 9 channels)."""
        samples, height, width, channels = images.shape
        # Only the middle is written, ever: the border keeps its zeros.
        framed = self.scratch.array(f"framed {name}", (samples, height + 2, width + 2, channels))
        framed[:, 1:-1, 1:-1] = images
        windows = self.arrays.lib.stride_tricks.as_strided(
            framed,
            (samples, height, width, WINDOW, WINDOW, channels),
            (*framed.strides[:3], *framed.strides[1:]),
        )
        rows = self.scratch.array(f"rows {name}", windows.shape)
        rows[...] = windows
        return rows.reshape(samples * height * width, -1)


class ReLU(Layer):
    """The positive part; its slope at zero is zero."""

    def __init__(self, input_shape: Shape) -> None:
        self.output_shape = input_shape

    def forward(self, inputs: Any) -> Any:
        """Return max(inputs, 0)."""
        self._outputs = self.scratch.array("outputs", inputs.shape)
        return self.arrays.maximum(inputs, 0, out=self._outputs)

    def backward(self, slopes: Any) -> Any:
        """Return the slopes where the outputs are positive, zero elsewhere."""
        kept = self.scratch.array("slopes", slopes.shape)
        return self.arrays.multiply(slopes, self._outputs > 0, out=kept)


class AveragePool(Layer):
    """The mean of each 2 x 2 square; height and width must be even."""

    def __init__(self, input_shape: Shape) -> None:
        height, width, channels = input_shape
        self.output_shape = (height // POOL, width // POOL, channels)

    def forward(self, inputs: Any) -> Any:
        """Return the means."""
        outputs = self.scratch.array("outputs", (len(inputs), *self.output_shape))
        self.arrays.add(inputs[:, ::2, ::2], inputs[:, 1::2, ::2], out=outputs)
        outputs += inputs[:, ::2, 1::2]
        outputs += inputs[:, 1::2, 1::2]
        outputs *= 1 / POOL**2
        return outputs

    def backward(self, slopes: Any) -> Any:
        """Return a quarter of each slope for the four pixels of its square."""
        samples, height, width, channels = slopes.shape
        spread = self.scratch.array("slopes", (samples, height, POOL, width, POOL, channels))
        spread[...] = (slopes * (1 / POOL**2))[:, :, None, :, None]
        return spread.reshape(samples, height * POOL, width * POOL, channels)


class Flatten(Layer):
    """The elements of each sample in one row."""

    def __init__(self, input_shape: Shape) -> None:
        self._input_shape = input_shape
        self.output_shape = (prod(input_shape),)

    def forward(self, inputs: Any) -> Any:
        """Return the rows."""
        return inputs.reshape(len(inputs), -1)

    def backward(self, slopes: Any) -> Any:
        """Return the slopes in the shape of the inputs."""
        return slopes.reshape(len(slopes), *self._input_shape)
