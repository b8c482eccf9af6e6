"""``nearlinear calibrate`` on tables of training steps: links from whole exchanges."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nearlinear.calibrate.exchanges.left_out import LeftOut
    from nearlinear.calibrate.exchanges.table import ExchangeTable

HEEDED = ("files", "out", "as_json")


def asked_for(files: Sequence[str], given: dict[str, Any]) -> bool:
    """Return whether the files are a table of training steps; ``given`` has the options that were given.

    Raises
    ------
    SpecError
        Such a table beside other files, or options that have no effect on it.
    """
    from nearlinear.calibrate.exchanges.table import is_exchange_table
    from nearlinear.models.errors import SpecError

    tables = [file for file in files if is_exchange_table(file)]
    if not tables:
        return False
    if len(files) > 1:
        remedy = "calibrate it on its own"
        raise SpecError("FILE", "a table of training steps must stand alone", got=tables[0], remedy=remedy)
    for name, value in given.items():
        if name not in HEEDED:
            raise SpecError(_flag(name), "has no effect on a table of training steps", got=value)
    return True


def _flag(name: str) -> str:
    return "--map" if name == "columns" else "--" + name.replace("_", "-")


def calibrate_exchanges(file: str, out: Path | None, as_json: bool) -> None:
    """Fit the links that a table of training steps shows, and print how well each row is foretold."""
    from nearlinear.calibrate.exchanges.exchange_link import cluster_of, fit_exchanges
    from nearlinear.calibrate.exchanges.left_out import without_count, without_network
    from nearlinear.calibrate.exchanges.table import read_exchange_table
    from nearlinear.calibrate.profile_file import write_profile

    table = read_exchange_table(file)
    profile = fit_exchanges(table, str(out or "profile"))
    held = {"network": without_network(table), "device count": without_count(table, cluster_of(table))}
    if out is not None:
        write_profile(profile, out)
    notes = [*_crossings(held["device count"]), *_few(held)]
    _print_json(profile, held, notes) if as_json else _print(table, held, out, notes)


def _crossings(found: "list[LeftOut]") -> list[str]:
    """Return why some counts cannot be known from the rest."""
    crossed = {one.row.devices: one.rate.crossing for one in found if one.rate.crossing}
    return [
        f"{devices} devices left out: they are the only ones to cross the {level} level, whose bandwidth the"
        " others do not show; the catalogue's stands in, with its spread"
        for devices, level in crossed.items()
    ]


def _few(held: "dict[str, list[LeftOut]]") -> list[str]:
    return [f"no {name} left out: too few were measured" for name, found in held.items() if not found]


def _print_json(profile: Any, held: "dict[str, list[LeftOut]]", notes: list[str]) -> None:
    from nearlinear.calibrate.profile_file import described
    from nearlinear.cli.output import print_document

    rows = [
        {
            "left_out": name, "network": one.row.network, "batch": one.row.batch, "devices": one.row.devices,
            "measured_s": one.row.time_s, "predicted_s": one.predicted_s, "low_s": one.band_s[0],
            "high_s": one.band_s[1], "crossing": one.rate.crossing,
        }
        for name, found in held.items()
        for one in found
    ]  # fmt: skip
    result = {"links": [described(link) for link in profile.links], "left_out": rows}
    files = profile.provenance["files"]
    print_document("calibration", profile.provenance, result, notes, {"files": files})


def _print(
    table: "ExchangeTable", held: "dict[str, list[LeftOut]]", out: Path | None, notes: list[str]
) -> None:
    from nearlinear.calibrate.exchanges.exchange_fit import fit_rates
    from nearlinear.cli.output import print_table, warn
    from nearlinear.models.units import GB, MICROSECOND

    warn(notes)
    rates = [
        [str(rate.devices), f"{rate.latency_s / MICROSECOND:.0f}", f"{1 / rate.seconds_per_byte / GB:.2f}",
         f"{rate.spread:.1%}"]
        for rate in fit_rates(table.rows).values()
    ]  # fmt: skip
    print_table(["devices", "latency us per tensor", "GB/s", "left out"], rates)
    for name, found in held.items():
        _print_left_out(name, found)
    _print_compute(table)
    if out is not None:
        print(f"\nwrote {out} and {out.with_suffix('.npz')}")
        print(f"Next: nearlinear predict MODEL --profile {out} --bucket tensor --no-overlap")


def _print_left_out(name: str, found: "list[LeftOut]") -> None:
    import numpy as np

    from nearlinear.calibrate.exchanges.left_out import covered, errors
    from nearlinear.cli.output import print_table
    from nearlinear.models.units import MILLISECOND

    if not found:
        return
    rows = [
        [one.row.title, _batch(one.row.batch), str(one.row.devices), f"{one.row.time_s / MILLISECOND:.1f}",
         f"{one.predicted_s / MILLISECOND:.1f}",
         f"{one.band_s[0] / MILLISECOND:.1f} - {one.band_s[1] / MILLISECOND:.1f}", f"{one.error:+.1%}"]
        for one in found
    ]  # fmt: skip
    print(f"\none {name} left out")
    columns = ["network", "batch", "devices", "measured ms", "predicted ms", "90 % band", "error"]
    print_table(columns, rows, left=(0,))
    off = errors(found)
    print(f"median {np.median(off):.1%}, worst {off.max():.1%}, in 90 % band {covered(found):.0%}")


def _print_compute(table: "ExchangeTable") -> None:
    """Print how compute of a step keeps to what one device takes for the same batch."""
    import numpy as np

    from nearlinear.cli.output import print_table
    from nearlinear.models.units import MILLISECOND

    alone = {(row.network, row.batch): row.train_s for row in table.alone if row.train_s}
    rows = [row for row in table.rows if row.train_s and (row.network, row.batch) in alone]
    if not rows:
        return
    off = np.array([alone[row.network, row.batch] / row.train_s - 1.0 for row in rows])
    shown = [
        [row.title, _batch(row.batch), str(row.devices), f"{row.train_s / MILLISECOND:.0f}",
         f"{alone[row.network, row.batch] / MILLISECOND:.0f}", f"{error:+.1%}"]
        for row, error in zip(rows, off, strict=True)
    ]  # fmt: skip
    print("\ncompute of a step, as on one device")
    print_table(["network", "batch", "devices", "measured ms", "predicted ms", "error"], shown, left=(0,))
    print(f"median {np.median(np.abs(off)):.1%}, worst {np.abs(off).max():.1%}")


def _batch(batch: int) -> str:
    return str(batch) if batch else ""
