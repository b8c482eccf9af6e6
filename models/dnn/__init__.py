"""The zoo: networks built from layer shapes, never from remembered totals."""

from collections.abc import Callable
from functools import cache, partial

from nearlinear.models.dnn.alexnet import alexnet, alexnet_one_tower
from nearlinear.models.dnn.bert import SQUAD, bert
from nearlinear.models.dnn.convnet import convnet
from nearlinear.models.dnn.googlenet import googlenet, googlenet_deployed
from nearlinear.models.dnn.inception import inception_v3
from nearlinear.models.dnn.lenet import lenet
from nearlinear.models.dnn.mlp import mlp
from nearlinear.models.dnn.network import Network
from nearlinear.models.dnn.nin import nin
from nearlinear.models.dnn.resnet import DEPTHS, FIRST_BOTTLENECK, resnet
from nearlinear.models.dnn.sized import sized
from nearlinear.models.dnn.vgg import vgg16, vgg19
from nearlinear.models.errors import SpecError, nearest
from nearlinear.models.naming import same_name

NETWORKS: dict[str, Callable[[], Network]] = {
    "mlp": mlp,
    "convnet": convnet,
    "lenet": lenet,
    "alexnet": alexnet,
    "alexnet-one-tower": alexnet_one_tower,
    "nin": nin,
    "vgg-16": vgg16,
    "vgg-19": vgg19,
    "googlenet": googlenet,
    "googlenet-no-aux": googlenet_deployed,
    "inception-v3": inception_v3,
    **{f"resnet-{depth}": partial(resnet, depth) for depth in DEPTHS},
    **{f"resnet-{depth}-v1": partial(resnet, depth, True) for depth in DEPTHS if depth >= FIRST_BOTTLENECK},
    "bert-base": bert,
    "bert-large": partial(bert, "large"),
    "bert-base-squad": partial(bert, head=SQUAD),
    "bert-large-squad": partial(bert, "large", head=SQUAD),
}

__all__ = ["NETWORKS", "Network", "network"]


@cache
def network(name: str, where: str = "MODEL") -> Network:
    """Return the network called ``name``: one of the zoo, or a small one with sizes of its own.

    Raises
    ------
    SpecError
        No such network; the message has the nearest names.
    """
    known = same_name(name, NETWORKS)
    other = sized(name, where) if known is None else None
    if other is not None:
        return other
    if known is None:
        remedy = nearest(name, list(NETWORKS)) or "see nearlinear list models"
        raise SpecError(where, "must be a known network", got=name, remedy=remedy)
    return NETWORKS[known]()
