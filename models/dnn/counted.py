"""A network of which only totals are known, as profilers print them."""

from nearlinear.models.dnn.layer import Layer
from nearlinear.models.dnn.network import Network

BLOCKS = 50  # nobody said how many: bulk costs do not depend on it, launches do
# What frameworks run after each convolution or product, over all that it puts out: normalisation, rectifier,
# addition. With three of them the networks of timm's table move what they should (docs/compute.md). In place,
# because nobody said what else is kept: memory is what the counted activations need at least.
AFTER = 3


def counted(parameters: int, macs: int, activations: int, name: str = "counted") -> Network:
    """Return a chain of equal blocks with these totals.

    Parameters
    ----------
    parameters : int
        Trained elements.
    macs : int
        Multiply-adds of the forward pass of one sample.
    activations : int
        Elements of one sample that weighted layers put out.
    name : str
        What it is called.

    Notes
    -----
    Gradients become ready evenly through backward. In a network whose last layers hold most parameters
    (AlexNet, VGG) they are ready earlier, and more of the exchange is hidden.
    """
    layers = []
    for i in range(BLOCKS):
        size = _share(activations, i)
        layers.append(
            Layer(
                name=f"block{i + 1}",
                kind="conv",
                inputs=size,
                outputs=size,
                tensors=(_share(parameters, i),),
                macs=_share(macs, i),
                needs_input_gradient=i > 0,
            )
        )
        layers += [
            Layer(name=f"block{i + 1}.after{j + 1}", kind="relu", inputs=size, outputs=size)
            for j in range(AFTER)
        ]
    title = f"Network of {parameters / 1e6:.4g} M parameters and {macs / 1e9:.4g} forward GMAC"
    return Network(
        name=name,
        title=title,
        source="its totals",
        layers=tuple(layers),
        sample_elements=layers[0].inputs,
    )


def _share(total: int, index: int) -> int:
    """Return the part of one of the equal blocks, so that all of them add up."""
    return total * (index + 1) // BLOCKS - total * index // BLOCKS
