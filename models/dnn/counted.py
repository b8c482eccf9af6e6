"""A network of which only totals are known, as profilers print them."""

from nearlinear.models.dnn.layer import Layer
from nearlinear.models.dnn.network import Network

LAYERS = 50  # nobody said how many: bulk costs do not depend on it, launches do


def counted(parameters: int, macs: int, activations: int, name: str = "counted") -> Network:
    """Return a chain of equal layers with these totals.

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
    layers = tuple(
        Layer(
            name=f"layer{i + 1}",
            kind="conv",
            inputs=_share(activations, i),
            outputs=_share(activations, i),
            tensors=(_share(parameters, i),),
            macs=_share(macs, i),
            elementwise=0,
            needs_input_gradient=i > 0,
        )
        for i in range(LAYERS)
    )
    title = f"Network of {parameters / 1e6:.4g} M parameters and {macs / 1e9:.4g} forward GMAC"
    return Network(
        name=name, title=title, source="its totals", layers=layers, sample_elements=layers[0].inputs
    )


def _share(total: int, index: int) -> int:
    """Return the part of one of the equal layers, so that all of them add up."""
    return total * (index + 1) // LAYERS - total * index // LAYERS
