"""Options of ``nearlinear train``, and the specification that they make."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from nearlinear.measure.training.data import DataSpec
    from nearlinear.measure.training.spec import TrainSpec
    from nearlinear.models.training.synchronisation import Rule

IMAGE_SIDES, SAMPLE_COUNT, NOISE_OVER_SIGNAL = "32x32x3", 2048, 5.0
WHAT, TOGETHER, HOW = "Network and data", "How replicas stay together", "Optimiser and run"


def _text(flag: str, text: str, panel: str, metavar: str | None = None) -> Any:
    return typer.Option(flag, help=text, rich_help_panel=panel, metavar=metavar)


NETWORK = Annotated[str, typer.Argument(metavar="NETWORK", help="mlp or convnet.")]
DATA = Annotated[str, _text("--data", "digits (of scikit-learn) or synthetic.", WHAT)]
IMAGE = Annotated[
    str, _text("--image", "Synthetic images: height x width x channels (32x32x3).", WHAT, "HxWxC")
]
NOISE = Annotated[
    float, typer.Option("--noise", help="Synthetic images: noise over signal (5).", rich_help_panel=WHAT)
]
SAMPLES = Annotated[
    int, typer.Option("--samples", min=0, help="Synthetic training images (2048).", rich_help_panel=WHAT)
]
WIDTH = Annotated[
    int,
    typer.Option("--width", min=0, help="Hidden units, or first channels (0: usual).", rich_help_panel=WHAT),
]
BATCH = Annotated[
    int, typer.Option("--batch-per-device", min=1, help="Images per worker and step.", rich_help_panel=WHAT)
]
LOADER = Annotated[str, _text("--loader", "inline, or process: ahead, by a process beside.", WHAT)]
LOAD_DELAY = Annotated[str, _text("--load-delay", "Slow storage: wait per batch.", WHAT, "TIME")]
RULE = Annotated[str, _text("--rule", "bsp, asgd, ssp, easgd or gosgd.", TOGETHER)]
ALGORITHM = Annotated[str, _text("--algorithm", "bsp: vendor, ring, tree, ps, asa …", TOGETHER)]
WIRE = Annotated[str, _text("--wire", "bsp: type on the wire, such as float16 (ASA16).", TOGETHER)]
BUCKET = Annotated[str, _text("--bucket", "bsp: gradients travel in buckets of this size.", TOGETHER, "SIZE")]
OVERLAP = Annotated[
    bool,
    typer.Option(
        "--overlap/--no-overlap", help="bsp: buckets leave during backward.", rich_help_panel=TOGETHER
    ),
]
AVERAGES = Annotated[str | None, _text("--averages", "bsp: gradients or weights.", TOGETHER)]
PERIOD = Annotated[
    int | None,
    typer.Option(
        "--period", min=1, help="Steps between exchanges (default: 1, easgd 8).", rich_help_panel=TOGETHER
    ),
]
ELASTICITY = Annotated[
    float | None, typer.Option("--elasticity", help="easgd: share of the distance.", rich_help_panel=TOGETHER)
]
PROBABILITY = Annotated[
    float | None, typer.Option("--probability", help="gosgd: of a push per step.", rich_help_panel=TOGETHER)
]
STALENESS = Annotated[
    int | None,
    typer.Option(
        "--staleness", help="ssp: visits ahead of the slowest (default: 3).", rich_help_panel=TOGETHER
    ),
]
EPOCHS = Annotated[int, typer.Option("--epochs", min=1, help="Passes over the data.", rich_help_panel=HOW)]
BUDGET = Annotated[str, _text("--budget", "No epoch begins after so long.", HOW, "TIME")]
RATE = Annotated[float, typer.Option("--rate", help="Learning rate.", rich_help_panel=HOW)]
MOMENTUM = Annotated[float, typer.Option("--momentum", help="Of the optimiser.", rich_help_panel=HOW)]
DECAY = Annotated[float, typer.Option("--decay", help="Weight decay.", rich_help_panel=HOW)]
SEED = Annotated[int, typer.Option("--seed", min=0, help="Of everything random.", rich_help_panel=HOW)]
OF_RULES = ("averages", "period", "elasticity", "probability", "staleness")
SPEC = (
    "network", "data", "image", "noise", "samples", "width", "batch", "loader", "load_delay", "rule",
    "algorithm", "wire", "bucket", "overlap", *OF_RULES, "epochs", "budget", "rate", "momentum", "decay",
    "seed",
)  # fmt: skip


def train_spec(**given: Any) -> "TrainSpec":
    """Return what the options ask for; ``SpecError`` for what cannot be, or would be ignored."""
    from nearlinear.measure.operations.table import algorithms_named
    from nearlinear.measure.training.networks import NetworkSpec
    from nearlinear.measure.training.spec import LOADERS, TrainSpec
    from nearlinear.models.errors import SpecError
    from nearlinear.models.option import one_of
    from nearlinear.models.units import parse_duration, parse_size

    if given["algorithm"] == "all":
        raise SpecError("--algorithm", "must be one", got="all")
    (algorithm,) = algorithms_named([given["algorithm"]], "--algorithm")
    data = _data(given)
    return TrainSpec(
        network=NetworkSpec(name=_network(given["network"]), input_shape=data.shape, classes=data.classes,
                            width=given["width"] or None),
        data=data,
        batch=given["batch"],
        rule=_rule(given),
        algorithm=algorithm,
        wire_dtype=_wire(given["wire"]),
        bucket_bytes=parse_size(given["bucket"], "--bucket") if given["bucket"] else None,
        overlap=given["overlap"],
        loader=one_of(*LOADERS)(given["loader"], "--loader"),
        load_delay_s=parse_duration(given["load_delay"], "--load-delay"),
        epochs=given["epochs"],
        budget_s=_positive(parse_duration(given["budget"], "--budget"), "--budget"),
        rate=_positive(given["rate"], "--rate"),
        momentum=_fraction(given["momentum"], "--momentum"),
        decay=_fraction(given["decay"], "--decay"),
        seed=given["seed"],
    )  # fmt: skip


def _network(name: str) -> str:
    from nearlinear.measure.training.networks import NETWORKS
    from nearlinear.models.option import one_of

    return str(one_of(*NETWORKS)(name, "NETWORK"))


def _data(given: dict[str, Any]) -> "DataSpec":
    from nearlinear.measure.training.data import data_spec
    from nearlinear.models.errors import SpecError
    from nearlinear.models.option import one_of

    name = one_of("digits", "synthetic")(given["data"], "--data")
    if name == "digits":
        for option in ("image", "noise", "samples"):
            if given[option]:
                raise SpecError(f"--{option}", "belongs to --data synthetic", got=given[option])
        return data_spec("digits", seed=given["seed"])
    image = given["image"] or IMAGE_SIDES
    sides = image.lower().split("x")
    if len(sides) != 3 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise SpecError("--image", "must be height x width x channels", got=image, remedy="write 32x32x3")
    height, width, channels = map(int, sides)
    noise = given["noise"] or NOISE_OVER_SIGNAL
    return data_spec(
        "synthetic", height=height, width=width, channels=channels, seed=given["seed"],
        samples=given["samples"] or SAMPLE_COUNT, noise=_positive(noise, "--noise"),
    )  # fmt: skip


def _rule(given: dict[str, Any]) -> "Rule":
    """Return the rule; options of another rule are refused, not ignored."""
    from nearlinear.models.training.synchronisation import rule_of

    return rule_of(given["rule"], {option: given[option] for option in OF_RULES})


def _wire(text: str) -> str:
    from nearlinear.measure.elements import element_type

    return "" if text in ("same", "float32") else element_type(text, "--wire").name


def _positive(value: float, where: str) -> float:
    from nearlinear.models.errors import SpecError

    if not value > 0:
        raise SpecError(where, "must be > 0", got=value)
    return value


def _fraction(value: float, where: str) -> float:
    from nearlinear.models.errors import SpecError

    if not 0 <= value < 1:
        raise SpecError(where, "must be at least 0, below 1", got=value)
    return value
