"""What was read from logs, as a record like any other."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nearlinear.calibrate.importers.imported import Imported, numbered
from nearlinear.measure.records import RecordWriter
from nearlinear.models.errors import ContentError
from nearlinear.models.provenance import sha256


def write_record(found: Sequence[Imported], out: Path, command: Sequence[str]) -> int:
    """Write the samples of several logs of one kind of machine into a new record; return how many.

    Parameters
    ----------
    command : sequence of str
        What was typed.

    Raises
    ------
    ContentError
        Logs of different devices, or an output that cannot be written.
    """
    _check_alike(found)
    samples = numbered(sample for one in found for sample in one.samples)
    writer = RecordWriter(out, _header(found, command))
    try:
        for sample in samples:
            writer.add(sample)
        writer.end(complete=True, reason="imported")
    except ContentError:
        writer.discard()
        raise
    return writer.count


def _check_alike(found: Sequence[Imported]) -> None:
    known = [one for one in found if one.header.get("devices")]
    for one in known[1:]:
        theirs, first = (sorted(set(log.header["devices"])) for log in (one, known[0]))
        if theirs != first:
            remedy = f"{known[0].path} is of {', '.join(first)}; import them one by one"
            raise ContentError(one.path, "must be of the same devices", got=", ".join(theirs), remedy=remedy)


def _header(found: Sequence[Imported], command: Sequence[str]) -> dict[str, Any]:
    """Return a header: what the largest run says of its ranks, and where everything is from."""
    samples = [sample for one in found for sample in one.samples]
    largest = max(samples, key=lambda sample: sample.ranks)
    listed = max(found, key=lambda one: len(one.header.get("hosts", [])))
    header: dict[str, Any] = {
        "run_id": uuid.uuid4().hex,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "hosts": list(listed.header.get("hosts", [])),
        "devices": list(listed.header.get("devices", [])),
        "host": {},
        "ranks": largest.ranks,
        "nodes": max(sample.nodes for sample in samples),
        "transport": ", ".join(dict.fromkeys(sample.transport for sample in samples)),
        "versions": _versions(found),
        "environment": {},
        "clock": {},
        "command": list(command),
        "notes": [f"{Path(one.path).name}: {note}" for one in found for note in one.notes],
        "source": [
            {"file": Path(one.path).name, "sha256": sha256(Path(one.path)), "format": one.format}
            for one in found
        ],
    }
    return header | _per_node(header["hosts"])


def _per_node(hosts: Sequence[str]) -> dict[str, list[int]]:
    """Return ranks of each node where the hosts of all ranks are known."""
    counts = [hosts.count(host) for host in dict.fromkeys(hosts)]
    return {"ranks_per_node": counts} if counts else {}


def _versions(found: Sequence[Imported]) -> dict[str, str]:
    named = dict.fromkeys(str(version) for one in found for version in one.header.get("versions", []))
    return {"measured with": "; ".join(named)} if named else {}
