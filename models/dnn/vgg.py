"""VGG: stacks of 3 x 3 convolutions and three large fully connected layers.

References
----------
Simonyan and Zisserman 2014, "Very deep convolutional networks", configurations D (16) and E (19).
"""

from nearlinear.models.dnn.network import Network, Stack

WIDTHS = (64, 128, 256, 512, 512)


def vgg16() -> Network:
    """Return VGG-16 for 224 x 224 images."""
    return _vgg((2, 2, 3, 3, 3), "vgg-16", "VGG-16")


def vgg19() -> Network:
    """Return VGG-19 for 224 x 224 images."""
    return _vgg((2, 2, 4, 4, 4), "vgg-19", "VGG-19")


def _vgg(depths: tuple[int, ...], name: str, title: str) -> Network:
    net = Stack(3, 224, 224)
    for stage, (width, depth) in enumerate(zip(WIDTHS, depths, strict=True), start=1):
        for index in range(1, depth + 1):
            net.conv(f"conv{stage}_{index}", width, 3, pad=1)
        net.pool(f"pool{stage}", 2, 2)
    net.fc("fc6", 4096, relu=True).dropout("drop6").fc("fc7", 4096, relu=True).dropout("drop7")
    net.fc("fc8", 1000).softmax()
    return net.build(name, title, "Simonyan and Zisserman 2014")
