"""A multi-layer perceptron for 28 x 28 digits: the smallest network with real gradients."""

from collections.abc import Sequence

from nearlinear.models.dnn.network import Network, Stack

DIGITS = (784, 800, 800, 10)


def mlp(units: Sequence[int] = DIGITS) -> Network:
    """Return a perceptron with so many units per layer, inputs first; 784-800-800-10 if not said otherwise.

    References
    ----------
    Simard, Steinkraus and Platt 2003, "Best practices for convolutional neural networks": 800 hidden
    units (one hidden layer there).
    """
    net, last = Stack(units[0]), len(units) - 1
    for number, count in enumerate(units[1:], start=1):
        net.fc(f"fc{number}", count, relu=number < last)
    sizes = "-".join(map(str, units))
    name = "mlp" if tuple(units) == DIGITS else f"mlp-{sizes}"
    return net.softmax().build(name, f"MLP {sizes}", "after Simard et al. 2003")
