"""Rules of synchronisation: test loss of four workers over epochs and over time.

Draws FOLDER/rules_of_synchronisation.svg from the CSV beside it, and trains first where there is none (about
two minutes):

    python docs/examples/04_rules_of_synchronisation.py FOLDER

Learning rates are those with the fewest epochs to a loss of 0.9 (benchmarks/rules.py).
"""

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from nearlinear.measure.records import read_record
from nearlinear.reports.figures import save
from nearlinear.reports.loss_curves import LossCurve, draw_loss_curves

TASK = "mlp --data synthetic --image 8x8x1 --noise 2.5 --samples 4096 --width 32 --momentum 0 --epochs 20"
RULES = {
    "bsp, gradients in every step": "--launch 4 --rate 0.8",
    "local SGD, every 16 steps": "--launch 4 --averages weights --period 16 --rate 0.8",
    "asgd": "--launch 5 --rule asgd --rate 0.2",
    "easgd, every 4 steps": "--launch 5 --rule easgd --period 4 --rate 0.8",
    "gosgd, probability 0.1": "--launch 4 --rule gosgd --probability 0.1 --rate 0.4",
}
SEEDS, TARGET = (0, 1, 2), 0.9


def train(out: Path) -> None:
    """Train every rule with every seed and write a row an epoch."""
    with out.open("w", newline="", encoding="utf-8") as file, tempfile.TemporaryDirectory() as folder:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["rule", "seed", "epoch", "seconds", "test_loss", "test_accuracy"])
        for name, options in RULES.items():
            for seed in SEEDS:
                record = Path(folder) / f"{len(list(Path(folder).iterdir()))}.jsonl"
                command = f"-m nearlinear.cli.app train {TASK} {options} --seed {seed} --out {record}"
                subprocess.run(
                    [sys.executable, "-P", *command.split()], check=True, stdout=subprocess.DEVNULL
                )
                spent = 0.0
                for e in read_record(record).epochs:
                    spent += e.time_s
                    rows.writerow([name, seed, e.epoch, f"{spent:.4f}", f"{e.test_loss:.5f}",
                                   f"{e.test_accuracy:.4f}"])  # fmt: skip


def main(folder: Path) -> None:
    """Draw, from what was trained before or now."""
    runs = folder / "rules_of_synchronisation.csv"
    if not runs.exists():
        folder.mkdir(parents=True, exist_ok=True)
        train(runs)
    with runs.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    curves = []
    print("rule                           epoch 5  epoch 20  seconds")
    for name in dict.fromkeys(row["rule"] for row in rows):
        mine = [[(float(r["seconds"]), float(r["test_loss"])) for r in rows
                 if r["rule"] == name and r["seed"] == str(seed)] for seed in SEEDS]  # fmt: skip
        seconds, loss = np.moveaxis(np.array(mine), 2, 0)
        curves.append(LossCurve(name=name, seconds=seconds, loss=loss))
        early, last, spent = np.median(loss[:, 4]), np.median(loss[:, -1]), np.median(seconds[:, -1])
        print(f"{name:30s} {early:8.3f} {last:9.3f} {spent:8.2f}")
    save(draw_loss_curves(curves, TARGET), folder / "rules_of_synchronisation.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
