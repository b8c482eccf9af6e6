"""AlexNet with two towers (channel groups, 2012) and with one (the same shapes without groups).

References
----------
Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural networks".
"""

from nearlinear.models.dnn.network import Network, Stack


def alexnet() -> Network:
    """Return AlexNet with two channel groups in layers 2, 4 and 5."""
    return _alexnet(groups=2, name="alexnet", title="AlexNet, two towers")


def alexnet_one_tower() -> Network:
    """Return AlexNet without channel groups, as FireCaffe counts it."""
    return _alexnet(groups=1, name="alexnet-one-tower", title="AlexNet, one tower")


def _alexnet(groups: int, name: str, title: str) -> Network:
    net = Stack(3, 227, 227)
    net.conv("conv1", 96, 11, stride=4).lrn("norm1").pool("pool1", 3, 2)
    net.conv("conv2", 256, 5, pad=2, groups=groups).lrn("norm2").pool("pool2", 3, 2)
    net.conv("conv3", 384, 3, pad=1)
    net.conv("conv4", 384, 3, pad=1, groups=groups)
    net.conv("conv5", 256, 3, pad=1, groups=groups).pool("pool5", 3, 2)
    net.fc("fc6", 4096, relu=True).dropout("drop6")
    net.fc("fc7", 4096, relu=True).dropout("drop7")
    net.fc("fc8", 1000).softmax()
    return net.build(name, title, "Krizhevsky et al. 2012")
