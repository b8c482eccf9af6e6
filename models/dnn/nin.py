"""Network in Network for ImageNet: 1 x 1 convolutions and global pooling, few weights.

References
----------
Lin, Chen and Yan 2013, "Network in network"; the ImageNet layout is the authors' Caffe model.
"""

from nearlinear.models.dnn.network import Network, Stack


def nin() -> Network:
    """Return NiN for 224 x 224 images."""
    net = Stack(3, 224, 224)
    net.conv("conv1", 96, 11, stride=4).conv("cccp1", 96, 1).conv("cccp2", 96, 1)
    net.pool("pool1", 3, 2, ceil=True)
    net.conv("conv2", 256, 5, pad=2).conv("cccp3", 256, 1).conv("cccp4", 256, 1)
    net.pool("pool2", 3, 2, ceil=True)
    net.conv("conv3", 384, 3, pad=1).conv("cccp5", 384, 1).conv("cccp6", 384, 1)
    net.pool("pool3", 3, 2, ceil=True).dropout("drop")
    net.conv("conv4", 1024, 3, pad=1).conv("cccp7", 1024, 1).conv("cccp8", 1000, 1)
    net.global_pool("pool4").softmax()
    return net.build("nin", "Network in Network", "Lin et al. 2013")
