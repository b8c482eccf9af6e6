"""What a line of a record can be: a timed operation, a training step, the end of an epoch."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

MODES = ("individual", "pipelined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One timed operation.

    Attributes
    ----------
    operation, algorithm : str
        What was timed; ``vendor`` for the library's own, else whose rounds were run, or which array
        library computed.
    transport, dtype, wire_dtype : str
        How bytes moved, the element type in memory, and the one on the wire (empty: the same).
    placement : {"in", "out"}
        Whether the result replaced the input.
    size_bytes, ranks, nodes : int
        The larger of a rank's vectors, participants that hold it, machines they run on.
    repetition : int
        Counted from 0 within the operation and size.
    mode : {"individual", "pipelined"}
        Timed one by one, or as the mean of calls back to back.
    statistic : str
        What ``time_s`` is over ranks: ``max``, or ``mean``.
    time_s : float
        Seconds.
    per_rank_s : tuple of float or None
        Of every rank; None where only the statistic is known.
    correct : bool or None
        Whether the result was checked and right; None where it was not checked.
    wrong_elements : int or None
        How many elements were wrong on all ranks together.
    among : tuple of int or None
        Which ranks of the run took part; None for all, or the first ones.
    start : str
        How ranks agreed on the start: ``barrier`` or ``window``; empty where nobody knows.
    waiting : str
        How ranks waited: ``poll`` or ``sleep``; empty where nobody knows.
    skew_s : float or None
        Between the first and the last rank to start, by clocks that were compared.
    cpu_busy, cpu_waiting : float or None
        On the worst machine: share of the cores' time that was spent, and share of the time in which
        some task waited for a core; None where the system does not tell, or the time was too short.
    processor_bound : bool
        Whether the processors, not the links, may have been the limit.
    flop, moved_bytes : float or None
        Work of a kernel: floating-point operations, and bytes read and written.
    """

    kind: ClassVar[str] = "sample"

    operation: str
    algorithm: str
    transport: str
    dtype: str
    placement: str
    size_bytes: int
    ranks: int
    nodes: int
    repetition: int
    mode: str
    statistic: str
    time_s: float
    per_rank_s: tuple[float, ...] | None = None
    correct: bool | None = None
    wire_dtype: str = ""
    wrong_elements: int | None = None
    among: tuple[int, ...] | None = None
    start: str = ""
    waiting: str = ""
    skew_s: float | None = None
    cpu_busy: float | None = None
    cpu_waiting: float | None = None
    processor_bound: bool = False
    flop: float | None = None
    moved_bytes: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One training step of one rank.

    Attributes
    ----------
    epoch, step, rank : int
        Counted from 0; steps count through the whole run.
    load_s : float
        Until the batch was there: reading, or waiting for the loader.
    compute_s : float
        Forward, backward, optimiser.
    exchange_s : float
        Communication that compute did not hide.
    wait_s : float
        Waiting for slower ranks before the exchange.
    hidden_s : float
        Communication behind the backward pass.
    loss : float
        Of this rank's batch.
    """

    kind: ClassVar[str] = "step"

    epoch: int
    step: int
    rank: int
    load_s: float
    compute_s: float
    exchange_s: float
    wait_s: float
    hidden_s: float
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """The end of an epoch.

    Attributes
    ----------
    epoch : int
        Counted from 0.
    time_s : float
        Of the epoch on the slowest rank, evaluation left out.
    samples : int
        Images trained on by all workers together.
    loss : float
        Mean over the steps of all workers.
    test_loss, test_accuracy : float
        On held-back images, with the weights that the rule of synchronisation calls its result.
    spread : float
        Largest distance between weights of two workers, relative to the size of the weights: 0 where
        all workers hold the same.
    """

    kind: ClassVar[str] = "epoch"

    epoch: int
    time_s: float
    samples: int
    loss: float
    test_loss: float
    test_accuracy: float
    spread: float


def samples_by(samples: Iterable[Sample], *names: str) -> dict[tuple[Any, ...], list[Sample]]:
    """Return samples grouped by the values of some fields, groups in order of appearance."""
    groups: dict[tuple[Any, ...], list[Sample]] = {}
    for sample in samples:
        groups.setdefault(tuple(getattr(sample, name) for name in names), []).append(sample)
    return groups
