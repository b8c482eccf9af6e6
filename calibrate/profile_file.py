"""Writing a profile: a TOML file for people, the samples beside it, both whole or not at all."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from nearlinear.models.arrays import FloatArray
from nearlinear.models.prediction import HIGH, LOW
from nearlinear.models.profile import SCHEMA, VERSION, LinkProfile, Profile
from nearlinear.models.whole_file import write_whole


def write_profile(profile: Profile, path: Path) -> None:
    """Write ``path`` and the samples of the same stem.

    Raises
    ------
    ContentError
        The folder is not there or not writable; nothing is left behind.
    """
    samples: dict[str, FloatArray] = {}
    links = [_link(link, samples) for link in profile.links]
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "links": links,
        "provenance": dict(profile.provenance),
    }
    archive = io.BytesIO()
    np.savez_compressed(archive, **samples)  # type: ignore[arg-type]
    write_whole(path.with_suffix(".npz"), lambda file: file.write(archive.getvalue()))
    write_whole(path, lambda file: tomli_w.dump(document, file))


def _link(link: LinkProfile, samples: dict[str, FloatArray]) -> dict[str, Any]:
    key = f"{link.level}.{link.transport}.{link.source}"
    cost = link.cost
    samples[f"{key}.latency_s"] = cost.latency_s[:, 0]
    samples[f"{key}.seconds_per_byte"] = np.hstack(cost.seconds_per_byte)
    samples[f"{key}.reduction_s_per_byte"] = cost.reduction_s_per_byte[:, 0]
    item: dict[str, Any] = {
        "level": link.level,
        "transport": link.transport,
        "dtype": link.dtype,
        "source": link.source,
        "form": link.form,
        "latency_s": _interval(cost.latency_s),
        "bandwidth_bytes_per_s": [_interval(1.0 / slope) for slope in cost.seconds_per_byte],
        "break_bytes": list(cost.break_bytes),
        "reduction_s_per_byte": _interval(cost.reduction_s_per_byte),
        "reduction_known": link.reduction_known,
        "spread": link.spread,
        "spread_per_octave": link.spread_per_octave,
        "spread_per_doubling": link.spread_per_doubling,
        "low_bytes": link.low_bytes,
        "high_bytes": link.high_bytes,
        "ranks": list(link.ranks),
        "samples": key,
    }
    if link.holdout is not None:
        h = link.holdout
        item["holdout"] = {
            "median_ape": h.median_ape,
            "p95_ape": h.p95_ape,
            "coverage_90": h.coverage_90,
            "points": h.points,
        }
    return item


def _interval(values: FloatArray) -> dict[str, float]:
    """Return the best fit with the 5th and 95th percentile of the samples."""
    low, high = np.percentile(values, [LOW, HIGH])
    return {"median": float(values[0, 0]), "low": float(low), "high": float(high)}
