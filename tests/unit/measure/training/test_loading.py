"""Two loaders with the same batches; processes and memory that nothing is left of."""

import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nearlinear.measure.training.batches import LoadingPlan
from nearlinear.measure.training.data import Batch, Digits, Synthetic
from nearlinear.measure.training.loading import (
    InlineLoader,
    Loader,
    ParallelLoader,
    loader_environment,
)
from nearlinear.models.errors import IncompleteError, SpecError

DATA = Synthetic(samples=20, held_out=1, height=4, width=3, channels=2)
PLAN = LoadingPlan(data=DATA, batch=3, rank=1, ranks=2, seed=7)
PATIENCE_S = 30.0
SHARED = Path("/dev/shm")
needs_process_descriptors = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="waits for a process that is nobody's child here"
)


def batches(loader: Loader, count: int) -> list[Batch]:
    with loader:
        return _take(loader, count)


def _take(loader: Loader, count: int) -> list[Batch]:
    return [loader.next() for _ in range(count)]


def names() -> set[str]:
    return {path.name for path in SHARED.glob(f"nearlinear_{os.getpid()}_*")} if SHARED.is_dir() else set()


def wait_until_ended(process_id: int) -> None:
    """Wait for the end of any process, or fail."""
    try:
        descriptor = os.pidfd_open(process_id)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], PATIENCE_S)[0], "still there"
    finally:
        os.close(descriptor)


def test_both_loaders_give_the_same_batches() -> None:
    count = 8  # three batches of both ranks per epoch: two epochs and a bit
    inline, parallel = batches(InlineLoader(PLAN), count), batches(ParallelLoader(PLAN), count)
    for one, other in zip(inline, parallel, strict=True):
        assert one.images.tobytes() == other.images.tobytes()
        assert one.labels.tobytes() == other.labels.tobytes()
    assert len({one.images.tobytes() for one in inline}) == count


def test_digits_in_both_loaders() -> None:
    pytest.importorskip("sklearn")
    plan = LoadingPlan(data=Digits(seed=2), batch=16)
    (one,), (other,) = batches(InlineLoader(plan), 1), batches(ParallelLoader(plan), 1)
    assert one.images.tobytes() == other.images.tobytes()


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_together_see_the_samples_of_one_rank(ranks: int) -> None:
    alone = batches(InlineLoader(LoadingPlan(data=DATA, batch=2 * ranks)), 7)
    parts = [
        batches(InlineLoader(LoadingPlan(data=DATA, batch=2, rank=rank, ranks=ranks)), 7)
        for rank in range(ranks)
    ]
    for step, whole in enumerate(alone):
        together = np.concatenate([part[step].images for part in parts])
        assert sorted(image.tobytes() for image in together) == sorted(i.tobytes() for i in whole.images)


def test_batches_are_made_while_the_trainer_does_something_else() -> None:
    """Seen by counts: the trainer asks for nothing, and yet batches become ready."""
    plan = LoadingPlan(data=DATA, batch=3, delay_s=0.02)
    with ParallelLoader(plan) as loader:
        first = loader.next()
        end = time.monotonic() + PATIENCE_S
        while loader.ahead() < 2 and time.monotonic() < end:
            time.sleep(0.005)
        assert loader.ahead() == 2
        kept = first.images.copy()
        loader.next()
        loader.next()
        assert (first.images == kept).all()  # a batch is the caller's own
    inline = InlineLoader(plan)
    inline.next()
    assert inline.ahead() == 0


def test_nothing_is_left_in_shared_memory() -> None:
    with ParallelLoader(PLAN) as loader:
        assert names() == set()  # its name is gone at once, so that not even a kill leaves anything
        loader.next()
    assert names() == set()


@needs_process_descriptors
def test_closing_ends_the_process() -> None:
    loader = ParallelLoader(PLAN)
    loader.close()
    loader.close()
    wait_until_ended(loader.process_id)
    with pytest.raises(IncompleteError, match="loader: must be open for another batch"):
        loader.next()


@needs_process_descriptors
def test_closing_does_not_wait_for_a_slow_storage() -> None:
    loader = ParallelLoader(LoadingPlan(data=DATA, batch=3, delay_s=3600.0))
    loader.close()
    wait_until_ended(loader.process_id)


def test_death_of_the_process_is_noticed() -> None:
    with ParallelLoader(PLAN) as loader:
        loader.next()
        os.kill(loader.process_id, signal.SIGKILL)
        with pytest.raises(IncompleteError) as caught:
            _take(loader, 4)  # at most two were ready
    assert str(caught.value) == "loader: must live until it is closed, ended with SIGKILL"


def test_what_the_process_refuses_is_said() -> None:
    plan = LoadingPlan(data=DATA, batch=11, ranks=2)
    with pytest.raises(IncompleteError) as caught:
        ParallelLoader(plan)
    assert (
        "ended with status 2; --batch-per-device: must be such that all ranks together take at most the 20"
        in str(caught.value)
    )
    assert names() == set()


TRAINER = """
import sys, time
from nearlinear.measure.training.batches import LoadingPlan
from nearlinear.measure.training.loading import ParallelLoader
loader = ParallelLoader(LoadingPlan.from_json(sys.argv[1]))
loader.next()
print(loader.process_id, flush=True)
time.sleep(3600)
"""


@needs_process_descriptors
def test_death_of_the_trainer_ends_the_process() -> None:
    command = [sys.executable, "-P", "-c", TRAINER, PLAN.to_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as trainer:
        assert trainer.stdout is not None
        process_id = int(trainer.stdout.readline())
        trainer.kill()
        wait_until_ended(process_id)
    assert not list(SHARED.glob(f"nearlinear_{trainer.pid}_*"))


def test_a_trainer_that_ends_well_warns_of_nothing() -> None:
    """Trackers of shared memory complain at the end of a process, where no test of its own sees it."""
    program = TRAINER.replace("time.sleep(3600)", "loader.close()")
    command = [sys.executable, "-P", "-W", "error", "-c", program, PLAN.to_json()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_the_process_is_no_rank() -> None:
    launched = {
        "PMI_RANK": "1", "PMIX_RANK": "1", "OMPI_COMM_WORLD_RANK": "1", "SLURM_PROCID": "1", "HYDRA_X": "1",
        "PATH": "/bin", "HOME": "/",
    }  # fmt: skip
    kept = loader_environment(launched)
    assert {name for name in kept if not name.endswith("_THREADS")} == {"PATH", "HOME"}


def test_the_process_loads_no_mpi() -> None:
    program = "import sys, nearlinear.measure.training.loader_process; print('mpi4py' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_plan_survives_as_text() -> None:
    for plan in (PLAN, LoadingPlan(data=Digits(seed=3), batch=4, delay_s=0.5)):
        assert LoadingPlan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    "fields", [{"batch": 0}, {"rank": 2}, {"rank": -1}, {"seed": -1}, {"delay_s": -0.1}, {"delay_s": np.nan}]
)
def test_plans_that_cannot_be(fields: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="loading: batch must be > 0"):
        replace(LoadingPlan(data=DATA, batch=2, ranks=2), **fields)


def test_a_batch_larger_than_the_data() -> None:
    with pytest.raises(SpecError, match="at most the 20 samples there are, got 21"):
        InlineLoader(LoadingPlan(data=DATA, batch=21))
