"""Epochs to a loss under every rule of synchronisation, learning rate tuned, against the model.

    python benchmarks/rules.py --train FILE.csv
    python benchmarks/rules.py FILE.csv

The first form trains (about twenty minutes on two cores) and writes one row a run: epochs to the target, read
between epochs from the logarithm of the test loss. The second form prints the table of
docs/time-to-accuracy.md: of every rule the rate with the fewest epochs in the median over seeds. Rows of BSP
are one worker with the global batch, which sees the same samples in the same order.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from nearlinear.calibrate.convergence import Runs, fit
from nearlinear.measure.records import Epoch, read_record
from nearlinear.models.economics.asynchrony import Asynchrony, asynchrony, draw_epochs
from nearlinear.models.economics.convergence import Convergence, samples_to_target
from nearlinear.models.prediction import Band
from nearlinear.models.training.synchronisation import (
    AsynchronousServer,
    BulkSynchronous,
    ElasticAveraging,
    Rule,
)  # fmt: skip

TARGET = 0.9  # test loss
BATCH, EPOCHS, SEEDS, SAMPLES, DRAWS = 32, 20, (0, 1, 2), 4096, 4001
TASK = (
    "mlp", "--data", "synthetic", "--image", "8x8x1", "--noise", "2.5", "--samples", str(SAMPLES),
    "--width", "32", "--momentum", "0", "--epochs", str(EPOCHS),
)  # fmt: skip
ALONE = (16, 32, 64, 128, 256, 512, 1024)
RATES = {"bsp": (0.05, 0.1, 0.2, 0.4, 0.8, 1.6), "asgd": (0.025, 0.05, 0.1, 0.2)}
USUAL = (0.1, 0.2, 0.4, 0.8)


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
    kinds = {field.name: field.type for field in fields(Setting)}
    return [
        Ran(
            setting=Setting(**{n: _read(row[n], str(kinds[n])) for n in kinds}), rate=float(row["rate"]),
            seed=int(row["seed"]), epochs=float(row["epochs"]),
        )
        for row in rows
    ]  # fmt: skip


def _read(text: str, kind: str) -> str | int | float:
    return {"str": str, "int": int, "float": float}[kind.removeprefix("<class '").removesuffix("'>")](text)


def tuned(runs: Sequence[Ran]) -> dict[Setting, list[Ran]]:
    """Return of every setting the runs at the rate with the fewest epochs in the median over seeds."""
    found = {}
    for setting in dict.fromkeys(run.setting for run in runs):
        mine = [run for run in runs if run.setting == setting]
        rates = {run.rate: np.median([r.epochs for r in mine if r.rate == run.rate]) for run in mine}
        best = min(rates, key=lambda rate: rates[rate])
        found[setting] = [run for run in mine if run.rate == best]
    return found


def curve_of(best: dict[Setting, list[Ran]]) -> Convergence:
    """Return the fit of epochs over the global batch to the runs of BSP."""
    runs = [run for setting, mine in best.items() if setting.rule == "bsp" for run in mine]
    known = Runs(
        batch=np.array([float(run.setting.batch) for run in runs]),
        epochs=np.array([run.epochs for run in runs]),
        group=np.array([str(run.seed) for run in runs]),
    )
    return fit(known)[0]


def cost_of(setting: Setting) -> Asynchrony | None:
    """Return what the model says of a setting; None of gossip."""
    rules: dict[str, Rule] = {
        "bsp": BulkSynchronous(),
        "local": BulkSynchronous(averages="weights", period=setting.period),
        "asgd": AsynchronousServer(period=setting.period),
        "easgd": ElasticAveraging(period=setting.period, elasticity=setting.elasticity or 1.0),
    }
    return asynchrony(rules[setting.rule], setting.workers) if setting.rule in rules else None


def show(runs: Sequence[Ran]) -> None:
    """Print the table and how many rows lie in their band."""
    best = tuned(runs)
    curve = curve_of(best)
    minimum, critical = curve.minimum.value, curve.critical_batch.value
    print(f"{len(runs)} runs; averaged gradients: E_min {minimum:.3g} epochs, B_crit {critical:,.0f}\n")
    print(
        "| rule | workers | batch | rate | epochs (seeds) | averaged gradients | model (90 % band) | inside |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    errors, inside = [], []
    for setting, mine in best.items():
        row = Row.of(setting, mine, curve)
        print(row.text)
        if setting.rule != "bsp" and row.band is not None:
            errors.append(abs(row.band.median / row.median - 1))
            inside.append(row.inside)
    plain = [abs(Row.of(s, m, curve).together / Row.of(s, m, curve).median - 1) for s, m in best.items()
             if s.rule not in ("bsp", "gosgd")]  # fmt: skip
    print(f"\nrules with a model: {sum(inside)} of {len(inside)} in the band; median error"
          f" {np.median(errors):.0%}, taken as averaged gradients {np.median(plain):.0%}")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A setting beside the model."""

    setting: Setting
    rate: float
    epochs: tuple[float, ...]
    together: float
    band: Band | None

    @classmethod
    def of(cls, setting: Setting, mine: Sequence[Ran], curve: Convergence) -> "Row":
        """Return the row of a setting's best runs."""
        batch, cost = float(setting.workers * setting.batch), cost_of(setting)
        band = None
        if cost is not None:
            drawn = draw_epochs(curve, [cost], np.array([batch]), SAMPLES, DRAWS, seed=0)
            band = Band.of(drawn[:, 0])
        return cls(
            setting=setting, rate=mine[0].rate, epochs=tuple(sorted(run.epochs for run in mine)), band=band,
            together=float(samples_to_target(batch, curve.minimum.value, curve.critical_batch.value)),
        )  # fmt: skip

    @property
    def median(self) -> float:
        """Median over seeds."""
        return float(np.median(self.epochs))

    @property
    def inside(self) -> bool:
        """Whether the median lies in the band."""
        return self.band is not None and self.band.low <= self.median <= self.band.high

    @property
    def text(self) -> str:
        """The row as Markdown."""
        s, low, high = self.setting, self.epochs[0], self.epochs[-1]
        every = f", every {s.period}" if s.rule in ("local", "asgd", "easgd") else ""
        more = f", elasticity {s.elasticity:g}" if s.elasticity else ""
        more += f", probability {s.probability:g}" if s.probability else ""
        band = self.band
        model = "" if band is None else f"{band.median:.1f} ({band.low:.1f} - {band.high:.1f})"
        told = "" if band is None else "yes" if self.inside else "no"
        return (
            f"| {s.rule}{every}{more} | {s.workers} | {s.batch} | {self.rate:g}"
            f" | {self.median:.1f} ({low:.1f} - {high:.1f}) | {self.together:.1f} | {model} | {told} |"
        )


def main() -> None:
    """Train, or show."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("file", nargs="?", type=Path, help="runs, as --train wrote them")
    parser.add_argument("--train", type=Path, help="train everything and write the runs here")
    asked = parser.parse_args()
    if asked.train:
        train_all(asked.train)
    show(read_runs(asked.train or asked.file))


if __name__ == "__main__":
    main()
