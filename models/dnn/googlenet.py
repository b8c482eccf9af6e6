"""GoogLeNet (Inception v1): nine inception modules, two auxiliary heads while training.

References
----------
Szegedy et al. 2014, "Going deeper with convolutions", table 1.
"""

from nearlinear.models.dnn.network import Network, Stack

# name: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection (table 1)
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def googlenet() -> Network:
    """Return GoogLeNet as it is trained, with both auxiliary heads."""
    return _googlenet(heads=("4a", "4d"), name="googlenet", title="GoogLeNet with auxiliary heads")


def googlenet_deployed() -> Network:
    """Return GoogLeNet without auxiliary heads."""
    return _googlenet(heads=(), name="googlenet-no-aux", title="GoogLeNet without auxiliary heads")


def _googlenet(heads: tuple[str, ...], name: str, title: str) -> Network:
    net = Stack(3, 224, 224)
    net.conv("conv1", 64, 7, stride=2, pad=3).pool("pool1", 3, 2, ceil=True).lrn("norm1")
    net.conv("conv2.reduce", 64, 1).conv("conv2", 192, 3, pad=1).lrn("norm2")
    net.pool("pool2", 3, 2, ceil=True)
    for module, widths in MODULES.items():
        _inception(net, f"inception{module}", widths)
        if module in heads:
            _head(net.branch(), f"head{module}")
        if module in ("3b", "4e"):
            net.pool(f"pool{module[0]}", 3, 2, ceil=True)
    net.global_pool("pool5").dropout("drop").fc("fc", 1000).softmax()
    return net.build(name, title, "Szegedy et al. 2014")


def _inception(net: Stack, name: str, widths: tuple[int, ...]) -> None:
    one, reduce3, three, reduce5, five, projected = widths
    net.concat(
        name,
        [
            net.branch().conv(f"{name}.1x1", one, 1),
            net.branch().conv(f"{name}.3x3.reduce", reduce3, 1).conv(f"{name}.3x3", three, 3, pad=1),
            net.branch().conv(f"{name}.5x5.reduce", reduce5, 1).conv(f"{name}.5x5", five, 5, pad=2),
            net.branch().pool(f"{name}.pool", 3, 1, pad=1).conv(f"{name}.project", projected, 1),
        ],
    )


def _head(net: Stack, name: str) -> None:
    net.pool(f"{name}.pool", 5, 3).conv(f"{name}.conv", 128, 1).fc(f"{name}.fc1", 1024, relu=True)
    net.dropout(f"{name}.drop").fc(f"{name}.fc2", 1000).softmax(f"{name}.softmax")
