"""Inception v3 for 299 x 299 images.

References
----------
Szegedy et al. 2015, "Rethinking the Inception architecture for computer vision", figures 5 to 10; the
widths are those of the authors' TensorFlow model.
"""

from nearlinear.models.dnn.network import Network, Stack


def inception_v3() -> Network:
    """Return Inception v3 without its auxiliary head."""
    net = Stack(3, 299, 299)
    _conv(net, "conv1a", 32, 3, stride=2)
    _conv(net, "conv2a", 32, 3)
    _conv(net, "conv2b", 64, 3, pad=1)
    net.pool("pool1", 3, 2)
    _conv(net, "conv3b", 80, 1)
    _conv(net, "conv4a", 192, 3)
    net.pool("pool2", 3, 2)
    for index, pooled in enumerate((32, 64, 64)):
        _module_a(net, f"mixed5{'bcd'[index]}", pooled)
    _reduction_a(net, "mixed6a")
    for index, width in enumerate((128, 160, 160, 192)):
        _module_b(net, f"mixed6{'bcde'[index]}", width)
    _reduction_b(net, "mixed7a")
    for index in range(2):
        _module_c(net, f"mixed7{'bc'[index]}")
    net.global_pool("pool3").dropout("drop").fc("fc", 1000).softmax()
    return net.build("inception-v3", "Inception v3", "Szegedy et al. 2015")


def _conv(
    net: Stack,
    name: str,
    filters: int,
    kernel: int | tuple[int, int],
    stride: int = 1,
    pad: int | tuple[int, int] = 0,
) -> Stack:
    return net.conv(name, filters, kernel, stride, pad, bias=False, norm=True)


def _module_a(net: Stack, name: str, pooled: int) -> None:
    one = _conv(net.branch(), f"{name}.1x1", 64, 1)
    five = _conv(_conv(net.branch(), f"{name}.5x5a", 48, 1), f"{name}.5x5b", 64, 5, pad=2)
    double = _conv(net.branch(), f"{name}.3x3a", 64, 1)
    _conv(_conv(double, f"{name}.3x3b", 96, 3, pad=1), f"{name}.3x3c", 96, 3, pad=1)
    project = _conv(net.branch().pool(f"{name}.pool", 3, 1, pad=1), f"{name}.project", pooled, 1)
    net.concat(name, [one, five, double, project])


def _reduction_a(net: Stack, name: str) -> None:
    three = _conv(net.branch(), f"{name}.3x3", 384, 3, stride=2)
    double = _conv(net.branch(), f"{name}.3x3a", 64, 1)
    _conv(_conv(double, f"{name}.3x3b", 96, 3, pad=1), f"{name}.3x3c", 96, 3, stride=2)
    net.concat(name, [three, double, net.branch().pool(f"{name}.pool", 3, 2)])


def _module_b(net: Stack, name: str, width: int) -> None:
    one = _conv(net.branch(), f"{name}.1x1", 192, 1)
    seven = _conv(net.branch(), f"{name}.7x7a", width, 1)
    _across(seven, f"{name}.7x7b", width)
    _down(seven, f"{name}.7x7c", 192)
    double = _conv(net.branch(), f"{name}.7x7da", width, 1)
    for step, filters in enumerate((width, width, width, 192)):
        (_across if step % 2 else _down)(double, f"{name}.7x7d{'bcde'[step]}", filters)
    project = _conv(net.branch().pool(f"{name}.pool", 3, 1, pad=1), f"{name}.project", 192, 1)
    net.concat(name, [one, seven, double, project])


def _across(net: Stack, name: str, filters: int) -> None:
    _conv(net, name, filters, (1, 7), pad=(0, 3))


def _down(net: Stack, name: str, filters: int) -> None:
    _conv(net, name, filters, (7, 1), pad=(3, 0))


def _reduction_b(net: Stack, name: str) -> None:
    three = _conv(_conv(net.branch(), f"{name}.3x3a", 192, 1), f"{name}.3x3b", 320, 3, stride=2)
    seven = _conv(net.branch(), f"{name}.7x7a", 192, 1)
    _across(seven, f"{name}.7x7b", 192)
    _down(seven, f"{name}.7x7c", 192)
    _conv(seven, f"{name}.7x7d", 192, 3, stride=2)
    net.concat(name, [three, seven, net.branch().pool(f"{name}.pool", 3, 2)])


def _module_c(net: Stack, name: str) -> None:
    one = _conv(net.branch(), f"{name}.1x1", 320, 1)
    three = _conv(net.branch(), f"{name}.3x3a", 384, 1)
    double = _conv(_conv(net.branch(), f"{name}.3x3da", 448, 1), f"{name}.3x3db", 384, 3, pad=1)
    project = _conv(net.branch().pool(f"{name}.pool", 3, 1, pad=1), f"{name}.project", 192, 1)
    net.concat(name, [one, _split(three, f"{name}.3x3"), _split(double, f"{name}.3x3d"), project])


def _split(net: Stack, name: str) -> Stack:
    return net.branch().concat(
        name,
        [
            _conv(net.branch(), f"{name}.1x3", 384, (1, 3), pad=(0, 1)),
            _conv(net.branch(), f"{name}.3x1", 384, (3, 1), pad=(1, 0)),
        ],
    )
