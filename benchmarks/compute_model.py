"""Fit the model of compute to published steps of one device, and try it on what it has not seen.

    python benchmarks/compute_model.py --data DIR [--every]

DIR holds ``published/``. Constants of ``models/data/compute.toml`` and the spreads ``[compute.*]`` of
``models/data/priors.toml`` are printed, then errors as tables. Lambda's benchmark, timm's table and the two
convolution benchmarks are fitted with equal weights; data-parallel results and MLPerf never are. Errors are
of steps whose device, network or family of networks was left out everywhere. ``--every`` prints every step.
"""

import argparse
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from compute_fit import GROUPS, BoolArray, Fit, out_of_sample
from single_device import Step, measured

from nearlinear.models.arrays import FloatArray
from nearlinear.models.catalogue import devices
from nearlinear.models.prediction import Z90
from nearlinear.models.training.roofline import layer_times
from nearlinear.models.units import MICROSECOND

NEVER_FITTED = ("tf_cnn_benchmarks", "DLPerf", "Theano-MPI")
APART = "layer by layer"  # steps that are in timm's totals, too: not in the spreads
BLOCKS_MOVE = 8  # activations in and out of a counted block: a product and three layers after it


def spread(errors: FloatArray, sources: Sequence[str]) -> tuple[float, float]:
    """Return median of achieved over modelled speed and its log deviation, every source with equal weight.

    The deviation is the 90th percentile of distances from the median over that of a normal variable.
    """
    weights = np.array([1.0 / sources.count(source) for source in sources])
    middle = _quantile(errors, weights, 0.5)
    return float(np.exp(middle)), _quantile(np.abs(errors - middle), weights, 0.9) / Z90


def _quantile(values: FloatArray, weights: FloatArray, share: float) -> float:
    order = np.argsort(values)
    below = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][np.searchsorted(below, share)])


def percent(value: float, form: str = ".1%") -> str:
    """Return a share with a space before its sign."""
    return f"{value:{form}}".replace("%", " %")


def median_error(errors: FloatArray) -> float:
    """Return the median relative error."""
    return float(np.median(np.abs(np.expm1(errors))))


def row(name: str, errors: FloatArray, middle: FloatArray, log_sd: FloatArray) -> str:
    """Return a line of a table: steps, median error, bias, 90th percentile, share inside the band."""
    inside = float(np.mean(np.abs(errors - middle) <= Z90 * log_sd))
    cells = (
        percent(median_error(errors)),
        percent(float(np.expm1(np.median(errors))), "+.1%"),
        percent(float(np.quantile(np.abs(np.expm1(errors)), 0.9))),
        percent(inside, ".0%"),
    )
    return f"| {name} | {len(errors)} | {' | '.join(cells)} |"


def table(title: str, lines: Iterable[str]) -> None:
    """Print a table of errors."""
    print(f"\n| {title} | steps | median error | bias | 90th percentile | in 90 % band |")
    print("|---|---:|---:|---:|---:|---:|")
    print("\n".join(lines))


def plain(fit: Fit) -> None:
    """Print errors of a roofline over one efficiency per precision, fitted to the steps it is tried on."""
    rooflines = np.log([_roofline_s(step) for step in fit.steps]) - fit.log_s
    kinds = np.array(["fp32" if step.precision == "fp32" else "matrix units" for step in fit.steps])
    for source, group in zip(("Lambda", "timm"), GROUPS[:2], strict=True):
        errors = []
        for kind in sorted(set(kinds)):
            some = rooflines[np.isin([step.source for step in fit.steps], group) & (kinds == kind)]
            errors.append(some - np.median(some) if len(some) else some)
        said = percent(median_error(np.concatenate(errors)))
        print(f"{source}: a roofline over one efficiency per precision, fitted to it: median error {said}")


def _roofline_s(step: Step) -> float:
    return layer_times(step.network, step.device, step.precision, step.batch).total_s


def batches(fit: Fit, errors: FloatArray) -> None:
    """Print how well the gain of a larger batch is predicted where a source has two of one network."""
    alike: dict[tuple[str, str, str, str], list[int]] = {}
    for i, step in enumerate(fit.steps):
        if step.source.partition(",")[0] in NEVER_FITTED:
            name = re.sub(r"-b\d+", "", step.name)
            alike.setdefault((step.source, name, step.device.name, step.precision), []).append(i)
    rate = np.log([step.batch for step in fit.steps]) - fit.log_s
    gains, off = [], []
    for same in alike.values():
        first, *others = sorted(same, key=lambda i: fit.steps[i].batch)
        gains += [rate[i] - rate[first] for i in others]
        off += [errors[i] - errors[first] for i in others]
    if off:
        gain, bias = float(np.expm1(np.median(gains))), float(np.expm1(np.median(-np.array(off))))
        said = f"predicted with an error of {percent(median_error(np.array(off)))}"
        print(f"{len(off)} larger batches: {percent(gain)} more samples/s in the median, {said}, "
              f"bias {percent(bias, '+.1%')}")  # fmt: skip


def blocks(fit: Fit) -> None:
    """Print errors on timm where counted blocks have one to five layers after each product."""
    totals = fit.where(lambda step: step.source in GROUPS[1])
    columns = fit.columns.copy()
    for after in range(1, 6):
        fit.columns = columns.copy()
        fit.columns[totals, 2] *= (2 + 2 * after) / BLOCKS_MOVE
        errors = fit.errors(fit.constants())
        said = percent(median_error(errors[totals]))
        bias = percent(float(np.expm1(np.median(errors[totals]))), "+.1%")
        print(f"{after} layers after each product of totals: median error {said}, bias {bias}")
    fit.columns = columns


def main() -> None:
    """Print constants, spreads and errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", action="store_true")
    arguments = parser.parse_args()
    fit = Fit(measured(arguments.data))
    floor, root, passes = fit.constants()
    print(
        f"floor.us {floor / MICROSECOND:.1f}\nramp.us {root**2 / MICROSECOND:.1f}\npasses.times {passes:.2f}"
    )
    print(f"ordinary.share {ordinary_share():.3f}")
    unseen = out_of_sample(fit)
    errors = np.where(np.isnan(unseen["both left out"]), unseen["family left out"], unseen["both left out"])
    spreads = {name: _spread_of(fit, errors, name) for name in ("fp32", "tensor", "kepler")}
    spreads["processor"] = between(float(np.exp(np.median(errors[fit.where(_on_processors)]))), 1.0)
    for name, (median, log_sd) in spreads.items():
        print(f"compute.{name} median {median:.3f}  log_sd {log_sd:.3f}")
    blocks(fit)
    plain(fit)
    batches(fit, errors)
    _tables(fit, unseen, errors, spreads)
    if arguments.every:
        for step, error in zip(fit.steps, errors, strict=True):
            what = f"{step.source:28s} {step.name[:60]:60s} {step.device.name:16s} {step.precision}"
            print(f"{what} {step.batch:9g} {step.time_s * 1e3:9.1f} ms {np.expm1(error):+.0%}")


def ordinary_share() -> float:
    """Return the median over devices of fp32 over the peak in 16 bits, where that is higher."""
    ratios = []
    for device in devices().values():
        half = [
            device.peak_flop_per_s[name].value for name in ("fp16", "bf16") if name in device.peak_flop_per_s
        ]
        if half and "fp32" in device.peak_flop_per_s and device.peak("fp32").value < max(half):
            ratios.append(device.peak("fp32").value / max(half))
    return float(np.median(ratios))


def _source(step: Step) -> str:
    return step.source.partition(",")[0].removesuffix(" NCHW").removesuffix(" NHWC")


def _spread_of(fit: Fit, errors: FloatArray, prior: str) -> tuple[float, float]:
    chosen = fit.where(lambda step: step.prior == prior and not step.source.endswith(APART))
    sources = [_source(step) for step, one in zip(fit.steps, chosen, strict=True) if one]
    return spread(errors[chosen], sources)


def _on_processors(step: Step) -> bool:
    return step.prior == "processor"


def between(low: float, high: float) -> tuple[float, float]:
    """Return median and log deviation of a factor whose 90 % band has these ends."""
    return float(np.sqrt(low * high)), float(np.log(high / low) / 2 / Z90)


def _tables(
    fit: Fit, unseen: dict[str, FloatArray], errors: FloatArray, spreads: dict[str, tuple[float, float]]
) -> None:
    """Print errors by the way of leaving out, by source, and Lambda's by network and device."""
    of_steps = np.array([spreads[step.prior] for step in fit.steps])
    middles, deviations = np.log(of_steps[:, 0]), of_steps[:, 1]

    def line(name: str, chosen: BoolArray, values: FloatArray = errors) -> str:
        return row(name, values[chosen], middles[chosen], deviations[chosen])

    of_lambda = fit.where(lambda step: step.source == "Lambda")
    ways = ("device left out", "network left out", "both left out")
    table("Lambda", (line(way, of_lambda, unseen[way]) for way in ways))
    names = np.array([step.source for step in fit.steps])
    totals = line("timm, family left out", np.isin(names, GROUPS[1]))
    each = [line(name, names == name) for name in sorted(set(names) - {"Lambda"})]
    table("source", [totals, *each])
    for title, keys in (
        ("Lambda, both left out: network", [step.name for step in fit.steps]),
        ("Lambda, both left out: device", [step.device.name for step in fit.steps]),
    ):
        found = np.array(keys)
        table(title, (line(key, of_lambda & (found == key)) for key in sorted(set(found[of_lambda]))))


if __name__ == "__main__":
    main()
