"""Epochs to a target over the global batch: fits to published MLPerf runs, and errors on unseen batch sizes.

    python benchmarks/convergence.py --data DIR
    python benchmarks/convergence.py --data DIR --toml models/data/convergence.toml

DIR holds ``published/mlperf_training.csv``. Each batch size is left out in turn and predicted from all
others; every batch size counts once, however many runs it has. Left out are resubmitted rows, rows whose run
never succeeded, and rows in another unit than most of their benchmark. The second form writes what nearlinear
ships. The table of docs/time-to-accuracy.md is this output.
"""

import argparse
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nearlinear.calibrate.convergence import Runs, Unseen, constant_left_out, fit
from nearlinear.models.economics.convergence import Convergence, Interval, samples_to_target
from nearlinear.models.economics.goal import goals
from nearlinear.models.errors import FitError

Row = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Rows with one network, one data set and one target.

    ``low`` and ``high`` bound what is plausible in the unit: a row outside is in another unit, or logged no
    end. Rounds are those in which the target was the same.
    """

    title: str
    models: tuple[str, ...]
    unit: str
    low: float
    high: float
    rounds: tuple[float, float] = (0.6, 9.9)
    networks: tuple[str, ...] = ()

    def takes(self, row: Row) -> bool:
        """Return whether a row of the table belongs here."""
        bad = ("identical", "no run logged")
        if row["model"] not in self.models or any(word in row["notes"] for word in bad):
            return False
        epochs, batch = row["epochs_or_samples_at_stop_median"], row["global_batch"]
        first, last = self.rounds
        within = first <= float(row["round"].removeprefix("v")) <= last
        return bool(epochs and batch) and within and self.low <= float(epochs) <= self.high


# Rounds whose results MLCommons calls comparable (policies, MLPerf_Compatibility_Table.adoc). SSD of v2.0 and
# later is RetinaNet. Targets of resnet, ssd and maskrcnn were read in MLPerf Training Rules 0.7, section 3;
# the others are remembered. Left out: minigo (logs no epochs), ncf (2 batch sizes), dlrm (counts epochs in
# two ways), gnmt and transformer (batches in sentences and in tokens).
BENCHMARKS = {
    "resnet": Benchmark(
        title="ResNet-50 v1.5 on ImageNet to 75.9 % top-1", models=("resnet",), unit="epochs", low=20,
        high=200, networks=("resnet-50",),
    ),
    "bert": Benchmark(
        title="BERT-large on Wikipedia to 0.72 masked-token accuracy", models=("bert",), unit="samples",
        low=1e6, high=2e7, rounds=(1.0, 9.9),
    ),
    "ssd": Benchmark(
        title="SSD-300 with ResNet-34 on COCO to 0.23 mAP", models=("ssd",), unit="epochs", low=20, high=200,
        rounds=(0.6, 1.1),
    ),
    "retinanet": Benchmark(
        title="RetinaNet on OpenImages to 0.34 mAP", models=("ssd", "retinanet"), unit="epochs", low=2,
        high=20, rounds=(2.0, 9.9),
    ),
    "maskrcnn": Benchmark(
        title="Mask R-CNN on COCO to 0.377 box mAP and 0.339 mask mAP", models=("maskrcnn",), unit="epochs",
        low=5, high=50,
    ),
    "rnnt": Benchmark(
        title="RNN-T on LibriSpeech to 0.058 word error rate", models=("rnnt",), unit="epochs", low=20,
        high=300, rounds=(1.1, 9.9),
    ),
    "unet3d": Benchmark(
        title="3D U-Net on KiTS19 to 0.908 mean Dice", models=("unet3d",), unit="epochs", low=500, high=1e4
    ),
    "dlrm-dcnv2": Benchmark(
        title="DLRM-DCNv2 on Criteo to 0.80275 AUC", models=("dlrm_dcnv2",), unit="epochs", low=0.3, high=2
    ),
    "gpt3": Benchmark(
        title="GPT-3 175B on C4, from a checkpoint to 2.69 log perplexity", models=("gpt3",), unit="tokens",
        low=5e8, high=5e9,
    ),
    "llama2-70b-lora": Benchmark(
        title="Llama 2 70B LoRA on GovReport to 0.925 loss", models=("llama2_70b_lora",), unit="samples",
        low=500, high=5e4,
    ),
    "llama31-8b": Benchmark(
        title="Llama 3.1 8B on C4 to 3.3 log perplexity", models=("llama31_8b",), unit="samples", low=5e4,
        high=2e6,
    ),
    "stable-diffusion": Benchmark(
        title="Stable Diffusion v2 on LAION to FID 90 and CLIP 0.15", models=("stable_diffusion",),
        unit="samples", low=5e5, high=2e7,
    ),
    "flux1": Benchmark(
        title="FLUX.1 on CC12M to 0.586 loss", models=("flux1",), unit="samples", low=1e6, high=1e8
    ),
    "rgat": Benchmark(
        title="R-GAT on IGBH-Full to 0.72 accuracy", models=("gnn", "rgat"), unit="epochs", low=0.2, high=5
    ),
}  # fmt: skip


def runs_of(benchmark: Benchmark, rows: list[Row]) -> Runs:
    """Return the runs of a benchmark."""
    kept = [row for row in rows if benchmark.takes(row)]
    return Runs(
        batch=np.array([float(row["global_batch"]) for row in kept]),
        epochs=np.array([float(row["epochs_or_samples_at_stop_median"]) for row in kept]),
        group=np.array([row["submitter"] for row in kept]),
    )


def fits(data: Path, tell: Callable[[str], None]) -> Iterator[tuple[str, Runs, Convergence, Unseen]]:
    """Yield (name, runs, curve, errors) of every benchmark that can be fitted; tell of the others."""
    with (data / "published/mlperf_training.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for name, benchmark in BENCHMARKS.items():
        runs = runs_of(benchmark, rows)
        try:
            curve, unseen = fit(runs)
        except FitError as error:
            tell(f"{benchmark.title} is left out: {len(runs.batch)} runs, {error}")
            continue
        yield name, runs, curve, unseen


def table(data: Path) -> None:
    """Print one row per benchmark."""
    print(
        "| target | E_min | unit | B_crit | batch sizes | runs | submitters | error, unseen batch size "
        "| with constant epochs |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    without: list[str] = []
    for name, runs, curve, unseen in fits(data, without.append):
        sizes, groups = len(np.unique(runs.batch)), len(np.unique(runs.group))
        low, high = curve.batches
        print(
            f"| {BENCHMARKS[name].title} | {_shown(curve.minimum)} | {BENCHMARKS[name].unit} "
            f"| {_shown(curve.critical_batch)} | {sizes}: {low:,.0f} - {high:,.0f} | {len(runs.batch)} "
            f"| {groups} | {_errors(unseen)} | {_errors(constant_left_out(runs))} |"
        )
    for line in without:
        print(f"\n{line}")
    print()
    _times(data)


def _times(data: Path) -> None:
    """Print how far minutes from logged throughput and predicted epochs are from the minutes it took."""
    with (data / "published/mlperf_training.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if BENCHMARKS["resnet"].takes(row)]
    goal = goals()["resnet"]
    assert goal.epoch_samples is not None  # an epoch of ImageNet
    ratios = []
    for row in rows:
        rate = row["train_throughput_samples_per_s_median"]
        if (
            rate
            and row["throughput_unit"] == "images/s"
            and row["value"]
            and "inconsistent" not in row["notes"]
        ):
            epochs = samples_to_target(
                float(row["global_batch"]), goal.curve.minimum.value, goal.curve.critical_batch.value
            )
            predicted_min = float(epochs) * goal.epoch_samples.value / float(rate) / 60.0
            ratios.append(predicted_min / float(row["value"]))
    found = np.array(ratios)
    off = np.abs(found - 1.0)
    print(
        f"ResNet-50, minutes to the target from logged throughput: {len(found)} runs, error median"
        f" {np.median(off):.1%}, 90th percentile {np.quantile(off, 0.9):.1%}, ratio {np.median(found):.3f}"
    )


def _errors(unseen: Unseen) -> str:
    return f"{np.expm1(unseen.quantile(0.5)):.1%} / {np.expm1(unseen.quantile(0.9)):.1%}"


def _shown(interval: Interval) -> str:
    return f"{_digits(interval.value)} [{_digits(interval.low)} - {_digits(interval.high)}]"


def _digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:.3g}"


HEAD = """\
# Samples to a target over the global batch: E(B) = minimum (1 + B / critical_batch).
# Written by python benchmarks/convergence.py --data DIR --toml FILE; docs/time-to-accuracy.md describes it.
# Each interval is {value, low, high}: 5 to 95 % of a bootstrap over submitters.
"""


def write(data: Path, path: Path) -> None:
    """Write the fitted parameters as nearlinear ships them."""
    text = HEAD
    for name, runs, curve, unseen in fits(data, print):
        benchmark = BENCHMARKS[name]
        named = ", ".join(f'"{network}"' for network in benchmark.networks)
        text += f'\n[{name}]\ntitle = "{benchmark.title}"\nunit = "{benchmark.unit}"\nnetworks = [{named}]\n'
        if benchmark.networks:
            text += 'epoch_samples = { value = 1281167, status = "datasheet", source = "ilsvrc" }\n'
        text += f"minimum = {_stored(curve.minimum)}\ncritical_batch = {_stored(curve.critical_batch)}\n"
        text += f"correlation = {curve.correlation:.3f}\nspread = {curve.spread:.3g}\n"
        text += f"batches = [{curve.batches[0]:.0f}, {curve.batches[1]:.0f}]\n"
        text += f"runs = {len(runs.batch)}\nsubmitters = {len(np.unique(runs.group))}\n"
        text += f"unseen_median = {np.expm1(unseen.quantile(0.5)):.3g}\n"
        text += f'unseen_p90 = {np.expm1(unseen.quantile(0.9)):.3g}\nsource = "mlperf-training-logs"\n'
    path.write_text(text, encoding="utf-8")


def _stored(interval: Interval) -> str:
    return f"{{ value = {interval.value:.4g}, low = {interval.low:.4g}, high = {interval.high:.4g} }}"


def main() -> None:
    """Print the table, or write the file that nearlinear ships."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--toml", type=Path)
    asked = parser.parse_args()
    if asked.toml is None:
        table(asked.data)
    else:
        write(asked.data, asked.toml)


if __name__ == "__main__":
    main()
