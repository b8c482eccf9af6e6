"""LeNet for 28 x 28 digits, in the form that Caffe ships (20 and 50 maps, 500 units).

References
----------
LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document recognition".
"""

from nearlinear.models.dnn.network import Network, Stack


def lenet() -> Network:
    """Return LeNet as in Caffe's MNIST example."""
    net = Stack(1, 28, 28)
    net.conv("conv1", 20, 5, relu=False).pool("pool1", 2, 2)
    net.conv("conv2", 50, 5, relu=False).pool("pool2", 2, 2)
    net.fc("ip1", 500, relu=True).fc("ip2", 10).softmax()
    return net.build("lenet", "LeNet (Caffe)", "LeCun et al. 1998")
