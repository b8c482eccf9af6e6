"""``nearlinear simulate``: lone collectives, schedules of other tools, fabrics, conditions, mistakes."""

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.unit.cli.conftest import Cli

LOGGOPS = ("--loggops", "L=2500,o=1500,g=1000,G=6,O=0,S=inf")
RING = ("simulate", "--collective", "allreduce", "--algorithm", "ring", "--ranks", "8", "--bytes", "8KiB")
DGX = ("--cluster", "dgx-h100", "--samples", "5")
STEP = ("simulate", "lenet", "--cluster", "dgx-h100", "--devices", "8,16", "--samples", "5")
RING_S = 14 * 11_638e-9


def _result(cli: Cli, *arguments: str) -> dict[str, Any]:
    ended = cli(*arguments, "--json")
    assert ended.code == 0, ended.err
    document: dict[str, Any] = json.loads(ended.out)
    kind = document["schema"].removeprefix("nearlinear/")
    jsonschema.Draft202012Validator(json.loads(cli("schema", kind).out)).validate(document)
    result: dict[str, Any] = document["result"]
    return result


@pytest.mark.parametrize("engine", ["rounds", "events", "simpy"])
def test_a_lone_collective(cli: Cli, engine: str) -> None:
    result = _result(cli, *RING, *LOGGOPS, "--engine", engine, "--cross-check")
    assert result["makespan_s"] == pytest.approx(RING_S, rel=1e-12)
    assert result["messages"] == 2 * 8 * 7
    path = result["critical_path"]
    assert sum(path["parts_s"].values()) == pytest.approx(RING_S, rel=1e-12)
    assert path["messages"] == 14
    assert any("at the same tick" in check for check in result["checks"])


def test_a_lone_collective_on_a_cluster_has_a_band(cli: Cli) -> None:
    result = _result(cli, *RING[:-4], "--ranks", "16", "--bytes", "1MiB", *DGX)
    assert result["samples"] == 5
    assert result["distribution_s"]["least"] < result["distribution_s"]["most"]
    assert {link["link"] for link in result["links"]} >= {"rank 7 out, level 1"}


def test_noise_spreads_the_makespan(cli: Cli) -> None:
    calm = _result(cli, *RING, *LOGGOPS)
    noisy = _result(cli, *RING, *LOGGOPS, "--noise", "cpu=5%,link=5%,start=10us", "--samples", "31")
    assert noisy["samples"] == 31
    assert noisy["distribution_s"]["p50"] > calm["makespan_s"]


@pytest.mark.parametrize(
    "fabric",
    [
        "switch", "fat-tree:down=2,levels=2,oversubscription=2", "fat-tree:down=2,levels=3,pod=2",
        "rail:rails=8,down=2", "dragonfly", "torus", "torus:dims=2x2x2,routing=adaptive",
    ],
)  # fmt: skip
@pytest.mark.parametrize("engine", ["rounds", "events"])
def test_fabrics(cli: Cli, fabric: str, engine: str) -> None:
    arguments = ("--ranks", "64", "--bytes", "1MiB", *DGX, "--fabric", fabric, "--engine", engine)
    result = _result(
        cli, "simulate", "--collective", "allreduce", "--algorithm", "halving-doubling", *arguments
    )
    assert result["makespan_s"] > 0
    assert all(0 < link["utilisation"] <= 1 + 1e-9 for link in result["links"])


def test_an_oversubscribed_fabric_is_slower_and_its_links_are_busier(cli: Cli) -> None:
    run = ("simulate", "--collective", "allreduce", "--algorithm", "halving-doubling", "--ranks", "64",
           "--bytes", "64MiB", "--cluster", "dgx-h100", "--samples", "1", "--fabric")  # fmt: skip
    full = _result(cli, *run, "fat-tree:down=2,levels=2")
    thin = _result(cli, *run, "fat-tree:down=2,levels=2,oversubscription=2")
    assert thin["makespan_s"] > full["makespan_s"] * 1.1
    assert thin["links"][0]["link"].startswith(("leaf", "spine"))


def test_a_slow_link_slows_only_who_uses_it(cli: Cli) -> None:
    run = ("simulate", "--collective", "allreduce", "--algorithm", "ring", "--ranks", "32", "--bytes",
           "64MiB", "--cluster", "dgx-h100", "--samples", "1", "--fabric",
           "fat-tree:down=2,levels=2")  # fmt: skip
    calm = _result(cli, *run)
    slow = _result(cli, *run, "--slow-link", "node 1:0.1")
    assert slow["makespan_s"] > 1.5 * calm["makespan_s"]


def test_conditions_of_steps_change_the_result(cli: Cli) -> None:
    def parts(*option: str) -> tuple[float, float]:
        last = _result(cli, *STEP, *option)["points"][-1]
        return last["step_time_s"]["median"], last["breakdown_s"]["exposed_communication_s"]

    calm = parts()
    for option in (
        ("--jitter", "20%"), ("--slow-node", "1:0.5"), ("--slow-link", "node 0:0.1"), ("--loader", "50ms"),
        ("--fabric", "fat-tree:down=1,levels=2", "--switch-latency", "9us"),
    ):  # fmt: skip
        assert parts(*option) != calm, option
    busy = ("--steps", "3", "--net", "eth-10g", "--bucket", "4KB")  # exchange outlasts backward
    assert parts(*busy, "--bucket-order", "priority") != parts(*busy)


@pytest.mark.parametrize("jitter", ["5%", "gamma:5%", "exponential:5%"])
def test_the_slowest_device_is_told_and_expected(cli: Cli, jitter: str) -> None:
    arguments = (*STEP[:-1], "401", "--jitter", jitter, "--plot", "s.svg")
    slowest = _result(cli, *arguments)["run"]["slowest"]
    assert slowest["devices"] == 16
    assert abs(slowest["simulated"] - slowest["expected"]) < 3.29 / 1.96 * slowest["half_width"]
    assert "expected (order statistics)" in Path("s.svg").read_text()
    assert "  Slowest          of 16, its compute: expected 1." in cli(*arguments).out
    assert "slowest" not in _result(cli, *STEP)["run"]


def test_waiting_for_batches_is_a_part_of_its_own(cli: Cli) -> None:
    """Of 50 ms to load, a step waits for what it does not take itself; for the first batch all of it."""
    arguments = (*STEP, "--loader", "50ms", "--steps", "10")
    result = _result(cli, *arguments, "--plot", "parts.svg")
    for point in result["points"]:
        parts = point["breakdown_s"]
        assert sum(parts.values()) == pytest.approx(point["step_time_s"]["median"], rel=1e-6)
        assert parts["exposed_communication_s"] < 0.01
        assert 0.8 * 0.05 < parts["data_wait_s"] < 1.02 * 0.05
    assert result["answer"]["binding"] == "waiting for batches"
    loading = result["run"]["loading"]
    assert loading["expected_s"] == loading["load_s"] == 0.05
    assert loading["simulated_s"] == pytest.approx(0.05, rel=1e-6)
    assert "waiting for data" in Path("parts.svg").read_text()
    assert "data is waiting for batches" in cli(*arguments).out
    assert "data is waiting for batches" not in cli(*STEP).out


def test_batches_that_are_early_leave_the_step_as_it_is(cli: Cli) -> None:
    run = _result(cli, *STEP, "--loader", "1us", "--steps", "10", "--no-overlap")["run"]["loading"]
    assert run["expected_s"] == run["step_s"] > run["load_s"] == pytest.approx(1e-6)
    assert run["simulated_s"] == pytest.approx(run["step_s"], rel=1e-3)
    assert "loading" not in _result(cli, *STEP, "--loader", "1us")["run"]


def test_devices_that_are_served_late_make_the_others_wait(cli: Cli) -> None:
    """Eight devices of a node share 8, 4 or 1 loaders: the last batch is there after 5, 10 or 40 ms."""
    base = (*STEP, "--loader", "5ms", "--steps", "20")
    found = []
    for more in ((), ("--loaders-per-node", "4"), ("--loaders-per-node", "1")):
        parts = _result(cli, *base, *more)["points"][-1]["breakdown_s"]
        found.append(parts["data_wait_s"] + parts["exposed_communication_s"])
        assert parts["data_wait_s"] > 0
    assert found[1] - found[0] == pytest.approx(0.005, rel=0.05)
    assert found[2] - found[0] == pytest.approx(0.035, rel=0.05)


@pytest.mark.parametrize("engine", ["rounds", "events", "simpy"])
def test_steps_are_explained(cli: Cli, engine: str) -> None:
    run = _result(cli, *STEP, "--steps", "2", "--engine", engine, "--cross-check")["run"]
    assert sum(run["critical_path"]["parts_s"].values()) == pytest.approx(run["makespan_s"], rel=1e-6)
    assert len(run["ranks"]) == 16
    assert any("at the same tick" in check for check in run["checks"])


OTHERS = (
    "simulate", "--collective", "allreduce", "--algorithm", "halving-doubling", "--ranks", "32", "--bytes",
    "16MiB", "--cluster", "dgx-h100", "--fabric", "fat-tree:down=2,levels=2,oversubscription=2",
)  # fmt: skip


@pytest.mark.parametrize(
    "beside", [("--jobs", "2"), ("--background", "pairs=32,size=1MiB,messages=20", "--seed", "3")]
)
def test_others_on_the_links_slow_a_collective(cli: Cli, beside: tuple[str, ...]) -> None:
    alone = _result(cli, *OTHERS, "--engine", "events", "--samples", "1")
    result = _result(cli, *OTHERS, *beside, "--cross-check")
    assert result["makespan_s"] > alone["makespan_s"] * 1.05
    assert result["messages"] > alone["messages"]
    assert sum(result["critical_path"]["parts_s"].values()) == pytest.approx(result["makespan_s"])
    assert any("simpy (flow) ends every rank at the same tick" in check for check in result["checks"])


def test_jobs_that_do_not_meet_do_not_slow_each_other(cli: Cli) -> None:
    """Two jobs on a switch that is never full."""
    switch = (*OTHERS[:-1], "switch")
    alone = _result(cli, *switch, "--engine", "events", "--samples", "1")
    assert _result(cli, *switch, "--jobs", "2")["makespan_s"] == pytest.approx(alone["makespan_s"], rel=1e-12)


def test_goal_there_and_back(cli: Cli, tmp_path: Path) -> None:
    file, timeline = str(tmp_path / "ring.goal"), tmp_path / "t.json.gz"
    cli(*RING, *LOGGOPS, "--write-goal", file)
    result = _result(cli, "simulate", "--goal", file, *LOGGOPS, "--cross-check", "--timeline", str(timeline))
    assert result["makespan_s"] == pytest.approx(RING_S, rel=1e-12)
    shown = json.loads(gzip.decompress(timeline.read_bytes()))["traceEvents"]
    ends = [event["ts"] + event["dur"] for event in shown if event["ph"] == "X"]
    assert max(ends) == pytest.approx(RING_S * 1e6)


def test_a_timeline_of_steps(cli: Cli, tmp_path: Path) -> None:
    timeline = tmp_path / "step.json"
    assert cli(*STEP, "--timeline", str(timeline)).code == 0
    names = {event["name"] for event in json.loads(timeline.read_text())["traceEvents"]}
    assert {"compute (forward)", "compute (backward)", "compute (optimizer)"} <= names


def test_sharing_by_round_says_where_it_is_outside(cli: Cli) -> None:
    run = ("simulate", "--collective", "allreduce", "--algorithm", "halving-doubling", "--ranks", "512",
           "--bytes", "1MiB", "--cluster", "dgx-h100", "--samples", "1", "--fabric",
           "fat-tree:down=8,levels=2,oversubscription=4,routing=ecmp")  # fmt: skip
    ended = cli(*run)
    assert ended.code == 0
    assert "sharing by round" in ended.err + ended.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            (*RING[:2], "allredcue", *RING[3:], *LOGGOPS),
            2,
            "--collective: must be a known collective, got 'allredcue'; did you mean allreduce?",
        ),
        (RING, 2, "--cluster: a cluster, a device or LogGOPS is needed"),
        ((*RING[:-2], *LOGGOPS), 2, "--bytes: is needed"),
        ((*RING[:5], "--bytes", "1K", *LOGGOPS), 2, "--ranks: is needed"),
        (
            (*RING[:6], "1000000000", *RING[7:], *LOGGOPS),
            2,
            "--ranks: must lie in 1..4,194,304, got 1000000000",
        ),
        ((*RING[:6], "0", *RING[7:], *LOGGOPS), 2, "--ranks: must lie in 1..4,194,304, got 0"),
        ((*RING[:-1], "-5", *LOGGOPS), 2, "--bytes: "),
        ((*RING[:-1], "0.5", *LOGGOPS), 2, "--bytes: must be a whole number of bytes"),
        ((*RING, "--loggops", "L=1"), 2, "--loggops: needs o, g, G, O, S"),
        ((*RING[:3], *RING[5:], *LOGGOPS), 2, "--algorithm: must be named with --loggops"),
        ((*RING, *LOGGOPS, "--cluster", "titan"), 2, "--cluster: has no effect with --loggops"),
        ((*RING, *LOGGOPS, "--fabric", "switch"), 2, "--fabric: has no effect with --loggops"),
        ((*RING, *LOGGOPS, "--steps", "3"), 2, "--steps: has no effect with --collective"),
        ((*RING, *LOGGOPS, "--samples", "3"), 2, "--samples: has no effect without --noise"),
        ((*RING, *LOGGOPS, "--goal", "a.goal"), 2, "--goal: excludes --collective"),
        (
            (*RING, *LOGGOPS, "--noise", "cpu=5%", "--engine", "events"),
            2,
            "--noise: is drawn in the round engine",
        ),
        ((*RING, *LOGGOPS, "--noise", "gpu=5%"), 2, "--noise: must give cpu, link, start once each"),
        (
            (*RING, *LOGGOPS, "--engine", "round"),
            2,
            "--engine: must be rounds, events, simpy, got 'round'; did you mean rounds?",
        ),
        ((*RING, *LOGGOPS, "--timeline", "a.txt"), 2, "--timeline: must end in .gz, .json"),
        (("simulate", "--goal", "none.goal", *LOGGOPS), 2, "none.goal: "),
        ((*OTHERS, "--jobs", "65"), 2, "--jobs: must lie in 1..64, got 65"),
        ((*OTHERS, "--jobs", "2", "--ranks", "12"), 2, "--ranks: must fill nodes of 8 where there"),
        ((*OTHERS, "--jobs", "2", "--sharing", "round"), 2, "--sharing: must be flow with other traffic"),
        ((*OTHERS, "--background", "pairs=3"), 2, "--background: needs pairs, size and messages"),
        ((*OTHERS, "--background", "pairs=0,size=1K,messages=1"), 2, "--background: must have numbers"),
        ((*STEP, "--jobs", "2"), 2, "--jobs: needs a run without a training step"),
        ((*STEP, "--sharing", "flow"), 2, "--sharing: is by round in the round engine"),
        ((*STEP, "--ranks", "3"), 2, "--ranks: needs a run without a training step"),
        ((*STEP, "--slow-node", "9:0.5"), 2, "--slow-node: must be a node from 0 to 1 at 16 devices, got 9"),
        ((*STEP, "--slow-node", "1:2"), 2, "--slow-node: must be a name and a factor above 0 and at most 1"),
        ((*STEP, "--slow-link", "leaf 0 -> spine 0:0.5"), 2, "--slow-link: needs a fabric"),
        ((*STEP, "--switch-latency", "1us"), 2, "--switch-latency: needs --fabric"),
        ((*STEP, "--bucket-order", "lifo"), 2, "--bucket-order: must be ready or priority, got 'lifo'"),
        ((*STEP, "--fabric", "fattree:levles=3"), 2, "--fabric: "),
        ((*STEP, "--jitter", "gama:3%"), 2, "--jitter: must be a known word, got 'gama'; did you mean"),
        ((*STEP, "--jitter", "none.jsonl"), 2, "none.jsonl: must be a readable file"),
        ((*STEP, "--prefetch", "2"), 2, "--prefetch: needs --loader, got 2; say --loader 30ms"),
        ((*STEP, "--loader", "3ms", "--prefetch", "0"), 2, "--prefetch: must lie in 1..1000, got 0"),
        ((*STEP, "--scatter", "1KiB"), 2, "--scatter: needs --loader, got '1KiB'"),
        ((*STEP, "--loader", "1ms", "--scatter", "1KiB", "--loaders-per-node", "2"), 2,
         "--scatter: excludes --loaders-per-node"),
        ((*STEP, "--loaders-per-node", "2"), 2, "--loaders-per-node: needs --loader, got 2"),
        ((*STEP, "--loader", "3ms~"), 2, "--loader: must be a fraction, got ''"),
        ((*STEP, "--plot", "a.png"), 2, "--plot: needs --jitter, --loader or --rule; say --jitter 3%"),
        ((*STEP, "--jitter", "3%", "--plot", "a.gif"), 2, "--plot: must end in .svg, .png, .pdf"),
        ((*RING, *LOGGOPS, "--prefetch", "3"), 2, "--prefetch: has no effect with --collective"),
        ((*RING, *LOGGOPS, "--plot", "a.png"), 2, "--plot: has no effect with --collective"),
    ],
)  # fmt: skip
def test_mistakes(cli: Cli, arguments: tuple[str, ...], code: int, message: str) -> None:
    ended = cli(*arguments)
    assert ended.code == code, ended.err
    assert ended.error.startswith(message), ended.error
    assert "\n" not in ended.error.strip()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("num_ranks 2\nrank 0 {\nsend 8b to 1\n}\nrank 1 {\n}\n", "must have its receive there"),
        ("num_ranks 2\nrank 0 {\nrecv 8b from 1\nsend 8b to 1\n}\n"
         "rank 1 {\nrecv 8b from 0\nsend 8b to 0\n}\n",
         "deadlock: rank 0 waits in receive from rank 1; rank 1 waits in receive from rank 0"),
        ("num_ranks 1000000000\n", "num_ranks"),
        ("num_ranks 1\nrank 0 {\na: calc 1\nb: calc 1\na requires b\nb requires a\n}\n", "a"),
        ("num_ranks 2\nrank 0 {\nsend -8b to 1\n}\n", ":3"),
        ("num_ranks 2\nrank 0 {\nsend 8b to 7\n}\n", ":3"),
        ("nonsense\n", ":1"),
    ],
)  # fmt: skip
def test_schedules_that_cannot_run(cli: Cli, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "bad.goal"
    file.write_text(text)
    ended = cli("simulate", "--goal", str(file), *LOGGOPS)
    assert ended.code == 3, ended.err
    assert ended.error.startswith(str(file))
    assert message in ended.error


def test_a_page_explains_the_run(cli: Cli) -> None:
    assert cli(*STEP, "--jitter", "gamma:5%", "-o", "run.html").code == 0
    page = Path("run.html").read_text(encoding="utf-8")
    assert all(f"<dt>{word}</dt>" in page for word in ("Critical path", "Slowest", "Checked"))
