"""The trainer on emulated hosts, against what is predicted from measurements of other sizes.

    python -m tests.emulated.trained

Links are calibrated on vectors of other sizes than the network's, compute on other batches than the runs';
``predict`` then says the step of every run. A server is a host of its own, so its runs have three workers.
Prints a table and the median error. Needs what the tests of this folder need, and about seven minutes.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nearlinear.measure.protocol.load import read_load, shares
from nearlinear.measure.records import Record, read_record
from nearlinear.models.arrays import FloatArray
from nearlinear.models.closed_form import predict
from nearlinear.models.prediction import Band
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.synchronisation import (
    AsynchronousServer,
    BulkSynchronous,
    ElasticAveraging,
    Gossip,
    Rule,
)  # fmt: skip
from tests.emulated.cluster import EmulatedCluster, missing

HOSTS, RATE_BIT_PER_S = 4, 200e6
COMMAND = ("-m", "nearlinear.cli.app")
NETWORK = ("train", "mlp", "--image", "28x28x1", "--width", "800")  # the zoo's mlp, weight for weight
BATCH, OTHER_BATCHES = 256, (128, 512)  # steps of these are measured to predict that of the first
STEPS, COMPUTE_STEPS, VISITS = 16, 24, 10
MEASURE = (
    "measure", "--ops", "allreduce", "--algorithms", "ring,tree,ps,asa", "--wire", "same,float16",
    "--sizes", "1M..8M",  # the network's vector of 5.1 MB is none of them
    "--repetitions", "3", "--precision", "0", "--budget", "180s",
)  # fmt: skip
PERIODS = (1, 2, 4, 8)
PARTS = ("load_s", "compute_s", "exchange_s", "wait_s")
MOST_BUSY = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of the trainer.

    Attributes
    ----------
    name : str
        What the table says.
    options : str
        What the trainer is told.
    algorithm : str
        Of an allreduce, as ``predict`` names it.
    rule : Rule or None
        Where gradients are not averaged in every step.
    workers : int
        Hosts that hold a replica.
    """

    name: str
    options: str
    algorithm: str = "auto"
    rule: Rule | None = None
    workers: int = HOSTS

    @classmethod
    def averaging(cls, name: str, options: str = "") -> "Run":
        """Return a run whose gradients are averaged in every step."""
        workers = HOSTS - 1 if name == "ps" else HOSTS
        return cls(
            name=f"BSP, {name}", options=options or f"--algorithm {name}", algorithm=name, workers=workers
        )

    @classmethod
    def visiting(cls, rule: AsynchronousServer | ElasticAveraging) -> "Run":
        """Return a run with a server that answers one worker after the other."""
        options = f"--rule {rule.name} --period {rule.period}"
        name = f"{rule.name.upper()}, every {rule.period}"
        return cls(name=name, options=options, rule=rule, workers=HOSTS - 1)

    @property
    def period(self) -> int:
        """Steps between exchanges."""
        return self.rule.period if self.rule is not None and not isinstance(self.rule, Gossip) else 1

    @property
    def steps(self) -> int:
        """How many steps show the step time."""
        return STEPS if self.rule is None else VISITS * self.period


WEIGHTS = BulkSynchronous(averages="weights", period=4)
RUNS = (
    *(Run.averaging(name) for name in ("ring", "tree", "ps", "asa")),
    Run.averaging("asa16", "--algorithm asa --wire float16"),
    Run(name="local SGD, ring, every 4", options="--averages weights --period 4 --algorithm ring",
        algorithm="ring", rule=WEIGHTS),
    Run.visiting(AsynchronousServer()),
    *(Run.visiting(ElasticAveraging(period=period)) for period in PERIODS),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A run beside its prediction.

    Attributes
    ----------
    name : str
        Which run.
    measured_s : float
        Median step; of an exchange every few steps, the median of such a group over its length.
    exchange_share : float
        Of the measured step.
    busy : float
        Share of the cores' time spent, of everybody on the machine.
    predicted : Band
        Of the step, seconds.
    """

    name: str
    measured_s: float
    exchange_share: float
    busy: float
    predicted: Band

    @property
    def error(self) -> float:
        """Predicted over measured, less one."""
        return self.predicted.median / self.measured_s - 1


def rows_of(folder: Path, runs: Sequence[Run] = RUNS) -> list[Row]:
    """Return every run with what was predicted before it ran."""
    profile = _profile(folder)
    rates = {count: _throughputs(folder, count) for count in sorted({run.workers for run in runs})}
    predicted = [_predicted(run, profile, rates[run.workers]) for run in runs]
    return [_row(run, band, folder) for run, band in zip(runs, predicted, strict=True)]


def median_error(rows: Sequence[Row]) -> float:
    """Return the median of the absolute errors."""
    return float(np.median([abs(row.error) for row in rows]))


def _profile(folder: Path) -> Path:
    """Measure collectives of other sizes, and calibrate."""
    out = folder / "profile.toml"
    _on_hosts(HOSTS, (*MEASURE, "-o", "links.jsonl"), folder)
    calibrate = [
        sys.executable,
        "-P",
        *COMMAND,
        "calibrate",
        "links.jsonl",
        "--out",
        str(out),
        "--holdout",
        "0",
    ]
    done = subprocess.run(calibrate, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def _throughputs(folder: Path, workers: int) -> str:
    """Return what a worker computes per second at other batches, all of them at once and apart.

    The cores of one machine are shared by all workers, so one alone would be faster.
    """
    apart = ("--averages", "weights", "--period", str(10 * COMPUTE_STEPS))
    found = []
    for batch in OTHER_BATCHES:
        out = f"compute-{workers}-{batch}.jsonl"
        _on_hosts(workers, (*_training(batch, workers, COMPUTE_STEPS), *apart, "-o", out), folder)
        steps = _parts(read_record(folder / out))
        found.append(f"{batch}:{batch / np.median(steps.sum(axis=2)):.6g}")
    return ",".join(found)


def _predicted(run: Run, profile: Path, throughputs: str) -> Band:
    """Return the step of a run as the profile and the throughputs say it is."""
    scenario = Scenario.of(
        model="mlp", device="host-core", net=f"{RATE_BIT_PER_S / 1e6:g}Mb", devices=str(run.workers),
        batch_per_device=BATCH, algorithm=run.algorithm, overlap=run.rule is not None, throughput=throughputs,
        profile=str(profile),
    )  # fmt: skip
    return predict(scenario, run.rule).points[0].step_time_s


def _row(run: Run, predicted: Band, folder: Path) -> Row:
    out, ranks = f"{run.name}.jsonl".replace(" ", "-"), HOSTS
    training = (*_training(BATCH, run.workers, run.steps), *run.options.split())
    before = read_load()
    _on_hosts(ranks, (*training, "-o", out), folder)
    busy = shares(before, read_load())[0]
    parts = _parts(read_record(folder / out))
    grouped = parts.reshape(len(parts), -1, run.period, len(PARTS)).mean(axis=2)[:, 1:]
    whole = grouped.sum(axis=2)
    share = float(np.median(grouped[:, :, PARTS.index("exchange_s")] / whole))
    return Row(
        name=run.name, measured_s=float(np.median(whole)), exchange_share=share, busy=float(busy),
        predicted=predicted,
    )  # fmt: skip


def _training(batch: int, workers: int, steps: int) -> tuple[str, ...]:
    samples = batch * workers * steps
    return (*NETWORK, "--batch-per-device", str(batch), "--samples", str(samples), "--epochs", "1")


def _on_hosts(ranks: int, arguments: Sequence[str], folder: Path) -> None:
    with EmulatedCluster(HOSTS, RATE_BIT_PER_S) as cluster:
        done = cluster.run(ranks, [*COMMAND, *arguments], cwd=folder, timeout=400)
    assert done.returncode == 0, done.stderr


def _parts(record: Record) -> FloatArray:
    """Return the parts of steps, shape (workers, steps, parts)."""
    ranks = sorted({step.rank for step in record.steps})
    return np.array(
        [[[getattr(s, part) for part in PARTS] for s in record.steps if s.rank == rank] for rank in ranks]
    )


def main() -> int:
    """Print a row per run."""
    if missing() is not None:
        print(missing(), file=sys.stderr)
        return 6
    print("| run | workers | measured, ms | predicted, ms (90 % band) | error | exchange | cores busy |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        rows = rows_of(Path(folder))
    for run, row in zip(RUNS, rows, strict=True):
        band, measured_ms = row.predicted, row.measured_s * 1e3
        low, median, high = (value * 1e3 for value in (band.low, band.median, band.high))
        print(
            f"| {row.name} | {run.workers} | {measured_ms:.0f} | {median:.0f} ({low:.0f} - {high:.0f}) "
            f"| {row.error:+.1%} | {row.exchange_share:.0%} | {row.busy:.0%} |"
        )
    print(f"\nmedian error {median_error(rows):.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
