"""``nearlinear simulate``: a scenario, a lone collective or somebody's schedule, message by message."""

from typing import Annotated, Any

import typer

from nearlinear.cli.options import JSON, OUT
from nearlinear.cli.rule_options import ELASTICITY, PANEL, PERIOD, PROBABILITY, STALENESS
from nearlinear.models.scenario import Scenario

RUN, LONE = "Simulation", "Simulation without a training step"
RULE_STEPS = 50  # of every worker, after a dozen that are left out


def _option(flag: str, help: str, panel: str = RUN, metavar: str | None = None) -> Any:
    return typer.Option(flag, help=help, rich_help_panel=panel, metavar=metavar, show_default=False)


ENGINE = Annotated[
    str, _option("--engine", "rounds (fastest), events (message by message) or simpy. (default: rounds)")
]
SHARING = Annotated[
    str | None,
    _option("--sharing", "How links are shared: round or flow. (default: flow with events, else round)"),
]
STEPS = Annotated[
    int | None,
    typer.Option(
        "--steps", min=1, max=10_000, show_default=False, rich_help_panel=RUN,
        help="Steps in a row; with --rule, steps of each worker that count. (default: 1, with --rule 50)",
    ),
]  # fmt: skip
JITTER = Annotated[
    str,
    _option(
        "--jitter", "Spread of compute from rank to rank: 3% (log-normal), gamma:3%, exponential:3%, or a"
        " record to fit it to. (default: 0%)",
        metavar="SPREAD|FILE",
    ),
]  # fmt: skip
SLOW_NODE = Annotated[
    list[str] | None,
    _option("--slow-node", "A node and its speed, as 1:0.8; may be repeated.", metavar="N:SPEED"),
]
SLOW_LINK = Annotated[
    list[str] | None,
    _option(
        "--slow-link", "A link and its rate, as 'node 1:0.5' or, of a fabric, 'leaf 0 -> spine 1:0.5'.",
        metavar="LINK:RATE",
    ),
]  # fmt: skip
LOADER = Annotated[
    str | None,
    _option(
        "--loader", "Time to load a batch while a step runs, with its spread: 30ms, 30ms~20%,"
        " 30ms~exponential:100%.",
        metavar="TIME[~SPREAD]",
    ),
]  # fmt: skip
PREFETCH = Annotated[
    int | None, _option("--prefetch", "Batches that --loader holds ahead. (default: 1)", metavar="COUNT")
]
LOADERS = Annotated[
    int | None,
    _option("--loaders-per-node", "Loaders that devices share. (default: one each)", metavar="COUNT"),
]
SCATTER = Annotated[
    str | None,
    _option(
        "--scatter", "The first device loads all batches and sends the others theirs; the size of a sample on"
        " the wire, as 192KiB.",
        metavar="SIZE",
    ),
]  # fmt: skip
PLOT = Annotated[
    str | None,
    _option(
        "--plot", "Draw what --jitter (slowest device), --loader (parts of a step) or --rule (staleness and"
        " throughput) does: .svg, .png.",
        metavar="FILE",
    ),
]  # fmt: skip
ORDER = Annotated[
    str,
    _option("--bucket-order", "ready, or priority: what the next forward needs first. (default: ready)"),
]
FABRIC = Annotated[
    str | None,
    _option(
        "--fabric", "Switches between nodes: switch, fat-tree, rail, dragonfly or torus, with options as"
        " fat-tree:levels=3,oversubscription=2,routing=ecmp.",
    ),
]  # fmt: skip
SWITCH_LATENCY = Annotated[
    str | None,
    _option("--switch-latency", "Latency of each switch beyond the first, as 130ns.", metavar="TIME"),
]
CROSS = Annotated[
    bool, typer.Option("--cross-check", help="Run a second engine and compare.", rich_help_panel=RUN)
]
TIMELINE = Annotated[
    str | None,
    _option("--timeline", "Write a timeline for Perfetto or Chrome: .json.gz or .json.", metavar="FILE"),
]
RULE = Annotated[
    str | None,
    _option(
        "--rule", "Workers at their own pace: bsp (weights averaged), asgd, ssp, easgd or gosgd.", PANEL
    ),
]  # fmt: skip
COLLECTIVE = Annotated[str | None, _option("--collective", "Run a collective alone: allreduce.", LONE)]
RANKS = Annotated[int | None, _option("--ranks", "Ranks of the collective.", LONE)]
BYTES = Annotated[str | None, _option("--bytes", "Vector that each rank contributes.", LONE, "SIZE")]
LOGGOPS = Annotated[
    str | None,
    _option(
        "--loggops",
        "Price messages by LogGOPS, in ns and bytes: L=2500,o=1500,g=1000,G=6,O=0,S=inf; or"
        " profile.toml[:LEVEL[:TRANSPORT]], of nearlinear calibrate.",
        LONE,
    ),
]
NOISE = Annotated[
    str | None,
    _option("--noise", "Unequal ranks in --samples draws: cpu=5%,link=2%,start=10us.", LONE),
]
JOBS = Annotated[
    int, _option("--jobs", "Jobs that run the collective at once, nodes dealt in turn. (default: 1)", LONE)
]
BACKGROUND = Annotated[
    str | None,
    _option("--background", "Other traffic: pairs=16,size=1MiB,messages=100, pairs by --seed.", LONE),
]
GOAL = Annotated[str | None, _option("--goal", "Run a GOAL schedule.", LONE, "FILE")]
CHAKRA = Annotated[
    list[str] | None, _option("--chakra", "Run Chakra traces, one file per rank; repeat it.", LONE, "FILE")
]
WRITE_GOAL = Annotated[
    str | None, _option("--write-goal", "Write the schedule that runs alone as GOAL.", LONE, "FILE")
]


def simulate(
    scenario: Scenario,
    engine: ENGINE = "rounds",
    sharing: SHARING = None,
    steps: STEPS = None,
    jitter: JITTER = "0%",
    slow_node: SLOW_NODE = None,
    slow_link: SLOW_LINK = None,
    loader: LOADER = None,
    prefetch: PREFETCH = None,
    loaders_per_node: LOADERS = None,
    scatter: SCATTER = None,
    bucket_order: ORDER = "ready",
    fabric: FABRIC = None,
    switch_latency: SWITCH_LATENCY = None,
    cross_check: CROSS = False,
    timeline: TIMELINE = None,
    rule: RULE = None,
    period: PERIOD = None,
    elasticity: ELASTICITY = None,
    probability: PROBABILITY = None,
    staleness: STALENESS = None,
    plot: PLOT = None,
    collective: COLLECTIVE = None,
    ranks: RANKS = None,
    size: BYTES = None,
    loggops: LOGGOPS = None,
    noise: NOISE = None,
    jobs: JOBS = 1,
    background: BACKGROUND = None,
    goal: GOAL = None,
    chakra: CHAKRA = None,
    write_goal: WRITE_GOAL = None,
    as_json: JSON = False,
    out: OUT = None,
) -> None:
    """Simulate every message: a scenario with jitter and contention, a lone collective, or a schedule."""
    from nearlinear.cli.asynchronous import refuse_rule_options, run_rule
    from nearlinear.cli.output import check_out, warn
    from nearlinear.cli.plots import check_plot, draw
    from nearlinear.cli.predict import following
    from nearlinear.cli.predictions import SUFFIXES, show
    from nearlinear.cli.simulations import conditions_of, finish, refuse_lone_options
    from nearlinear.simulator.simulation import simulate_explained as execute

    options = {
        "period": period, "elasticity": elasticity, "probability": probability, "staleness": staleness,
    }  # fmt: skip
    refuse_lone_options(
        ranks=ranks,
        bytes=size,
        loggops=loggops,
        noise=noise,
        write_goal=write_goal,
        jobs=None if jobs == 1 else jobs,
        background=background,
    )
    path = check_out(out, SUFFIXES)
    drawn = check_out(timeline, (".gz", ".json"), "--timeline")
    conditions = conditions_of(
        scenario.knowledge.seed, steps or (RULE_STEPS if rule else 1), jitter, slow_node, slow_link, loader,
        bucket_order, fabric, switch_latency, prefetch, loaders_per_node, scatter,
    )  # fmt: skip
    if rule is not None:
        refused = {
            "engine": engine, "sharing": sharing, "loader": loader, "prefetch": prefetch,
            "loaders_per_node": loaders_per_node, "scatter": scatter, "bucket_order": bucket_order,
            "fabric": fabric, "cross_check": cross_check,
        }  # fmt: skip
        run_rule(scenario, rule, options, conditions, refused, path, drawn, plot, as_json)
        return
    refuse_rule_options(conditions.steps, **options)
    picture = check_plot(plot, conditions)
    if conditions.steps == 1 and conditions.loader.time_s > 0:
        warn(["one step waits for its whole first batch: say --steps 20 to see the pace"])
    prediction, explained = execute(scenario, engine, conditions, sharing)
    detail = explained.detail(cross_check)
    show(prediction, as_json, path, following(scenario, "predict"), detail)
    finish(explained, drawn, as_json)
    draw(prediction, explained, picture, as_json)


def alone(scenario: dict[str, Any], own: dict[str, Any]) -> bool:
    """Run a collective, a GOAL schedule or Chakra traces if one of them is asked for."""
    asked = [name for name in ("collective", "goal", "chakra") if own[name]]
    if not asked:
        return False
    from nearlinear.cli.lone import run_alone

    run_alone(scenario, own, asked)
    return True
