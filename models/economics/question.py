"""What is asked of the economics of a scenario: the target that ends training, and what hardware costs.

These are two tables of the scenario, so their fields are options and keys. This file imports nothing heavy;
the command line reads it for ``--help``.
"""

from dataclasses import dataclass

from nearlinear.models.economics.learning_rate import LearningRate, learning_rate
from nearlinear.models.errors import SpecError
from nearlinear.models.option import above, at_least, count, flag, option, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """When training ends: at the accuracy known for the model, or after epochs that the user states.

    Raises
    ------
    SpecError
        Choices that contradict each other or do nothing.
    """

    until_accuracy: bool = option(
        flag, "Add time, energy and money until the accuracy known for the model (nearlinear list targets).",
        False,
    )  # fmt: skip
    epochs: float | None = option(
        above(0.0), "Your own target: epochs to it at a small batch, or at any without --critical-batch.",
        None,
    )  # fmt: skip
    critical_batch: float | None = option(
        above(0.0), "Global batch at which --epochs doubles. (default: they do not grow)", None
    )
    epoch_samples: int | None = option(
        count, "Samples of one epoch. (default: ImageNet's 1,281,167 for its networks)", None
    )
    learning_rate: LearningRate | None = option(
        learning_rate, "Learning rate that works at a global batch, as 256:0.01; others follow the linear"
        " rule up to the critical batch.", None, "BATCH:RATE",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.until_accuracy and self.epochs is not None:
            remedy = "drop one: the first is fitted to published runs, the second is your own"
            raise SpecError("--epochs", "excludes --until-accuracy", got=self.epochs, remedy=remedy)
        for name in ("critical_batch", "epoch_samples"):
            if self.epochs is None and getattr(self, name) is not None:
                where = "--" + name.replace("_", "-")
                raise SpecError(where, "needs --epochs", got=getattr(self, name), remedy="say --epochs 90")
        if self.learning_rate is not None and not self.asked:
            remedy = "say --until-accuracy, or --epochs 90"
            raise SpecError("--learning-rate", "needs a target", got=str(self.learning_rate), remedy=remedy)

    @property
    def asked(self) -> bool:
        """Whether there is a target."""
        return self.until_accuracy or self.epochs is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a device-hour costs in money and energy.

    Raises
    ------
    SpecError
        Two prices at once.
    """

    prices: str | None = option(
        text, "TOML file of prices and power. (default: the dated one of nearlinear list prices)", None,
        metavar="FILE",
    )  # fmt: skip
    instance: str | None = option(
        text, "Instance whose price counts. (default: the first with the device)", None
    )
    price_per_device_h: float | None = option(
        above(0.0), "Price of a device-hour, in the currency of the prices; replaces instances.", None
    )
    watts: float | None = option(
        above(0.0), "Power of a device while training. (default: its board power, where known)", None
    )
    pue: float | None = option(
        at_least(1.0), "Energy of the data centre per energy of its devices. (default: that of the prices)",
        None,
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.instance is not None and self.price_per_device_h is not None:
            remedy = "drop one of the two"
            raise SpecError("--instance", "excludes --price-per-device-h", got=self.instance, remedy=remedy)

    def given(self) -> list[str]:
        """Return the options that were given."""
        names = ("prices", "instance", "price_per_device_h", "watts", "pue")
        return ["--" + n.replace("_", "-") for n in names if getattr(self, n) is not None]


def check_target(target: Target, cost: Cost) -> None:
    """Refuse costs of a training run that never ends.

    Raises
    ------
    SpecError
        A cost is stated, but no target.
    """
    if cost.given() and not target.asked:
        remedy = "say --until-accuracy, or --epochs 90"
        raise SpecError(cost.given()[0], "needs a target", remedy=remedy)
