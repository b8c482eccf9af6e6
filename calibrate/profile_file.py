"""Writing a profile: a TOML file for people, the samples beside it, both whole or not at all."""

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from nearlinear.calibrate.compute.compute_table import stored
from nearlinear.models.arrays import FloatArray
from nearlinear.models.hardware.loggp import plain
from nearlinear.models.link_profile import LinkProfile
from nearlinear.models.profile import SCHEMA, VERSION, Profile, digest
from nearlinear.models.surface_document import described_surface
from nearlinear.models.whole_file import write_whole

PLAIN = (
    "level", "transport", "dtype", "operation", "source", "form", "reduction_known", "spread",
    "spread_per_octave", "spread_per_doubling", "low_bytes", "high_bytes", "per_node", "fabric",
)  # fmt: skip


def write_profile(profile: Profile, path: Path) -> None:
    """Write ``path`` and the samples of the same stem.

    Raises
    ------
    ContentError
        The folder is not there or not writable; nothing is left behind.
    """
    samples: dict[str, FloatArray] = {}
    links = [_link(link, samples) for link in profile.links]
    compute = [stored(one, samples) for one in profile.compute]
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "samples_sha256": digest(samples),
        "links": links,
        **({"compute": compute} if compute else {}),
        "holdout": [asdict(row) for row in profile.holdout],
        **({"loggp": plain(profile.loggp)} if profile.loggp else {}),
        "provenance": dict(profile.provenance),
    }
    archive = io.BytesIO()
    np.savez_compressed(archive, **samples)  # type: ignore[arg-type]
    write_whole(path.with_suffix(".npz"), lambda file: file.write(archive.getvalue()))
    write_whole(path, lambda file: tomli_w.dump(document, file))


def _link(link: LinkProfile, samples: dict[str, FloatArray]) -> dict[str, Any]:
    key = ".".join((link.level, link.transport, link.dtype, link.source, link.operation or "any"))
    samples[f"{key}.latency_s"] = link.cost.latency_s[:, 0]
    samples[f"{key}.seconds_per_byte"] = np.hstack(link.cost.seconds_per_byte)
    samples[f"{key}.reduction_s_per_byte"] = link.cost.reduction_s_per_byte[:, 0]
    return described(link) | {"samples": key}


def described(link: LinkProfile) -> dict[str, Any]:
    """Return what was fitted to a level, for people and for JSON: intervals instead of samples."""
    item: dict[str, Any] = {key: getattr(link, key) for key in PLAIN}
    item["latency_s"] = asdict(link.latency_s)
    item["bandwidth_bytes_per_s"] = [asdict(piece) for piece in link.bandwidth_bytes_per_s]
    item["break_bytes"] = list(link.cost.break_bytes)
    item["reduction_s_per_byte"] = asdict(link.reduction_s_per_byte)
    item["ranks"] = list(link.ranks)
    item["assumed"] = list(link.assumed)
    if link.holdout is not None:
        item["holdout"] = asdict(link.holdout)
    if link.surface is not None:
        item |= described_surface(link.surface)
    return item
