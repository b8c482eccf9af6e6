"""Networks that are named by their sizes: ``mlp-64-256-256-10``, ``convnet-8x8x1-16-10``."""

import re

from nearlinear.models.dnn.convnet import convnet
from nearlinear.models.dnn.mlp import mlp
from nearlinear.models.dnn.network import Network
from nearlinear.models.errors import SpecError

FORMS = {
    "mlp": (re.compile(r"mlp((?:-[1-9]\d{0,6}){2,})"), "mlp-64-256-256-10: inputs, hidden units, classes"),
    "convnet": (
        re.compile(r"convnet-([1-9]\d{0,4})x([1-9]\d{0,4})x([1-9]\d{0,4})-([1-9]\d{0,4})-([1-9]\d{0,4})"),
        "convnet-8x8x1-16-10: height, width and channels, first maps, classes",
    ),
}


def sized(name: str, where: str) -> Network | None:
    """Return the network of a family with these sizes, or None where the name is of no family.

    Raises
    ------
    SpecError
        The sizes are not such of the family.
    """
    family = name.lower().partition("-")[0]
    if family not in FORMS or family == name.lower():
        return None
    form, example = FORMS[family]
    found = form.fullmatch(name.lower())
    if found is None:
        raise SpecError(where, f"must have the sizes of a {family}", got=name, remedy=f"write {example}")
    if family == "mlp":
        return mlp([int(units) for units in found[1].split("-")[1:]])
    height, width, *rest = map(int, found.groups())
    if height % 4 or width % 4:
        rule = "height and width must be multiples of 4 for two poolings"
        raise SpecError(where, rule, got=name)
    return convnet(height, width, *rest)
