"""``nearlinear simulate --rule``: workers at their own pace."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nearlinear.cli.output import check_out, say
from nearlinear.cli.plots import PICTURES
from nearlinear.cli.simulations import MOST_DRAWN, format_time
from nearlinear.models.errors import SpecError
from nearlinear.models.scenario import Scenario

if TYPE_CHECKING:
    from nearlinear.simulator.asynchronous.account import Account
    from nearlinear.simulator.steps.conditions import Conditions

MOST_STEPS = 1000  # in a row, of synchronous steps
USUAL = {"engine": "rounds", "bucket_order": "ready", "cross_check": False}
EVENTS_PER_STEP = 4  # compute, wait and exchange of a worker, and its server or link


def refuse_rule_options(steps: int, **given: Any) -> None:
    """Refuse options that mean nothing without a rule."""
    if steps > MOST_STEPS:
        raise SpecError("--steps", f"must be at most {MOST_STEPS:,} without --rule", got=steps)
    for name, value in given.items():
        if value is not None:
            remedy = "say --rule asgd, or another one"
            raise SpecError(f"--{name}", "needs a rule of synchronisation", got=value, remedy=remedy)


def run_rule(
    scenario: Scenario, rule: str, options: Mapping[str, Any], conditions: "Conditions",
    refused: Mapping[str, Any], out: Path | None, timeline: Path | None, plot: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Run a rule, print what comes of it, and write what is asked for.

    Raises
    ------
    SpecError
        An unknown rule, a malformed option, or one without effect.
    """
    from nearlinear.cli.predict import following
    from nearlinear.cli.predictions import show
    from nearlinear.models.training.synchronisation import rule_of
    from nearlinear.simulator.asynchronous.simulation import simulate_rule

    drawn = check_out(plot, PICTURES, "--plot")
    averages = {"averages": "weights"} if rule == "bsp" else {}
    chosen = rule_of(rule, {**options, **averages})
    for name, value in refused.items():
        if value not in (None, USUAL.get(name)):
            flag = "--" + name.replace("_", "-")
            if value is True:
                raise SpecError(flag, f"has no effect with --rule {rule}")
            raise SpecError(flag, f"has no effect with --rule {rule}", got=value)
    if timeline is not None:
        _check_drawn(scenario, conditions.steps)
    prediction, account = simulate_rule(scenario, chosen, conditions)
    show(prediction, as_json, out, following(scenario, "predict"), account=account)
    if timeline is not None:
        _draw_timeline(account, timeline, as_json)
    if drawn is not None:
        from nearlinear.reports.asynchronous import draw_account
        from nearlinear.reports.figures import save

        save(draw_account(account, prediction.title), drawn)
        _told(f"wrote {drawn}", as_json)


def account_lines(account: "Account") -> Iterator[tuple[str, str]]:
    """Yield what a reader sees below the table."""
    told = account.document()
    share = told["time_share"]
    yield "Workers", ", ".join(f"{name} {share[name]:.1%}" for name in ("compute", "exchange", "wait"))
    if server := told["server"]:
        many = f"{server['servers']} servers, each" if server["servers"] > 1 else "one,"
        yield (
            "Server",
            (
                f"{many} busy {server['utilisation']:.1%}, held {format_time(server['held_s'])} by a visit;"
                f" full from {server['saturating_workers']:.1f} workers on"
            ),
        )
    if stale := told["staleness"]:
        yield "Staleness", f"{_stale(stale)}, at most {stale['most']} moves of others"
        if expected := stale["expected"]:
            early = expected["after_steps"] > told["steps"]
            when = f", after some {expected['after_steps']:,} steps" if early else ""
            yield "  closed form", f"{_stale(expected)} ({expected['form']}{when})"
    if ahead := told["ahead"]:
        yield (
            "Ahead",
            (
                f"at most {ahead['most']} visits of the slowest, allowed are {ahead['allowed']};"
                f" at most {ahead['most_missed_allowed']} moves can be missed"
            ),
        )
    if told["half_life_visits"] is not None:
        yield "Memory", f"the server forgets half of what it was in {told['half_life_visits']:.2g} visits"
    if pushes := told["pushes"]:
        yield from _push_lines(pushes)


def _push_lines(pushes: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield (
        "Pushes",
        (
            f"{pushes['sent_mean']:.3g} sent by a worker, variance {pushes['sent_variance']:.3g};"
            f" its link is busy {pushes['link_utilisation']:.1%}"
        ),
    )
    yield (
        "  closed form",
        (f"{pushes['expected_mean']:.3g}, variance {pushes['expected_variance']:.3g} (binomial)"),
    )
    if pushes["age_s"] is not None:
        expected = pushes["expected_age_s"]
        closed = f"; {format_time(expected)} (renewal)" if expected is not None else ""
        yield "Age of a merge", f"{format_time(pushes['age_s'])}{closed}"


def _stale(told: Mapping[str, Any]) -> str:
    return f"mean {told['mean']:.2f}, 95 % within {told['p95']}"


def _check_drawn(scenario: Scenario, steps: int) -> None:
    """Refuse a timeline before the run of which it would be too large."""
    events = max(scenario.plan.devices) * steps * EVENTS_PER_STEP
    if events > MOST_DRAWN:
        rule = f"can show at most {MOST_DRAWN:,} events, this run has up to {events:,}"
        raise SpecError("--timeline", rule, remedy="ask for fewer --devices or --steps")


def _draw_timeline(account: "Account", path: Path, as_json: bool) -> None:
    from nearlinear.simulator.timeline import course_events, representative_ranks, write_timeline

    workers = representative_ranks(account.course.made)
    events = write_timeline(course_events(account.recorded(), workers), path)
    who = ", ".join(map(str, workers))
    _told(f"wrote {path}: {events:,} events of workers {who}; open in ui.perfetto.dev", as_json)


def _told(line: str, as_json: bool) -> None:
    say(line) if as_json else print(line)
