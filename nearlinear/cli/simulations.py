"""What the forms of ``nearlinear simulate`` share: conditions, and how a run is told."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearlinear.cli.output import say, warn
from nearlinear.cli.variation import jitter_of, loader_of
from nearlinear.models.errors import SpecError

if TYPE_CHECKING:
    from nearlinear.simulator.detail import Detail
    from nearlinear.simulator.steps.conditions import Conditions
    from nearlinear.simulator.steps.explained import Explained

MOST_DRAWN = 1_000_000  # messages of a run that a timeline can be drawn of


def conditions_of(
    seed: int, steps: int, jitter: str, slow_node: list[str] | None, slow_link: list[str] | None,
    loader: str | None, bucket_order: str, fabric: str | None, switch_latency: str | None,
    prefetch: int | None = None, loaders_per_node: int | None = None, scatter: str | None = None,
) -> "Conditions":  # fmt: skip
    """Return the conditions that options state.

    Raises
    ------
    SpecError
        A malformed option, or one without effect.
    """
    from nearlinear.models.units import parse_duration
    from nearlinear.simulator.steps.conditions import Conditions

    if switch_latency and not fabric:
        raise SpecError("--switch-latency", "needs --fabric", got=switch_latency)
    nodes = {_node(name): speed for name, speed in pairs(slow_node, "--slow-node").items()}
    links = pairs(slow_link, "--slow-link")
    unknown = [name for name in links if not name.startswith("node ")]
    if unknown and not fabric:
        remedy = "name a node, as 'node 1:0.5', or say --fabric"
        raise SpecError("--slow-link", "needs a fabric", got=unknown[0], remedy=remedy)
    return Conditions(
        steps=steps, jitter=jitter_of(jitter), seed=seed, slow_nodes=nodes, slow_links=links,
        loader=loader_of(loader, prefetch, loaders_per_node, scatter), order=bucket_order, fabric=fabric,
        switch_latency_s=parse_duration(switch_latency, "--switch-latency") if switch_latency else 0.0,
    )  # fmt: skip


def pairs(texts: list[str] | None, where: str) -> dict[str, float]:
    """Return names and factors of ``NAME:FACTOR`` texts."""
    found: dict[str, float] = {}
    for text in texts or []:
        name, colon, raw = text.rpartition(":")
        try:
            factor = float(raw) if colon else -1.0
        except ValueError:
            factor = -1.0
        if not name or not 0 < factor <= 1:
            remedy = "write 1:0.8, where 1.0 is normal"
            raise SpecError(
                where, "must be a name and a factor above 0 and at most 1", got=text, remedy=remedy
            )
        if name in found:
            raise SpecError(where, "must be given once", got=text)
        found[name] = factor
    return found


def _node(name: str) -> int:
    if not name.isdecimal():
        raise SpecError("--slow-node", "must name a node by its number", got=name, remedy="write 1:0.8")
    return int(name)


def refuse_lone_options(**given: Any) -> None:
    """Refuse options that have no effect on a scenario."""
    for name, value in given.items():
        if value is not None:
            remedy = "say --collective allreduce, --goal FILE or --chakra FILE"
            raise SpecError(
                "--" + name.replace("_", "-"), "needs a run without a training step", got=value, remedy=remedy
            )


def tell(detail: "Detail") -> None:
    """Print what explains a run."""
    for head, text in detail_lines(detail):
        print(f"  {head:<16s} {text}")


def detail_lines(detail: "Detail") -> Iterator[tuple[str, str]]:
    """Yield what explains a run: critical path, spread over ranks, what it was slowed by, links, checks."""
    from nearlinear.simulator.detail import shares

    if detail.path is not None:
        yield "Critical path", f"{shares(detail.path.parts)}; {detail.path.messages:,} messages on it"
    if len(detail.rank_end_s) > 1:
        first, last = format_time(detail.rank_end_s.min()), format_time(detail.rank_end_s.max())
        yield "Ranks", f"{len(detail.rank_end_s):,}, done from {first} to {last}"
    if detail.slowest is not None:
        yield "Slowest", detail.slowest.line()
    if detail.starvation is not None:
        yield "Loading", detail.starvation.line()
    if detail.links is not None and len(detail.links.link):
        yield "Busiest link", f"{detail.links.name[0]}, {detail.links.utilisation[0]:.0%} of the time"
    yield "Checked", "; ".join(detail.checks)


def format_time(seconds: float) -> str:
    """Return a time in the unit in which it reads best."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.6g} {unit}"
    return f"{seconds * 1e9:.6g} ns"


def finish(explained: "Explained", timeline: Path | None, as_json: bool) -> None:
    """Write the timeline of the largest scale, if asked for."""
    if timeline is None:
        return
    if explained.messages > MOST_DRAWN:
        rule = f"can show at most {MOST_DRAWN:,} messages, this run has {explained.messages:,}"
        raise SpecError("--timeline", rule, remedy="ask for fewer --devices or --steps")
    from nearlinear.simulator.timeline import program_events, representative_ranks, write_timeline

    steps, execution = explained.executed()
    ranks = representative_ranks(execution.rank_ends(steps.program))
    events = write_timeline(program_events(steps.program, execution, ranks), timeline)
    told(timeline, events, ranks, as_json)


def told(timeline: Path, events: int, ranks: list[int], as_json: bool) -> None:
    """Say what a timeline holds."""
    line = (
        f"wrote {timeline}: {events:,} events of ranks {', '.join(map(str, ranks))}; open in ui.perfetto.dev"
    )
    say(line) if as_json else print(line)


def warn_of(detail: "Detail") -> None:
    """Print the warnings of a run."""
    warn(detail.warnings)
