"""Epochs to a loss under every rule of synchronisation at several learning rates, trained.

    python benchmarks/rule_runs.py FILE.csv

Trains (about half an hour on two cores) and writes one row a run: epochs to the target, read between epochs
from the logarithm of the test loss. Rows of bsp are one worker with the global batch, which sees the same
samples in the same order. benchmarks/rules.py prints what comes of it.
"""

import csv
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from nearlinear.measure.records import Epoch, read_record

TARGET = 0.9  # test loss
BATCH, EPOCHS, SEEDS, SAMPLES = 32, 20, (0, 1, 2), 4096
TASK = (
    "mlp", "--data", "synthetic", "--image", "8x8x1", "--noise", "2.5", "--samples", str(SAMPLES),
    "--width", "32", "--momentum", "0", "--epochs", str(EPOCHS),
)  # fmt: skip
ALONE = (16, 32, 64, 128, 256, 512, 1024)
RATES = {"bsp": (0.05, 0.1, 0.2, 0.4, 0.8, 1.6), "asgd": (0.025, 0.05, 0.1, 0.2, 0.4)}
USUAL = (0.1, 0.2, 0.4, 0.8, 1.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A rule with its numbers; 0 where it has none.

    Attributes
    ----------
    rule : {"bsp", "local", "asgd", "easgd", "gosgd"}
        ``local`` averages weights every ``period`` steps.
    workers, batch, period : int
        Workers, samples per worker and step, steps between exchanges.
    elasticity, probability : float
        Of easgd, of gosgd.
    """

    rule: str
    workers: int = 4
    batch: int = BATCH
    period: int = 1
    elasticity: float = 0.0
    probability: float = 0.0

    def options(self) -> list[str]:
        """Return what the trainer is told."""
        if self.workers == 1:
            return []
        named = {"--period": self.period, "--elasticity": self.elasticity, "--probability": self.probability}
        own = {"local": ("--period",), "asgd": ("--period",), "easgd": ("--period", "--elasticity"),
               "gosgd": ("--probability",)}[self.rule]  # fmt: skip
        rule = ["--averages", "weights"] if self.rule == "local" else ["--rule", self.rule]
        ranks = self.workers + (self.rule in ("asgd", "easgd"))
        return ["--launch", str(ranks), *rule, *(w for name in own for w in (name, str(named[name])))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run: setting, rate, seed, and epochs to the target; infinite where it was not reached."""

    setting: Setting
    rate: float
    seed: int
    epochs: float


def settings() -> Iterator[Setting]:
    """Yield what is trained."""
    yield from (Setting(rule="bsp", workers=1, batch=batch) for batch in ALONE)
    yield from (Setting(rule="local", period=period) for period in (4, 16, 64))
    yield from (Setting(rule="asgd", workers=workers) for workers in (2, 4, 8))
    yield from (Setting(rule="asgd", period=period) for period in (4, 16))
    yield from (Setting(rule="easgd", period=period, elasticity=0.5) for period in (4, 16, 64))
    yield Setting(rule="easgd", period=4, elasticity=0.125)
    yield from (Setting(rule="gosgd", probability=probability) for probability in (0.1, 0.01))


def train_all(out: Path) -> None:
    """Train everything and write a row a run, as they come."""
    names = [field.name for field in fields(Setting)]
    with out.open("w", newline="", encoding="utf-8") as file, tempfile.TemporaryDirectory() as folder:
        writer = csv.writer(file)
        writer.writerow([*names, "rate", "seed", "epochs"])
        for setting in settings():
            for rate in RATES.get(setting.rule, USUAL):
                for seed in SEEDS:
                    epochs = to_target(trained(setting, rate, seed, Path(folder)))
                    writer.writerow([*asdict(setting).values(), rate, seed, f"{epochs:.4g}"])
                    file.flush()


def trained(setting: Setting, rate: float, seed: int, folder: Path) -> Sequence[Epoch]:
    """Return the epochs of a run; those before it diverged where it did."""
    out = folder / "run.jsonl"
    out.unlink(missing_ok=True)
    command = [sys.executable, "-P", "-m", "nearlinear.cli.app", "train", *TASK, *setting.options()]
    chosen = ["--batch-per-device", str(setting.batch), "--rate", str(rate), "--seed", str(seed)]
    subprocess.run([*command, *chosen, "-o", str(out)], capture_output=True, check=False)
    return read_record(out).epochs if out.exists() else ()


def to_target(epochs: Sequence[Epoch]) -> float:
    """Return epochs to the target, between two epochs on the line of the loss's logarithm."""
    before = None
    for epoch in epochs:
        if epoch.test_loss <= TARGET:
            way = 1.0 if before is None else np.log(before / TARGET) / np.log(before / epoch.test_loss)
            return epoch.epoch + float(way)
        before = epoch.test_loss
    return np.inf


def read_runs(path: Path) -> list[Ran]:
    """Return the runs of a file that the first form wrote."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return [
        Ran(
            setting=_setting(row), rate=float(row["rate"]), seed=int(row["seed"]), epochs=float(row["epochs"])
        )
        for row in rows
    ]


def _setting(row: dict[str, str]) -> Setting:
    counts = {name: int(row[name]) for name in ("workers", "batch", "period")}
    elasticity, probability = float(row["elasticity"]), float(row["probability"])
    return Setting(rule=row["rule"], **counts, elasticity=elasticity, probability=probability)


if __name__ == "__main__":
    train_all(Path(sys.argv[1]))
