"""Residual networks with basic blocks (18, 34) and bottlenecks (50, 101, 152).

The stride of a bottleneck sits on its 3 x 3 convolution ("v1.5") in ``resnet-*`` and on its first
1 x 1 convolution, as in the paper, in ``resnet-*-v1``; parameters are the same, work differs by 6 %.

References
----------
He, Zhang, Ren and Sun 2015, "Deep residual learning for image recognition", table 1.
Goyal et al. 2017, "Accurate, large minibatch SGD", section 5.1 (stride on the 3 x 3 convolution).
"""

from functools import partial

from nearlinear.models.dnn.network import Network, Stack

DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
FIRST_BOTTLENECK = 50


def resnet(depth: int, stride_first: bool = False) -> Network:
    """Return the residual network of a given depth for 224 x 224 images.

    Parameters
    ----------
    depth : {18, 34, 50, 101, 152}
        Weighted layers.
    stride_first : bool
        Whether bottlenecks stride in their first convolution (the paper) or in the second.
    """
    net = Stack(3, 224, 224)
    net.conv("conv1", 64, 7, stride=2, pad=3, bias=False, norm=True).pool("pool1", 3, 2, pad=1)
    block = partial(_bottleneck, stride_first=stride_first) if depth >= FIRST_BOTTLENECK else _basic
    for stage, count in enumerate(DEPTHS[depth]):
        for index in range(count):
            stride = 2 if stage and not index else 1
            block(net, f"conv{stage + 2}_{index + 1}", 64 << stage, stride)
    net.global_pool("pool5").fc("fc", 1000).softmax()
    version = "-v1" if stride_first else ""
    return net.build(f"resnet-{depth}{version}", f"ResNet-{depth}{version}", "He et al. 2015")


def _basic(net: Stack, name: str, width: int, stride: int) -> None:
    entry = net.branch()
    main = net.branch().conv(f"{name}.a", width, 3, stride, pad=1, bias=False, norm=True)
    main.conv(f"{name}.b", width, 3, pad=1, bias=False, norm=True, relu=False)
    _join(net, entry, main, name, width, stride)


def _bottleneck(net: Stack, name: str, width: int, stride: int, stride_first: bool) -> None:
    entry = net.branch()
    first, second = (stride, 1) if stride_first else (1, stride)
    main = net.branch().conv(f"{name}.a", width, 1, first, bias=False, norm=True)
    main.conv(f"{name}.b", width, 3, second, pad=1, bias=False, norm=True)
    main.conv(f"{name}.c", 4 * width, 1, bias=False, norm=True, relu=False)
    _join(net, entry, main, name, 4 * width, stride)


def _join(net: Stack, entry: Stack, main: Stack, name: str, width: int, stride: int) -> None:
    if entry.channels != width or stride > 1:
        entry.conv(f"{name}.shortcut", width, 1, stride, bias=False, norm=True, relu=False)
    net.follow(main).add(f"{name}.add").relu(f"{name}.relu")
