"""Prices and power of hardware: a dated file that ships with nearlinear, or one of the user's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nearlinear.models.catalogue import DATA, find_device, sources
from nearlinear.models.errors import ContentError, SpecError, nearest
from nearlinear.models.hardware.fact import Fact, Source, read_fact
from nearlinear.models.naming import same_name
from nearlinear.models.strict import build, line_of, read_toml, require

SHIPPED = DATA / "prices.toml"
KEYS = ("currency", "pue", "power_watts", "instances", "sources")
OF_INSTANCE = ("title", "device", "devices", "price_per_h")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """What is rented as a whole.

    Attributes
    ----------
    name, title : str
        As its vendor calls it, and how it is sold.
    device : str
        Catalogue name of its devices.
    devices : int
        How many it has.
    price_per_h : Fact
        Money per hour of the whole instance, in the currency of its file.
    """

    name: str
    title: str
    device: str
    devices: int
    price_per_h: Fact

    def __post_init__(self) -> None:
        require(self.devices >= 1, "devices", "must be >= 1", self.devices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a file says of prices and power.

    Attributes
    ----------
    currency : str
        Of all its prices.
    pue : Fact
        Power usage effectiveness: energy of the data centre per energy of its devices, >= 1.
    power_watts : mapping of str to Fact
        Board power by device.
    instances : tuple of Instance
        In order of preference.
    """

    currency: str
    pue: Fact
    power_watts: Mapping[str, Fact] = field(default_factory=dict)
    instances: tuple[Instance, ...] = ()

    def __post_init__(self) -> None:
        require(self.pue.value >= 1, "pue", "must be >= 1", self.pue.value)

    def instance(self, name: str | None, device: str) -> Instance | None:
        """Return the instance of that name, or else the first with a device; None where there is none.

        Raises
        ------
        SpecError
            No such instance, or one with another device.
        """
        if name is None:
            return next((one for one in self.instances if one.device == device), None)
        known = {one.name: one for one in self.instances}
        found = same_name(name, known)
        if found is None:
            remedy = nearest(name, list(known)) or "see nearlinear list prices"
            raise SpecError("--instance", "must be an instance of the prices", got=name, remedy=remedy)
        if known[found].device != device:
            remedy = f"it has {known[found].device}"
            raise SpecError("--instance", f"must have {device}", got=name, remedy=remedy)
        return known[found]


def prices(path: str | None = None) -> Prices:
    """Return the shipped prices, or those of a user's file.

    A file has its own instances and currency; power and PUE that it does not state are the shipped ones.

    Raises
    ------
    SpecError
        The file is not there.
    ContentError
        The file says something impossible; the message has its line.
    """
    shipped = _read(SHIPPED, read_toml(SHIPPED), None)
    return shipped if path is None else _placed(Path(path), shipped)


def _placed(path: Path, shipped: Prices) -> Prices:
    """Return the prices of a user's file; an error names its line."""
    raw = read_toml(path)
    try:
        return _read(path, raw, shipped)
    except SpecError as error:
        inside = error.where.removeprefix(str(path)).lstrip(": ").replace(": ", ".")
        key = ".".join(part for part in (inside, error.field) if part)
        place = line_of(path, key)
        raise ContentError(place, error.rule, field=key, got=error.got, remedy=error.remedy) from None


def _read(path: Path, raw: Mapping[str, Any], under: Prices | None) -> Prices:
    """Return the prices of a file; what it does not say of power and PUE is that of ``under``."""
    _known_keys(raw, KEYS, f"{path}: ")
    cited = {k: build(Source, one, f"{path}: sources.{k}") for k, one in _table(raw, "sources", path).items()}
    known = sources() | cited
    power = dict(under.power_watts) if under else {}
    for name, one in _table(raw, "power_watts", path).items():
        where = f"{path}: power_watts.{name}"
        power[find_device(name, where).name] = read_fact(one, where, known)
    instances = tuple(
        _instance(name, one, f"{path}: instances.{name}", known)
        for name, one in _table(raw, "instances", path).items()
    )
    currency = raw.get("currency", "")
    if not isinstance(currency, str) or not currency:
        raise SpecError(f"{path}: currency", "must be a name, such as USD", got=currency)
    pue = under.pue if under and "pue" not in raw else read_fact(raw.get("pue"), f"{path}: pue", known)
    values = {"currency": currency, "pue": pue, "power_watts": power, "instances": instances}
    return build(Prices, values, str(path))


def _instance(name: str, raw: Any, where: str, known: Mapping[str, Source]) -> Instance:
    if not isinstance(raw, dict):
        raise SpecError(where, "must be a table", got=raw)
    _known_keys(raw, OF_INSTANCE, f"{where}.")
    count = read_fact(raw.get("devices"), f"{where}.devices", known).value
    if count != int(count):
        raise SpecError(f"{where}.devices", "must be a whole number", got=count)
    return Instance(
        name=name,
        title=str(raw.get("title", name)),
        device=find_device(str(raw.get("device", "")), f"{where}.device").name,
        devices=int(count),
        price_per_h=read_fact(raw.get("price_per_h"), f"{where}.price_per_h", known),
    )


def _known_keys(raw: Mapping[str, Any], allowed: tuple[str, ...], head: str) -> None:
    for key in raw:
        if key not in allowed:
            remedy = nearest(key, list(allowed)) or f"known are {', '.join(allowed)}"
            raise SpecError(f"{head}{key}", "unknown key", remedy=remedy)


def _table(raw: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    found = raw.get(key, {})
    if not isinstance(found, dict):
        raise SpecError(f"{path}: {key}", "must be a table", got=found)
    return found


def stated(value: float, option: str) -> Fact:
    """Return the fact that the user states with an option."""
    return Fact(value=value, status="stated", source=Source(citation=f"{option} {value:g}", date="none"))
