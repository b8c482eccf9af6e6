"""What a result must state to be compared fairly, filled in from a prediction.

The practices are those of FireCaffe (Iandola et al. 2016, best practices, as remembered): hardware and
baseline stated, a strong baseline on hardware of the same kind, a stated accuracy, all epochs and
hyperparameters, speed-up of wall-clock time to that accuracy, and a network that is not chosen to look
scalable.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from nearlinear.models.case import NARROW
from nearlinear.models.catalogue import devices
from nearlinear.models.dnn import network
from nearlinear.models.prediction import Ending, Prediction
from nearlinear.models.prior import compute_spread
from nearlinear.models.training.roofline import layer_times
from nearlinear.models.training.usual_times import usual_times
from nearlinear.models.training.volumes import volumes
from nearlinear.models.units import format_rate

WEAK = 0.5  # of the typical share of the roofline: below it a baseline makes speed-ups look good
PEAK = ".peak_flop_per_s"  # how the provenance names it


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """One line of the list.

    Attributes
    ----------
    name : str
        What must be stated.
    said : str
        What the prediction says of it.
    missing : str
        What to do about it; empty where nothing is missing.
    """

    name: str
    said: str
    missing: str = ""


def checklist(prediction: Prediction) -> tuple[Practice, ...]:
    """Return the practices in order, filled in as far as the prediction knows."""
    return (
        Practice(name="hardware", said=prediction.title),
        _baseline(prediction),
        *_training(prediction.ending),
        _batches(prediction),
        _speed_up(prediction),
        _arithmetic(prediction),
        _network(prediction),
        _scale(prediction),
    )


def _baseline(prediction: Prediction) -> Practice:
    """Return how strong the smallest scale is: its share of its roofline beside the usual one."""
    name, first = "baseline and its strength", prediction.points[0]
    rate = f"{format_rate(first.throughput_per_s.median)} samples/s on {first.devices}"
    measured = _measured(prediction)
    share, usual = _shares_of_roofline(prediction) or (None, 0.0)
    said = f"{rate}, {'measured' if measured else 'a prior'}"
    if share is not None:
        said += f"; {share:.0%} of what its device could do, usual are {usual:.0%}"
    if not measured:
        return Practice(name=name, said=said, missing="measure one device: --anchor 1:SAMPLES_PER_S")
    if share is not None and share < WEAK * usual:
        return Practice(name=name, said=said, missing="a weak baseline: speed-ups over it look better")
    return Practice(name=name, said=said)


def _training(ending: Ending | None) -> Iterator[Practice]:
    how = "say --until-accuracy, or --epochs"
    if ending is None:
        for name in ("accuracy", "epochs and data"):
            yield Practice(name=name, said="not stated", missing=how)
        return
    stated = ending.date == "none"
    yield Practice(
        name="accuracy", said="left to the reader" if stated else ending.title,
        missing="say which accuracy --epochs reach" if stated else "",
    )  # fmt: skip
    grow = f", doubling at a global batch of {ending.critical_batch:,.0f}" if ending.critical_batch else ""
    said = f"{ending.minimum_epochs:.3g} epochs of {ending.epoch_samples:,.0f} samples{grow}; {ending.source}"
    yield Practice(name="epochs and data", said=said)


def _batches(prediction: Prediction) -> Practice:
    batches = ", ".join(f"{point.global_batch:,.0f}" for point in prediction.points)
    known = _of(prediction, "target", "learning-rate", "")
    if not known:
        said = f"global batch {batches}"
        missing = "state learning rate (--learning-rate BATCH:RATE), momentum and decay"
        return Practice(name="hyperparameters", said=said, missing=missing)
    rates = ", ".join(f"{p.until_target.learning_rate:.3g}" for p in prediction.points
                      if p.until_target and p.until_target.learning_rate)  # fmt: skip
    said = f"global batch {batches}, learning rate {rates} (from {known})"
    return Practice(name="hyperparameters", said=said, missing="state momentum and decay")


def _speed_up(prediction: Prediction) -> Practice:
    if prediction.ending is None:
        missing = "throughput alone: epochs that larger batches need do not count"
        return Practice(name="speed-up", said="of samples per second", missing=missing)
    return Practice(name="speed-up", said="of wall-clock time to the target, extra epochs counted")


def _arithmetic(prediction: Prediction) -> Practice:
    precision = _of(prediction, "workload", "precision", "fp32")
    stated = _of(prediction, "plan", "wire", "float32")
    wire = NARROW.get(_of(prediction, "plan", "algorithm", ""), ("", stated))[1]
    return Practice(name="arithmetic", said=f"{precision}, gradients travel as {wire}")


def _network(prediction: Prediction) -> Practice:
    net, last = network(_of(prediction, "workload", "model", "")), prediction.points[-1]
    found = volumes(net, max(round(last.global_batch), 1))
    said = (
        f"{net.title}, {net.parameters / 1e6:.3g} M weights; at the largest batch {found.fewer:.3g} bytes of"
        " activations for each of weights"
    )
    return Practice(name="network", said=said)


def _scale(prediction: Prediction) -> Practice:
    known = [str(point.devices) for point in prediction.points if point.measured_per_s is not None]
    if known:
        return Practice(name="measured at scale", said=f"at {', '.join(known)} devices")
    return Practice(name="measured at scale", said="nowhere", missing="measure one of the scales")


def _measured(prediction: Prediction) -> bool:
    """Return whether the smallest scale itself was measured: by an anchor, or at its batch on one device."""
    first = prediction.points[0]
    throughputs = prediction.inputs.get("knowledge", {}).get("throughput", [])
    batches = [float(str(one).partition(":")[0]) for one in throughputs]
    alone = first.devices == 1 and first.batch_per_device in batches
    return first.measured_per_s is not None or alone


def _shares_of_roofline(prediction: Prediction) -> tuple[float, float] | None:
    """Return a roofline over the step of the smallest scale and over the usual one, on a known device."""
    named = [fact["name"].removesuffix(PEAK) for fact in prediction.provenance.get("facts", [])
             if fact["name"].endswith(PEAK)]  # fmt: skip
    if not named or named[0] not in devices():
        return None
    net, first = network(_of(prediction, "workload", "model", "")), prediction.points[0]
    precision = _of(prediction, "workload", "precision", "fp32")
    device, batch = devices()[named[0]], first.batch_per_device
    ideal = layer_times(net, device, precision, batch).total_s
    usual = usual_times(net, device, precision, batch).total_s / compute_spread(device, precision).median
    return float(ideal / first.step_time_s.median), float(ideal / usual)


def _of(prediction: Prediction, table: str, key: str, default: str) -> str:
    return str(prediction.inputs.get(table, {}).get(key, default))
