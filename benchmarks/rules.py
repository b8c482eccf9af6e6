"""Epochs to a loss under every rule of synchronisation, learning rate tuned, against the model.

    python benchmarks/rules.py docs/figures/rules_to_target.csv

The file is what benchmarks/rule_runs.py wrote. Prints the table of docs/time-to-accuracy.md: of every rule
the rate with the fewest epochs in the median over seeds. E_min and B_crit are fitted to averaged gradients
alone; the model of the other rules has no fitted number.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rule_runs import SAMPLES, SEEDS, Ran, Setting, read_runs

from nearlinear.calibrate.convergence import Runs, fit
from nearlinear.models.economics.asynchrony import Asynchrony, asynchrony, draw_epochs
from nearlinear.models.economics.convergence import Convergence, samples_to_target
from nearlinear.models.prediction import Band
from nearlinear.models.training.synchronisation import (
    AsynchronousServer,
    BulkSynchronous,
    ElasticAveraging,
    Rule,
)  # fmt: skip

DRAWS = 4001


def tuned(runs: Sequence[Ran]) -> dict[Setting, list[Ran]]:
    """Return of every setting the runs at the rate with the fewest epochs in the median over seeds."""
    found = {}
    for setting in dict.fromkeys(run.setting for run in runs):
        mine = [run for run in runs if run.setting == setting]
        rates = {run.rate: np.median([r.epochs for r in mine if r.rate == run.rate]) for run in mine}
        best = min(rates, key=lambda rate: rates[rate])
        found[setting] = [run for run in mine if run.rate == best]
    return found


def levelled(runs: Sequence[Ran]) -> list[Ran]:
    """Return runs with the epochs of a seed divided by how hard its images are.

    That is the geometric mean of its epochs over those of all seeds, for averaged gradients at the rate that
    is best in the median; what is left between seeds is chance.
    """
    plain = {s: mine for s, mine in tuned(runs).items() if s.rule == "bsp"}
    logs = {s: {run.seed: np.log(run.epochs) for run in mine} for s, mine in plain.items()}
    known = [by_seed for by_seed in logs.values() if np.isfinite([*by_seed.values()]).all()]
    hard = {seed: float(np.mean([one[seed] - np.mean([*one.values()]) for one in known])) for seed in SEEDS}
    return [replace(run, epochs=run.epochs / float(np.exp(hard[run.seed]))) for run in runs]


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
    best = tuned(levelled(runs))
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


if __name__ == "__main__":
    show(read_runs(Path(sys.argv[1])))
