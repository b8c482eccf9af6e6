"""A table of training steps: a network, devices, and how long compute and exchange of a step took.

Comma-separated, with the columns ``network`` (of the zoo), ``devices`` and ``exchange_s``; ``cluster``,
``transport``, ``batch`` per device and ``train_s`` (compute) are read where they are, and ``bytes`` where
the network had other gradients than the zoo's. Rows of one device say what compute takes alone. Every tensor
is taken to travel alone, as MPI programs send them.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nearlinear.models import dnn
from nearlinear.models.arrays import FloatArray
from nearlinear.models.errors import ContentError, SpecError
from nearlinear.models.units import FLOAT32_BYTES

NEEDED = ("network", "devices", "exchange_s")
OPTIONAL = ("cluster", "transport", "batch", "train_s", "bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeTime:
    """One row.

    Attributes
    ----------
    network, title : str
        Of the zoo, and what a reader calls it.
    batch, devices : int
        Samples per device, 0 where the table does not say, and who exchanged.
    tensors : int
        Messages of one exchange.
    size_bytes : float
        Gradients in memory.
    time_s, train_s : float
        Exchange and compute of one step; compute is 0 where the table does not say.
    """

    network: str
    title: str
    batch: int
    devices: int
    tensors: int
    size_bytes: float
    time_s: float
    train_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeTable:
    """Rows of one file, and the cluster that they were measured on, if it says so.

    Attributes
    ----------
    rows : tuple of ExchangeTime
        Of two devices or more.
    alone : tuple of ExchangeTime
        Of one device, which exchanges nothing.
    """

    path: str
    rows: tuple[ExchangeTime, ...]
    alone: tuple[ExchangeTime, ...]
    cluster: str = ""
    transport: str = "unknown"

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks in the order of the file."""
        return tuple(dict.fromkeys(row.network for row in self.rows))


def is_exchange_table(path: str | Path) -> bool:
    """Return whether the first line that is no comment names a network and devices."""
    try:
        first = next(iter(_lines(path)), (0, ""))[1]
    except (OSError, UnicodeDecodeError):
        return False
    names = {cell.strip().lower() for cell in re.split("[,;\t]", first)}
    return set(NEEDED[:2]) <= names


def read_exchange_table(path: str | Path) -> ExchangeTable:
    """Return the rows of a table.

    Raises
    ------
    ContentError
        Columns that are missing or given twice, a row without its numbers, of an unknown network, or of two
        clusters; names the line.
    """
    lines = _lines(path)
    names, *rows = ([cell.strip() for cell in cells] for cells in csv.reader(line for _, line in lines))
    _check_names(names, f"{path}:{lines[0][0]}")
    found, places = [], set()
    for (number, _), cells in zip(lines[1:], rows, strict=True):
        where = f"{path}:{number}"
        if len(cells) != len(names):
            raise ContentError(where, f"must have {len(names)} cells", got=len(cells))
        row = dict(zip(names, cells, strict=True))
        found.append(_row(row, where))
        places.add((row.get("cluster", ""), row.get("transport", "") or "unknown"))
    shared = tuple(row for row in found if row.devices > 1)
    if not shared:
        raise ContentError(str(path), "has no rows of two devices or more")
    if len(places) > 1:
        told = ", ".join(" ".join(place) for place in sorted(places))
        raise ContentError(str(path), "must be of one cluster and transport", got=told)
    alone = tuple(row for row in found if row.devices == 1)
    cluster, transport = places.pop()
    return ExchangeTable(path=str(path), rows=shared, alone=alone, cluster=cluster, transport=transport)


def _lines(path: str | Path) -> list[tuple[int, str]]:
    """Return the lines that are no comment, with their numbers."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return [(n, line) for n, line in enumerate(file, 1) if line.strip() and not line.startswith("#")]


def _check_names(names: list[str], where: str) -> None:
    known = (*NEEDED, *OPTIONAL)
    if missing := [name for name in NEEDED if name not in names]:
        remedy = f"write {','.join(NEEDED)}, separated by commas; {', '.join(OPTIONAL)} may follow"
        raise ContentError(where, f"must have the column {missing[0]}", got=", ".join(names), remedy=remedy)
    for name in names:
        if name not in known or names.count(name) > 1:
            rule = "must be given once" if name in known else f"must be one of {', '.join(known)}"
            raise ContentError(where, f"a column {rule}", got=name)


def _row(row: dict[str, str], where: str) -> ExchangeTime:
    try:
        network = dnn.network(row["network"], "network")
    except SpecError as error:
        raise ContentError(
            where, error.rule, field="network", got=row["network"], remedy=error.remedy
        ) from None
    devices, told = int(_number(row, "devices", where, 1)), row.get("bytes")
    return ExchangeTime(
        network=network.name, title=network.title, tensors=sum(len(one.tensors) for one in network.layers),
        devices=devices, batch=int(_number(row, "batch", where, 1)) if row.get("batch") else 0,
        size_bytes=_number(row, "bytes", where, 1) if told else float(network.parameters * FLOAT32_BYTES),
        time_s=_number(row, "exchange_s", where) if devices > 1 else 0.0,
        train_s=_number(row, "train_s", where) if row.get("train_s") else 0.0,
    )  # fmt: skip


def _number(row: dict[str, str], name: str, where: str, least: int = 0) -> float:
    """Return a number above 0; a whole one, not below ``least``, where that is given."""
    try:
        value = float(row[name])
    except ValueError:
        value = np.nan
    if least and not (value >= least and value == int(value)):
        raise ContentError(where, f"must be a whole number of {least} or more", field=name, got=row[name])
    if not 0 < value < np.inf:
        raise ContentError(where, "must be a number above 0", field=name, got=row[name])
    return value


def columns(rows: Sequence[ExchangeTime]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return tensors, bytes and seconds as columns."""
    values = np.array([(row.tensors, row.size_bytes, row.time_s) for row in rows], dtype=float)
    return values[:, 0], values[:, 1], values[:, 2]
