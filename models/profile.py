"""A profile: what was fitted to measurements of one machine, with samples and hold-out errors.

A profile is a TOML file that people read and a ``.npz`` of the same stem that holds the parameter
samples. ``calibrate`` writes it, predictions read it here.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from nearlinear.models.arrays import FloatArray
from nearlinear.models.compute_profile import ComputeProfile, read_compute
from nearlinear.models.errors import ContentError, SpecError
from nearlinear.models.hardware.loggp import LogGP, read_loggp
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.link_check import check_link
from nearlinear.models.link_profile import HeldOut, Holdout, LinkProfile
from nearlinear.models.strict import build, check_types, read_toml
from nearlinear.models.surface_document import read_surface

SCHEMA = "nearlinear/profile"
# What stands for an allreduce, best first; its halves are timed one by one.
PREFERRED = {"allreduce": 0, "": 0, "reduce-scatter": 1, "allgather": 2}
VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """Everything that was calibrated for one machine.

    Attributes
    ----------
    name : str
        File it came from, or the name given when it was made.
    links : tuple of LinkProfile
        Fitted levels.
    provenance : mapping
        Records with hashes, date, versions, command.
    holdout : tuple of HeldOut
        Errors on sizes, rank counts and runs that fits to the others did not see.
    compute : tuple of ComputeProfile
        Fitted families of kernels.
    loggp : tuple of LogGP
        Of single messages, where they were timed.
    """

    name: str
    links: tuple[LinkProfile, ...]
    provenance: Mapping[str, Any]
    holdout: tuple[HeldOut, ...] = ()
    compute: tuple[ComputeProfile, ...] = ()
    loggp: tuple[LogGP, ...] = ()

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices that were measured, as far as the measurements say."""
        files = self.provenance.get("files", [])
        return tuple(dict.fromkeys(str(name) for file in files for name in file.get("devices", [])))

    def link(self, level: str, sources: Sequence[str], on_host: bool, narrow: bool) -> LinkProfile | None:
        """Return what fits best of all that is known of a level.

        Parameters
        ----------
        level : {"node", "network"}
            Which links.
        sources : sequence of str
            Which measurements will do, best first.
        on_host : bool
            Whether vectors live in host memory; measurements of the other kind come last.
        narrow : bool
            Whether elements have 16 bits; measurements of other types come last.
        """
        found = [
            link for link in self.links
            if link.level == level and link.source in sources and link.operation in PREFERRED
        ]  # fmt: skip

        def misfit(link: LinkProfile) -> tuple[bool, int, bool, int]:
            wanted = sources.index(link.source), link.narrow != narrow
            return link.on_host != on_host, *wanted, PREFERRED[link.operation]

        return min(found, key=misfit, default=None)


def read_profile(path: str | Path) -> Profile:
    """Return the profile of a TOML file and the samples beside it.

    Raises
    ------
    SpecError
        A file is missing.
    ContentError
        Not a profile, of another version, or inconsistent with its samples.
    """
    path = Path(path)
    raw = read_toml(path)
    if raw.get("schema") != SCHEMA:
        remedy = "make one with nearlinear calibrate"
        raise ContentError(str(path), f"must be a {SCHEMA}", got=raw.get("schema"), remedy=remedy)
    if raw.get("version") != VERSION:
        rule = f"must be of version {VERSION}"
        raise ContentError(str(path), rule, got=raw.get("version"), remedy="calibrate again")
    samples = _read_samples(path.with_suffix(".npz"))
    if raw.get("samples_sha256") != digest(samples):
        beside = path.with_suffix(".npz").name
        rule = f"must lie beside the samples that it was written with, {beside} has others"
        raise ContentError(str(path), rule, remedy="calibrate again")
    try:
        links = tuple(_link(item, samples, str(path)) for item in raw.get("links", []))
        compute = read_compute(raw.get("compute", []), samples, str(path))
        holdout = tuple(build(HeldOut, item, str(path)) for item in raw.get("holdout", []))
        loggp = read_loggp(raw.get("loggp", []), str(path))
    except (SpecError, KeyError, TypeError, ValueError) as error:
        rule = error.rule if isinstance(error, SpecError) else f"must be whole ({error})"
        raise ContentError(str(path), rule, remedy="calibrate again") from None
    if not links and not compute:
        raise ContentError(str(path), "must hold at least one link or family of kernels")
    made = _provenance(raw, str(path))
    return Profile(
        name=str(path), links=links, provenance=made, holdout=holdout, compute=compute, loggp=loggp
    )


def digest(samples: Mapping[str, FloatArray]) -> str:
    """Return the SHA-256 of samples by name: what ties a profile to them."""
    whole = sha256()
    for name in sorted(samples):
        values = np.ascontiguousarray(samples[name], dtype="<f8")
        whole.update(f"{name} {values.shape} ".encode())
        whole.update(values.tobytes())
    return whole.hexdigest()


def _provenance(raw: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    made = raw.get("provenance", {})
    files = made.get("files", []) if isinstance(made, dict) else None
    whole = isinstance(files, list) and all(
        isinstance(file, dict) and isinstance(file.get("devices", []), list) for file in files
    )
    if not whole:
        raise ContentError(where, "must be whole", field="provenance", remedy="calibrate again")
    return dict(made)


def _read_samples(path: Path) -> dict[str, FloatArray]:
    if not path.is_file():
        raise SpecError(str(path), "must be there: it holds the samples of the profile")
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            return {key: np.asarray(archive[key], dtype=float) for key in archive.files}
    except (OSError, ValueError, KeyError) as error:
        raise ContentError(str(path), f"must be a .npz of samples ({error})") from None
    except Exception as error:  # zipfile and zlib have errors of their own
        raise ContentError(str(path), f"must be a whole .npz ({type(error).__name__})") from None


def _link(item: Mapping[str, Any], samples: Mapping[str, FloatArray], where: str) -> LinkProfile:
    key = item["samples"]
    slopes = samples[f"{key}.seconds_per_byte"]
    cost = LinkCost(
        latency_s=_column(samples[f"{key}.latency_s"]),
        seconds_per_byte=tuple(_column(slope) for slope in slopes.T),
        break_bytes=tuple(float(b) for b in item.get("break_bytes", ())),
        reduction_s_per_byte=_column(samples[f"{key}.reduction_s_per_byte"]),
    )
    if len(cost.break_bytes) + 1 != len(cost.seconds_per_byte):
        raise SpecError(where, "break_bytes must be one fewer than the pieces")
    plain = {
        name: item[name]
        for name in ("level", "transport", "dtype", "operation", "source", "form", "spread",
                     "spread_per_octave", "spread_per_doubling", "low_bytes", "high_bytes", "per_node",
                     "reduction_known", "fabric")
    }  # fmt: skip
    if (
        len({len(column) for column in (cost.latency_s, *cost.seconds_per_byte, cost.reduction_s_per_byte)})
        > 1
    ):
        raise SpecError(where, "must have as many samples of every parameter")
    holdout = build(Holdout, item["holdout"], where) if "holdout" in item else None
    link = LinkProfile(
        cost=cost, ranks=tuple(item["ranks"]), assumed=tuple(item["assumed"]), holdout=holdout,
        surface=read_surface(item, where), **plain,
    )  # fmt: skip
    check_types(link, where)
    told = [piece["best"] for piece in item["bandwidth_bytes_per_s"]]
    check_link(link, item["latency_s"]["best"], told, where)
    return link


def _column(values: FloatArray) -> FloatArray:
    """Return positive, finite samples as a column."""
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise SpecError("samples", "must be finite and >= 0")
    return values.reshape(-1, 1)
