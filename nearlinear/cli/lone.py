"""Runs without a training step: a collective, a GOAL schedule, Chakra traces."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearlinear.cli.output import check_out, envelope, print_json, write_json
from nearlinear.cli.simulations import format_time, tell, warn_of
from nearlinear.models.errors import SpecError

if TYPE_CHECKING:
    from nearlinear.simulator.detail import Detail

# What a run without a training step takes of the options of a scenario
MACHINE = ("cluster", "device", "per_node", "node_link", "net", "nics", "profile")
CHOICE = ("algorithm", "outer", "servers", "wire")
DRAWS = ("samples", "seed")
OF_STEPS = (
    "steps", "jitter", "slow_node", "loader", "prefetch", "loaders_per_node", "scatter", "bucket_order",
    "plot", "rule", "period", "elasticity", "probability", "staleness",
)  # fmt: skip


def run_alone(scenario: dict[str, Any], own: dict[str, Any], asked: list[str]) -> None:
    """Run what is asked for and print it."""
    if len(asked) > 1:
        raise SpecError(f"--{asked[1]}", f"excludes --{asked[0]}", got=_shown(own[asked[1]]))
    _check_options(scenario, own, asked[0])
    out = check_out(own["out"], (".json",))
    timeline = check_out(own["timeline"], (".gz", ".json"), "--timeline")
    if asked[0] == "collective":
        from nearlinear.cli.collective import run_collective

        run_collective(scenario, own, out, timeline)
    else:
        from nearlinear.cli.foreign import run_foreign

        run_foreign(scenario, own, asked[0], out, timeline)


def _shown(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def _flag(name: str) -> str:
    return "--" + ("bytes" if name == "size" else name.replace("_", "-"))


def _check_options(scenario: dict[str, Any], own: dict[str, Any], form: str) -> None:
    """Refuse options that would have no effect."""
    defaults = {"jitter": "0%", "bucket_order": "ready"}
    for name in OF_STEPS:
        if own[name] not in (None, [], defaults.get(name)):
            raise SpecError(
                f"--{name.replace('_', '-')}", f"has no effect with --{form}", got=_shown(own[name])
            )
    allowed = (*MACHINE, *DRAWS, *(CHOICE if form in ("collective", "chakra") else ()))
    for name, value in scenario.items():
        flag = "MODEL" if name == "model" else _flag(name)
        if name not in allowed or (own["loggops"] and name in MACHINE):
            why = "--loggops" if own["loggops"] and name in MACHINE else f"--{form}"
            raise SpecError(flag, f"has no effect with {why}", got=_shown(value))
    if own["loggops"]:
        for name in ("fabric", "slow_link", "sharing", "switch_latency"):
            if own[name]:
                raise SpecError(_flag(name), "has no effect with --loggops", got=_shown(own[name]))
    if form != "collective":
        for name in ("ranks", "size", "noise", "jobs", "background"):
            if own[name] not in (None, 1):
                raise SpecError(_flag(name), f"has no effect with --{form}", got=own[name])
    if "samples" in scenario and own["loggops"] and not own["noise"]:
        raise SpecError("--samples", "has no effect without --noise", got=scenario["samples"])


def print_run(what: str, inputs: dict[str, Any], detail: "Detail", as_json: bool, out: Path | None) -> None:
    """Print a run, and write it where asked."""
    document = envelope("simulation", inputs, detail.document(), detail.warnings)
    if out is not None:
        write_json(out, document)
    if as_json:
        print_json(document)
        return
    print(what)
    warn_of(detail)
    print(f"\n  Makespan         {format_time(detail.median_s)}{_band(detail)}")
    print(f"  Messages         {detail.messages:,}")
    tell(detail)
    if out is not None:
        print(f"wrote {out}")


def _band(detail: "Detail") -> str:
    if len(detail.makespan_s) == 1:
        return ""
    import numpy as np

    low, high = np.percentile(detail.makespan_s, [5, 95])
    return f"   [{format_time(float(low))} - {format_time(float(high))}] in {len(detail.makespan_s)} samples"
