"""What a scenario's devices cost per hour: money for whole instances, energy for devices."""

from dataclasses import dataclass
from math import ceil

from nearlinear.models.economics.prices import prices, stated
from nearlinear.models.economics.question import Cost
from nearlinear.models.hardware.fact import Fact

SECONDS_PER_HOUR = 3600.0
JOULE_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Money and power of one kind of device.

    Attributes
    ----------
    price : str or None
        What is paid, in words; None where no price is known.
    currency : str
        Of the price.
    price_per_h : Fact or None
        Money per hour of what is rented as a whole.
    billed : int
        Devices that are rented together.
    watts : Fact or None
        Power of a device.
    pue : Fact
        Energy of the data centre per energy of its devices.
    """

    price: str | None
    currency: str
    price_per_h: Fact | None
    billed: int
    watts: Fact | None
    pue: Fact

    @classmethod
    def of(cls, cost: Cost, device: str) -> "Rates":
        """Return the rates of a device, as the scenario states them and else from the prices.

        Raises
        ------
        SpecError
            No such file or instance.
        """
        known = prices(cost.prices)
        watts = stated(cost.watts, "--watts") if cost.watts else known.power_watts.get(device)
        pue = stated(cost.pue, "--pue") if cost.pue else known.pue
        if cost.price_per_device_h:
            price = stated(cost.price_per_device_h, "--price-per-device-h")
            words = f"{price.value:g} {known.currency} per device-hour"
            return cls(
                price=words, currency=known.currency, price_per_h=price, billed=1, watts=watts, pue=pue
            )
        one = known.instance(cost.instance, device)
        if one is None:
            return cls(price=None, currency=known.currency, price_per_h=None, billed=1, watts=watts, pue=pue)
        price = one.price_per_h
        dated = "" if price.status == "stated" else f" ({price.source.date})"
        return cls(
            price=f"{one.name}, {one.title}, {price.value:.4g} {known.currency}/h for {one.devices}{dated}",
            currency=known.currency, price_per_h=price, billed=one.devices, watts=watts, pue=pue,
        )  # fmt: skip

    def billed_devices(self, devices: int) -> int:
        """Return how many devices are paid for: whole instances."""
        return ceil(devices / self.billed) * self.billed

    def money_per_s(self, devices: int) -> float | None:
        """Return money per second of a scale, or None."""
        if self.price_per_h is None:
            return None
        return ceil(devices / self.billed) * self.price_per_h.value / SECONDS_PER_HOUR

    def kwh_per_s(self, devices: int) -> float | None:
        """Return kWh per second of a scale, or None: watts of all devices, times the PUE.

        Hosts, switches and idle devices of an instance are left out.
        """
        if self.watts is None:
            return None
        return devices * self.watts.value * self.pue.value / JOULE_PER_KWH

    def facts(self) -> list[tuple[str, Fact]]:
        """Return the numbers used, for the provenance."""
        named = (("price_per_h", self.price_per_h), ("power_watts", self.watts), ("pue", self.pue))
        return [(name, fact) for name, fact in named if fact is not None]
