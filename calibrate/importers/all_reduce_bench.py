"""The Markdown table of ``all_reduce_bench.py`` (stas00/ml-engineering), which measures through PyTorch.

It prints bandwidths only: the time is payload over algbw, with the digits that busbw adds. Payloads are
powers of two, each twice the one before; nothing else tells of a wrong one.

References
----------
stas00/ml-engineering, network/benchmarks: calls timed alone until 2025, then queued calls, too.
"""

import math
import re
from collections.abc import Iterator

from nearlinear.calibrate.importers.imported import Hints, Imported, numbered, skips
from nearlinear.calibrate.importers.lines import bare
from nearlinear.calibrate.importers.names import bus_factor, collective_named
from nearlinear.calibrate.importers.nccl_ranks import FULL_NODE
from nearlinear.calibrate.importers.printed import Range, printed
from nearlinear.measure.records import Sample
from nearlinear.models.errors import ContentError
from nearlinear.models.units import GB, parse_size

TITLE = re.compile(r"The average bandwidth of (\w+) over (\d{1,9}) ranks \((.*)\)")
ROW = re.compile(r"^\|\s*(\d[\w.]*iB|\d+B)\s*\|\s*([\d.]+)GBps\s*\|\s*([\d.]+)GBps\s*\|$")
ANY_ROW = re.compile(r"\|.*(?:iB|GBps)|GBps.*\|")
DEVICE = re.compile(r"name='([^']+)'")
COARSE = 0.02  # half a unit of the last digit, relative: such times are left out


def sniff(text: str) -> bool:
    """Return whether a text holds the title of such a table."""
    return TITLE.search(text) is not None


def parse(text: str, where: str, hints: Hints) -> Imported:
    """Return the samples of a log.

    Raises
    ------
    ContentError
        A row that is damaged or contradicts itself, no row at all, another collective than an allreduce.
    """
    samples: list[Sample] = []
    title, rows = None, 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line, place = bare(raw).strip(), f"{where}:{number}"
        title = TITLE.search(line) or title
        if title and ANY_ROW.search(line) and "busbw" not in line:
            rows += 1
            samples += _sample(line, place, title, hints)
    if not samples:
        raise ContentError(where, "has no result rows", remedy="did the run fail? nothing was read")
    devices = DEVICE.findall(text)[:1] * samples[0].ranks
    return Imported(
        path=where, format="all-reduce-bench", samples=numbered(samples), header={"devices": devices},
        notes=tuple(_notes(samples, rows, hints)), rows=len(samples), skipped=rows - len(samples),
        known_from="its title",
    )  # fmt: skip


def _sample(line: str, place: str, title: "re.Match[str]", hints: Hints) -> Iterator[Sample]:
    """Yield the sample of a row, nothing where its bandwidths have too few digits for a time."""
    operation, ranks = collective_named(title[1]), int(title[2])
    row = ROW.match(line)
    if operation != "allreduce" or ranks < 2:
        raise ContentError(place, "must be of an allreduce of 2 ranks or more", got=title[0])
    if row is None:
        raise ContentError(place, "must be a row of payload, busbw and algbw", got=line)
    size, busbw, algbw = parse_size(row[1], place), printed(row[2]), printed(row[3])
    if busbw is None or algbw is None or size <= 0 or 2 ** int(math.log2(size)) != size:
        raise ContentError(place, "must be a row of payload, busbw and algbw", got=line)
    by_bus = busbw.times(1 / bus_factor(operation, ranks))
    if not algbw.meets(by_bus):
        told = f"busbw must be {bus_factor(operation, ranks):.4g} times algbw for {ranks} ranks"
        raise ContentError(place, told, got=line)
    rate = algbw.both(by_bus)
    if rate.width <= COARSE:
        yield _of(rate, int(size), ranks, "queued calls" in title[3], hints)


def _of(rate: Range, size_bytes: int, ranks: int, queued: bool, hints: Hints) -> Sample:
    return Sample(
        operation="allreduce", algorithm="vendor", transport="nccl", dtype="float32", placement="in",
        size_bytes=size_bytes, ranks=ranks, nodes=-(-ranks // (hints.per_node or FULL_NODE)),
        repetition=0, mode="pipelined" if queued else "individual", statistic="mean",
        time_s=size_bytes / (rate.middle * GB),
    )  # fmt: skip


def _notes(samples: list[Sample], rows: int, hints: Hints) -> Iterator[str]:
    nodes, per_node = samples[0].nodes, hints.per_node or FULL_NODE
    known = "stated" if hints.per_node else "assumed (--per-node)"
    yield "times are payload over bandwidth"
    yield f"nodes: {nodes}, {per_node} ranks per node {known}"
    gaps = skips([sample.size_bytes for sample in samples])
    if gaps:
        yield f"payloads that are not twice the one before: {gaps}"
    if rows > len(samples):
        yield f"rows with too few digits for a time left out: {rows - len(samples)}"
