"""Two convolutions and a dense layer: the small network of images that ``nearlinear train`` trains."""

from nearlinear.models.dnn.network import Network, Stack

SMALL = (32, 32, 3, 16, 10)


def convnet(
    height: int = 32, width: int = 32, channels: int = 3, maps: int = 16, classes: int = 10
) -> Network:
    """Return conv-relu-pool-conv-relu-pool-dense, with 3 x 3 kernels and 2 x 2 averages.

    Parameters
    ----------
    height, width, channels : int
        Of an image.
    maps : int
        Channels after the first convolution; the second has twice as many.
    classes : int
        Outputs.
    """
    net = Stack(channels, height, width)
    net.conv("conv1", maps, 3, pad=1).pool("pool1", 2, 2)
    net.conv("conv2", 2 * maps, 3, pad=1).pool("pool2", 2, 2)
    net.fc("fc", classes).softmax()
    sizes = f"{height}x{width}x{channels}-{maps}-{classes}"
    name = "convnet" if (height, width, channels, maps, classes) == SMALL else f"convnet-{sizes}"
    return net.build(name, f"Convnet {sizes}", "nearlinear train")
