"""A multi-layer perceptron for 28 x 28 digits: the smallest network with real gradients."""

from nearlinear.models.dnn.network import Network, Stack


def mlp() -> Network:
    """Return the perceptron 784-800-800-10.

    References
    ----------
    Simard, Steinkraus and Platt 2003, "Best practices for convolutional neural networks": 800 hidden
    units (one hidden layer there).
    """
    net = Stack(784)
    net.fc("fc1", 800, relu=True).fc("fc2", 800, relu=True).fc("fc3", 10).softmax()
    return net.build("mlp", "MLP 784-800-800-10", "after Simard et al. 2003")
