"""The batches of one rank, in order, and where two processes that share memory find them."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import count
from math import prod
from multiprocessing.shared_memory import SharedMemory

import numpy as np

from nearlinear.measure.training.data import Batch, Dataset, DataSpec, data_spec
from nearlinear.models.errors import SpecError

LABEL_BYTES, PIXEL_BYTES = 8, 4
LINE_BYTES = 64  # slots begin on cache lines, so that two processes never write to the same one


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadingPlan:
    """Which batches a rank loads.

    Attributes
    ----------
    data : Digits or Synthetic
        The data set.
    batch : int
        Samples per batch of this rank.
    rank, ranks : int
        Whose batches these are.
    seed : int
        Of the order and of mirroring, the same on all ranks.
    delay_s : float
        Waited before each batch, in place of a slow storage.
    """

    data: DataSpec
    batch: int
    rank: int = 0
    ranks: int = 1
    seed: int = 0
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse batches that cannot be."""
        if self.batch < 1 or not 0 <= self.rank < self.ranks or self.seed < 0 or not self.delay_s >= 0:
            rule = "batch must be > 0, rank in 0..ranks-1, seed and delay_s >= 0"
            raise SpecError("loading", rule, got=asdict(self))

    def steps_per_epoch(self, samples: int) -> int:
        """Return how many whole global batches an epoch of so many samples has.

        Raises
        ------
        SpecError
            There is not even one.
        """
        steps = samples // (self.batch * self.ranks)
        if not steps:
            rule = f"must be such that all ranks together take at most the {samples} samples there are"
            raise SpecError("--batch-per-device", rule, got=self.batch, remedy=f"{self.ranks} workers train")
        return steps

    def to_json(self) -> str:
        """Return the plan as text, for the command line of another process."""
        return json.dumps(asdict(self) | {"data": {"name": self.data.name, **asdict(self.data)}})

    @classmethod
    def from_json(cls, text: str) -> "LoadingPlan":
        """Return the plan that ``to_json`` wrote."""
        fields = json.loads(text)
        return cls(**fields | {"data": data_spec(**fields["data"])})


def empty_batch(plan: LoadingPlan) -> Batch:
    """Return a batch to be filled."""
    images = np.empty((plan.batch, *plan.data.shape), np.float32)
    return Batch(images, np.empty(plan.batch, np.int64))


def fill_batches(plan: LoadingPlan, dataset: Dataset, next_batch: Callable[[], Batch]) -> Iterator[Batch]:
    """Yield the batches of a rank without end, epoch after epoch.

    Parameters
    ----------
    plan : LoadingPlan
        Which batches.
    dataset : Dataset
        What ``plan.data`` builds.
    next_batch : callable
        Returns the arrays to fill next.

    Raises
    ------
    SpecError
        An epoch has not even one batch for every rank; raised at once.
    """
    return _endless(plan, dataset, next_batch, plan.steps_per_epoch(len(dataset.train.labels)))


def _endless(
    plan: LoadingPlan, dataset: Dataset, next_batch: Callable[[], Batch], steps: int
) -> Iterator[Batch]:
    for epoch in count():
        mine = dataset.shard(plan.rank, plan.ranks, plan.seed, epoch)
        mirrored = dataset.mirrored(plan.seed, epoch)
        for samples in mine[: steps * plan.batch].reshape(steps, plan.batch):
            batch = next_batch()
            time.sleep(plan.delay_s)
            dataset.prepare(samples, mirrored[samples], batch)
            yield batch


def slot_bytes(plan: LoadingPlan) -> int:
    """Return the memory of one batch, labels first, rounded up to cache lines."""
    used = plan.batch * (LABEL_BYTES + PIXEL_BYTES * prod(plan.data.shape))
    return -(-used // LINE_BYTES) * LINE_BYTES


def slots(plan: LoadingPlan, memory: SharedMemory, number: int) -> list[Batch]:
    """Return so many batches as views of shared memory; they must be gone before it is closed."""
    shape = (plan.batch, *plan.data.shape)
    starts = range(0, number * slot_bytes(plan), slot_bytes(plan))
    return [
        Batch(
            images=np.ndarray(shape, np.float32, memory.buf, start + plan.batch * LABEL_BYTES),
            labels=np.ndarray(plan.batch, np.int64, memory.buf, start),
        )
        for start in starts
    ]
