"""What a reader must know about where compute comes from: one sentence each."""

from collections.abc import Iterator

from nearlinear.models.case import Case
from nearlinear.models.kernels import Kernels, family_of
from nearlinear.models.naming import mentions
from nearlinear.models.training.batch_line import BatchLine
from nearlinear.models.training.roofline import layer_work
from nearlinear.models.units import format_size

NARROWS = "a measured throughput on one device (--anchor 1:SAMPLES_PER_S) narrows every band"


def compute_cautions(case: Case) -> Iterator[str]:
    """Yield the warnings about compute: its origin, and where it is used beyond what was measured."""
    anchored = bool(case.scenario.knowledge.anchor)
    _, why_not = case.measured_kernels()
    if case.line is not None and case.line.overhead_spread:
        yield from _one_batch(case, case.line)
    elif case.line is not None:
        yield from _throughput(case, case.line)
    elif case.kernels is not None:
        yield from _kernels(case, case.kernels, anchored)
    elif why_not:
        yield f"{why_not}: {'they are not used' if anchored else 'compute speed is a prior'}"
    if not anchored and case.line is None and case.kernels is None:
        yield f"no --anchor: compute speed is a prior of ordinary frameworks, tuned code is faster; {NARROWS}"


def _kernels(case: Case, kernels: Kernels, anchored: bool) -> Iterator[str]:
    on = f" on {', '.join(kernels.devices)}" if kernels.devices else ""
    measured = f"compute comes from kernels measured alone ({kernels.library} {kernels.dtype}{on})"
    if anchored:
        yield f"{measured}, scaled to --anchor"
    else:
        yield f"{measured}; by how much a training step is slower is a prior; {NARROWS}"
    if on and not any(mentions(name, case.device.name) for name in kernels.devices):
        yield f"kernels were measured{on}, the scenario has {case.device.title}"
    for family in kernels.borrowed:
        yield f"no kernels of the {family} family: priced as {kernels.families[family].family}"
    yield from _beyond(case, kernels)


def _beyond(case: Case, kernels: Kernels) -> Iterator[str]:
    """Yield the families whose layers move more bytes than the kernels that price them did."""
    batch = max(case.batch_per_device(devices) for devices in case.scenario.plan.devices)
    work = layer_work(case.network, case.scenario.workload.precision, batch)
    largest: dict[str, float] = {}
    for layer, moved in zip(case.network.layers, work.traffic_bytes, strict=True):
        family = family_of(layer.kind)
        largest[family] = max(largest.get(family, 0.0), float(moved))
    for family, moved in largest.items():
        known = kernels.families[family].high_bytes
        if moved > known:
            yield (
                f"extrapolating: layers of the {family} family move up to {format_size(moved)},"
                f" kernels were measured up to {format_size(known)}"
            )


def _one_batch(case: Case, line: BatchLine) -> Iterator[str]:
    """Yield what a smaller or larger batch than the one measured rests on."""
    if case.scenario.knowledge.throughput:
        yield from _replaced(case, line)
    scales = [devices for devices in case.scenario.plan.devices if case.batch_per_device(devices) != line.low]
    if not scales:
        return
    last = case.batch_per_device(scales[-1])
    slower = line.time_s(last) / last / (line.time_s(line.low) / line.low)
    yield (
        f"one batch size was measured, {line.low:.3g} samples: a fixed time per step, {line.overhead_s:.2g} s"
        f" in the median, is a prior; at {last:.3g} per device a sample takes {slower:.2g} times as long;"
        " --throughput at a second batch size measures it"
    )


def _throughput(case: Case, line: BatchLine) -> Iterator[str]:
    scales = case.scenario.plan.devices
    if line.overhead_s == 0:
        yield "--throughput does not rise with the batch: no overhead per step is taken"
    outside = [devices for devices in scales if line.octaves_outside(case.batch_per_device(devices))]
    if outside:
        batches = ", ".join(f"{case.batch_per_device(devices):.3g}" for devices in outside)
        yield (
            f"extrapolating: {batches} samples per device at {', '.join(map(str, outside))} devices,"
            f" --throughput has {line.low} to {line.high}"
        )
    yield from _replaced(case, line)


def _replaced(case: Case, line: BatchLine) -> Iterator[str]:
    """Yield the anchors on one device that say otherwise than throughputs."""
    for anchor in case.scenario.knowledge.anchor:
        batch = case.batch_per_device(anchor.devices)
        if anchor.devices == 1 and not line.agrees(batch, batch / anchor.samples_per_s):
            expected = batch / line.time_s(batch)
            yield f"--anchor {anchor} replaces the {expected:.4g} samples/s that --throughput says there"
