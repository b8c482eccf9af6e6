"""What a reader must know before trusting a prediction: one sentence each."""

from collections.abc import Iterator, Sequence

from nearlinear.models.case import Case
from nearlinear.models.collectives import Algorithm
from nearlinear.models.compute_caution import compute_cautions
from nearlinear.models.hardware.cluster import Level
from nearlinear.models.link_profile import LinkProfile
from nearlinear.models.naming import mentions
from nearlinear.models.prediction import Point
from nearlinear.models.scenario import PRECISIONS
from nearlinear.models.training.exchange import options
from nearlinear.models.training.model import StepModel
from nearlinear.models.units import FLOAT32_BYTES, format_size

MUCH_FASTER = 4.0
FULL = 0.8  # of the memory; workspace and framework need the rest
STAGED = "mpi-staged"  # a transport that copies through host memory by itself


def cautions(model: StepModel, points: Sequence[Point]) -> list[str]:
    """Return the warnings of a prediction."""
    case = model.case
    largest = points[-1].devices
    return [
        *_alone(points),
        *_measurement(case, largest),
        *_outside(model, largest),
        *compute_cautions(case),
        *_unverified(case, largest),
        *_precision(case),
        *_memory(case, points),
        *_batch(case),
    ]


def priced_from_above(model: StepModel, points: Sequence[Point]) -> list[str]:
    """Return the warning that closed forms bound some allreduces only: engines are exact."""
    case = model.case
    spans = [level.span for level in case.cluster.levels if level.span > 1]
    odd = [p.devices for p in points if any(p.devices > s and _uneven(p.devices, s) for s in spans)]
    allowed = [option.algorithm for devices in odd for option in options(case, devices)]
    if not any(algorithm.aligned for algorithm in allowed):
        return []
    return [
        f"at {', '.join(str(n) for n in odd)} devices, where ranks or nodes are no powers of two, some"
        " allreduces are priced from above: compare nearlinear simulate with an --algorithm"
    ]


def _uneven(devices: int, span: int) -> bool:
    return bool(devices & (devices - 1) or span & (span - 1))


def outside_profile(model: StepModel, devices: int) -> bool:
    """Return whether a scale, its links or its messages lie outside what the profile measured."""
    case = model.case
    if case.profile is None:
        return False
    unknown = any(case.known(level) is None for level, _ in _used(case, devices))
    return unknown or any(True for _ in _outside(model, devices))


def _used(case: Case, devices: int) -> Iterator[tuple[Level, int]]:
    """Yield the levels that so many devices use, and how many units each joins."""
    below = 1
    for level in case.cluster.levels:
        inside = min(level.span or devices, devices)
        if devices > below:
            yield level, -(-inside // below)
        below = level.span or below


def _alone(points: Sequence[Point]) -> Iterator[str]:
    if len(points) == 1 and points[0].devices > 1:
        yield (
            f"efficiency is that of {points[0].devices} devices over themselves: the only scale asked for"
            " (--devices 1 and more)"
        )


def _measurement(case: Case, devices: int) -> Iterator[str]:
    if devices == 1:
        return
    if case.profile is None:
        yield (
            "no profile: links are catalogue values with a wide spread"
            " (nearlinear measure, then nearlinear calibrate)"
        )
        return
    yield from _hardware(case, devices)
    below = 1
    for level, _ in _used(case, devices):
        fitted = case.known(level)
        if fitted is None:
            yield f"the profile {_lacks(case, level)}: {level.link.title} is a prior"
        else:
            yield from _mismatch(case, level, fitted, below)
        below = level.span or below


def _lacks(case: Case, level: Level) -> str:
    assert case.profile is not None
    if any(link.level == level.name for link in case.profile.links):
        return f"has only the library's own allreduce of the {level.name} level, no single messages"
    return f"does not know the {level.name} level"


def _hardware(case: Case, devices: int) -> Iterator[str]:
    assert case.profile is not None
    found = [case.known(level) for level, _ in _used(case, devices)]
    on_devices = any(fitted and not fitted.on_host for fitted in found)
    measured = case.profile.devices
    if on_devices and measured and not any(mentions(name, case.device.name) for name in measured):
        yield f"the profile was measured on {', '.join(measured)}, the scenario has {case.device.title}"


def _mismatch(case: Case, level: Level, fitted: LinkProfile, below: int) -> Iterator[str]:
    if fitted.surface is not None and not fitted.fills(below):
        yield (
            f"the {level.name} level was measured with {fitted.per_node} ranks per node, the scenario has"
            f" {below}: the library is priced by form there, not as measured"
        )
    if fitted.on_host and not case.on_host and case.staging is None:
        yield (
            f"the {level.name} level was measured with {fitted.transport} (host memory),"
            f" but {case.device.title} is an accelerator"
        )
    if fitted.transport == STAGED and case.staging is not None:
        yield f"the {level.name} level was measured with {STAGED}: its copies count twice with --staged"
    if fitted.narrow != case.narrow:
        wire = int(case.wire_fraction * FLOAT32_BYTES)
        yield f"the {level.name} level was measured with {fitted.dtype}, gradients travel in {wire} bytes"


def _outside(model: StepModel, devices: int) -> Iterator[str]:
    case = model.case
    for level, units in _used(case, devices):
        fitted = case.known(level)
        if fitted is None:
            continue
        if units > max(fitted.ranks, default=units):
            yield (
                f"extrapolating: the {level.name} level joins {units} units,"
                f" measured up to {max(fitted.ranks)}"
            )
        elif fitted.surface is not None and fitted.doublings(units) > 0 and fitted.fabric != "switched":
            yield (
                f"the {level.name} level joins {units} units, measured were"
                f" {', '.join(map(str, fitted.ranks))}, and links of its class may lose bandwidth in between"
            )
        smallest, largest = _messages(model, devices, level, units, fitted)
        if largest > fitted.high_bytes:
            yield (
                f"extrapolating: messages of {format_size(largest)} on the {level.name} level,"
                f" measured up to {format_size(fitted.high_bytes)}"
            )
        if smallest < fitted.low_bytes:
            yield (
                f"extrapolating: messages of {format_size(smallest)} on the {level.name} level,"
                f" measured from {format_size(fitted.low_bytes)}"
            )


def _messages(
    model: StepModel, devices: int, level: Level, units: int, fitted: LinkProfile
) -> tuple[float, float]:
    """Return the smallest and the largest message of a step on a level, as measurements count them."""
    case, inside = model.case, level is model.case.cluster.levels[0]
    chosen = model.exchange(model.middle, devices).options
    sizes = model.buckets.size_bytes * case.wire_fraction
    if fitted.source == "vendor":
        sizes = sizes / (1 if inside else devices / units)
        return float(sizes.min()), float(sizes.max())
    parts = [_parts(option.algorithm, devices, units, inside) for option in chosen]
    return float((sizes / parts).min()), float((sizes / parts).max())


def _parts(algorithm: Algorithm, devices: int, units: int, inside: bool) -> int:
    """Return into how many messages an allreduce cuts the vector on a level."""
    if algorithm.nested and inside:
        return units
    return devices if algorithm.cuts else 1


def _unverified(case: Case, devices: int) -> Iterator[str]:
    facts = {
        f"{level.link.name} {what}": fact.status
        for level, _ in _used(case, devices)
        if case.known(level) is None
        for what, fact in (
            ("bandwidth", level.link.bandwidth_bytes_per_s),
            ("latency", level.link.latency_s),
        )
    }
    if case.kernels is None:
        facts[f"{case.device.name} memory bandwidth"] = case.device.memory_bandwidth_bytes_per_s.status
        facts[f"{case.device.name} peak"] = case.device.peak(case.scenario.workload.precision).status
    doubtful = [name for name, status in facts.items() if status == "remembered"]
    if doubtful:
        yield f"unverified numbers in use: {', '.join(doubtful)}"


def _precision(case: Case) -> Iterator[str]:
    asked = case.scenario.workload.precision
    if asked != "fp32" or case.scenario.knowledge.anchor:
        return
    best = max(PRECISIONS, key=lambda name: _peak(case, name))
    gain = _peak(case, best) / _peak(case, asked)
    if gain >= MUCH_FASTER:
        yield f"fp32 arithmetic: {best} is nominally {gain:.0f} times as fast on this device (--precision)"


def _peak(case: Case, precision: str) -> float:
    rates = case.device.peak_flop_per_s
    return rates[precision].value if precision in rates else 0.0


def _memory(case: Case, points: Sequence[Point]) -> Iterator[str]:
    most = max(point.memory_bytes for point in points)
    has = case.device.memory_bytes.value
    if most > FULL * has:
        yield (
            f"memory: at least {format_size(most)} of {format_size(has)} are needed;"
            " workspace and framework may not fit"
        )


def _batch(case: Case) -> Iterator[str]:
    whole = case.scenario.plan.global_batch
    uneven = [d for d in case.scenario.plan.devices if whole and whole.at(d) % d]
    if uneven:
        listed = ", ".join(str(d) for d in uneven)
        yield f"global batch {whole} does not divide by {listed}: an average per device is taken"
