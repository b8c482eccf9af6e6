"""Networks named by their sizes: ``mlp-64-256-10``, ``bert-large-512``, ``counted-25.6M-4.1G-11M``."""

import re

from nearlinear.models.dnn.bert import POSITIONS, PRETRAIN, bert
from nearlinear.models.dnn.convnet import convnet
from nearlinear.models.dnn.counted import counted
from nearlinear.models.dnn.mlp import mlp
from nearlinear.models.dnn.network import Network
from nearlinear.models.errors import SpecError

LEAST = 1000  # of each total: so small a network is none of this form
NUMBER = r"(\d+(?:\.\d+)?)([KMGT]?)"
SCALE = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
FORMS = {
    "mlp": (re.compile(r"mlp((?:-[1-9]\d{0,6}){2,})"), "mlp-64-256-256-10: inputs, hidden units, classes"),
    "convnet": (
        re.compile(r"convnet-([1-9]\d{0,4})x([1-9]\d{0,4})x([1-9]\d{0,4})-([1-9]\d{0,4})-([1-9]\d{0,4})"),
        "convnet-8x8x1-16-10: height, width and channels, first maps, classes",
    ),
    "bert": (
        re.compile(r"bert-(base|large)(?:-(squad))?-([1-9]\d{0,4})"),
        "bert-large-512 or bert-base-squad-384: tokens of a sample",
    ),
    "counted": (
        re.compile(rf"counted-{NUMBER}-{NUMBER}-{NUMBER}", re.IGNORECASE),
        "counted-25.6M-4.1G-11.1M: parameters, forward multiply-adds and activations of a sample",
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
        raise SpecError(where, f"must be {family} with its sizes", got=name, remedy=f"write {example}")
    if family == "mlp":
        return mlp([int(units) for units in found[1].split("-")[1:]])
    if family == "bert":
        if int(found[3]) > POSITIONS:
            raise SpecError(
                where, f"must have at most {POSITIONS} tokens, as its table of positions", got=name
            )
        return bert(found[1], int(found[3]), found[2] or PRETRAIN)
    if family == "counted":
        return _counted(found, name, where)
    height, width, *rest = map(int, found.groups())
    if height % 4 or width % 4:
        rule = "height and width must be multiples of 4 for two poolings"
        raise SpecError(where, rule, got=name)
    return convnet(height, width, *rest)


def _counted(found: re.Match[str], name: str, where: str) -> Network:
    numbers = [float(found[i]) * SCALE[found[i + 1].upper()] for i in (1, 3, 5)]
    if min(numbers) < LEAST:
        rule = f"must have at least {LEAST} parameters, multiply-adds and activations"
        raise SpecError(where, rule, got=name, remedy="is a K, M or G missing?")
    parameters, macs, activations = (round(number) for number in numbers)
    return counted(parameters, macs, activations, name)
