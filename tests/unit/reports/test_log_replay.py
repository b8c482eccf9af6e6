"""Logs of collectives in a suite: read with their lines, held out, scored beside naive predictors."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nearlinear.models.errors import ContentError, SpecError
from nearlinear.reports.validation.baselines import BASELINES
from nearlinear.reports.validation.log_baselines import one_line
from nearlinear.reports.validation.log_file import read_logs
from nearlinear.reports.validation.log_replay import LogReplay, replay_log, replay_logs
from nearlinear.reports.validation.log_situation import DRAWS, HALF_SIZES, RANK_COUNT
from nearlinear.reports.validation.replay import replay
from nearlinear.reports.validation.scores import score
from nearlinear.reports.validation.situation import NO_ANCHOR, ONE_DEVICE
from nearlinear.reports.validation.suite import SHIPPED, find_suite, read_suite

PUBLISHED = """\
[published]
title = "made up"
origin = "us"
source = "these tests"
retrieved = "2026-11-21"
"""
LOG = """
[[log]]
name = "{name}"
file = "{name}.csv"
collective = "allreduce"
per-node = 8
"""
STRAIGHT = "ranks,size_bytes,time_us\n4,1000,1\n4,2000,2\n4,4000,4\n"
SLOW = "ranks,size_bytes,time_us\n4,1000,1\n4,2000,4\n4,4000,4\n"  # twice the time in the middle
IN_RANKS = "ranks,size_bytes,time_us\n" + "".join(
    f"{ranks},{size},{ranks * size / 1000}\n" for ranks in (2, 4, 8) for size in (1000, 2000, 4000)
)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Write a suite of logs by name, and return its TOML file."""

    def write(*, more: str = "", published: str = PUBLISHED, **logs: str) -> Path:
        for name, text in logs.items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        path = tmp_path / "suite.toml"
        told = "".join(LOG.format(name=name) + more for name in logs)
        path.write_text(published + told, encoding="utf-8")
        return path

    return write


def _replay(path: Path, name: str = "half-sizes") -> list[LogReplay]:
    return replay_logs(read_logs(path), {"half-sizes": HALF_SIZES, "rank-count": RANK_COUNT}[name])


def test_a_straight_line_is_predicted_exactly(folder: Callable[..., Path]) -> None:
    (one,) = _replay(folder(straight=STRAIGHT))
    assert len(one.published) == DRAWS
    assert one.size_bytes == pytest.approx(2000)
    assert one.devices.tolist() == [4] * DRAWS
    assert one.published == pytest.approx(1e9)
    assert one.median == pytest.approx(1e9)
    assert (one.low < one.median).all()
    assert (one.median < one.high).all()
    assert one.error == pytest.approx(0, abs=1e-12)
    assert one.covered.all()
    assert one.efficiency(one.published) == pytest.approx(1)
    for said in one.baselines.values():
        assert said([one])[0] == pytest.approx(1e9)


def test_a_slow_size_is_missed_by_its_factor(folder: Callable[..., Path]) -> None:
    """2000 bytes in 4 us are 0.5 GB/s; the sizes beside it say 1 GB/s."""
    (one,) = _replay(folder(slow=SLOW))
    assert one.published == pytest.approx(5e8)
    assert one.median == pytest.approx(1e9)
    assert one.error == pytest.approx(1)
    assert not one.covered.any()
    assert one.efficiency(one.published) == pytest.approx(0.5)


def test_scores_of_logs(folder: Callable[..., Path]) -> None:
    scores = score(_replay(folder(straight=STRAIGHT, slow=SLOW)))
    assert (scores.curves, scores.points, scores.coverage) == (2, 2 * DRAWS, 0.5)
    assert (scores.errors.median, scores.errors.worst) == pytest.approx((0.5, 1))
    assert scores.errors.efficiency == pytest.approx(0.25)
    assert list(scores.baselines) == ["linear in bytes", "log-log", "one line"]
    assert scores.skill == pytest.approx(1)


def test_steps_across_rank_counts(folder: Callable[..., Path]) -> None:
    """Times in proportion to ranks: a power law is exact; at 2, 4, 8 ranks the nearest are 4, 2, 4."""
    (one,) = _replay(folder(ranks=IN_RANKS), "rank-count")
    assert one.devices.tolist() == [2] * 3 + [4] * 3 + [8] * 3
    assert one.published == pytest.approx(1e9 / one.devices)
    said = {name: predict([one])[0] / one.published - 1 for name, predict in one.baselines.items()}
    assert said["power of ranks"] == pytest.approx(0, abs=1e-12)
    assert said["same time"][::3] == pytest.approx([-0.5, 1, 1])
    bus = {2: 1.0, 4: 1.5, 8: 1.75}
    ratio = np.array([bus[4] / bus[2], bus[2] / bus[4], bus[4] / bus[8]])
    assert said["same bus bandwidth"][::3] == pytest.approx(np.array([0.5, 2, 2]) * ratio - 1)


def test_logs_of_one_system_are_put_together(folder: Callable[..., Path]) -> None:
    head, *rows = IN_RANKS.splitlines()
    logs = {f"n{n}": "\n".join([head, *(row for row in rows if row[0] == str(n))]) for n in (2, 4, 8)}
    assert _replay(folder(**logs), "rank-count") == []
    (one,) = _replay(folder(**logs, more='system = "ours"\n'), "rank-count")
    assert one.curve.name == "ours"
    assert len(one.published) == 9
    two = {name: logs[name] for name in ("n2", "n4")}
    assert _replay(folder(**two, more='system = "ours"\n'), "rank-count") == []


def test_a_system_never_helps_with_itself() -> None:
    path = SHIPPED / "collectives" / "aiconfigurator.toml"
    log = next(one for one in read_logs(path) if one.system == "b200_sxm")
    alone = replay_log(log, RANK_COUNT)
    helped = replay_log(replace(log, system="another"), RANK_COUNT)
    assert alone is not None
    assert helped is not None
    assert np.median(np.abs(helped.error)) < np.median(np.abs(alone.error))


def test_a_line_stays_above_what_is_known() -> None:
    """Through (1, 1), (2, 1), (9, 13): slope 1.6, below 0 at 1."""
    sizes, times = np.array([1.0, 2.0, 9.0]), np.array([1.0, 1.0, 13.0])
    assert one_line(sizes, times, np.array([1.0]))[0] == 1.0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("per-node", "per-nod", r"suite.toml:11: unknown key of a log, got 'per-nod'; did you mean"),
        ('file = "a.csv"', 'file = "b.csv"', r"suite.toml:9: log a: b.csv: must be a readable file"),
        ('file = "a.csv"', "file = 3", r"suite.toml:9: log a: file: must be a name, got 3"),
        ('name = "a"\n', "", r"suite.toml:7: needs the key 'name'"),
        ("allreduce", "alreduce", r"suite.toml:10: log a: collective: must be known, got 'alreduce'"),
        ("per-node = 8\n", "", r"suite.toml:9: log a: a.csv:2: does not say .*; say per-node 8"),
        ("per-node = 8", 'columns = "tme=x"', r"suite.toml:11: log a: columns: must be FIELD=COLUMN"),
        ("allreduce", "sendrecv", r"suite.toml:9: log a: must hold a collective of a library"),
        ("origin", "unit", r"suite.toml:3: unknown key, got 'unit'"),
        ("[[log]]", "[log]", r"suite.toml:7: must be tables \[\[log\]\]"),
        ("[published]", "[publisht]", r"suite.toml:1: unknown table beside logs, got 'publisht'"),
    ],
)
def test_wrong_files_name_their_line(folder: Callable[..., Path], old: str, new: str, told: str) -> None:
    path = folder(a=STRAIGHT)
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ContentError) as caught:
        read_logs(path)
    message = str(caught.value).removeprefix(f"{path.parent}/")
    assert "\n" not in message
    assert re.match(told, message), message


def test_a_wrong_row_of_a_log_is_named_too(folder: Callable[..., Path]) -> None:
    path = folder(a=STRAIGHT.replace("4,2000,2", "4,2000,two"))
    with pytest.raises(ContentError, match=r"suite.toml:9: log a: a.csv:3: time: must be a number >= 0"):
        read_logs(path)


def test_curves_and_logs_share_a_folder(folder: Callable[..., Path]) -> None:
    path = folder(a=STRAIGHT)
    curves = (SHIPPED / "data-parallel" / "dell.toml").read_text(encoding="utf-8")
    (path.parent / "dell.toml").write_text(curves, encoding="utf-8")
    suite = read_suite(path.parent)
    assert [log.name for log in suite.logs] == ["a"]
    assert suite.curves
    assert suite.groups == ("curves", "logs")
    assert suite.logs[0].published.unit == "bytes"
    path.write_text(path.read_text(encoding="utf-8").replace('"a"', f'"{suite.curves[0].name}"'), "utf-8")
    with pytest.raises(ContentError, match="must name each log once"):
        read_suite(path.parent)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="must hold TOML files of curves or logs"):
        read_suite(tmp_path)


def test_the_shipped_suite() -> None:
    suite = read_suite(find_suite("collectives"))
    assert suite.groups == ("gpu-node", "gpu-network", "mpi")
    assert not suite.curves
    used = {Path(file.path).name for log in suite.logs for file in log.files}
    lying = {path.name for path in suite.folder.iterdir() if path.suffix in (".log", ".csv")}
    assert lying - {"history.csv"} <= used
    assert sum(path.stat().st_size for path in suite.folder.iterdir()) < 400_000
    sizes, ranks = replay_logs(suite.logs, HALF_SIZES), replay_logs(suite.logs, RANK_COUNT)
    assert len(sizes) == len(suite.logs)
    assert [one.curve.name for one in ranks][-1] == "lassen"
    for replays in (sizes, ranks):
        assert all(
            np.isfinite(rate).all() for said in replays[0].baselines.values() for rate in said(replays)
        )


def test_replays_of_curves_keep_their_baselines() -> None:
    (curve, *_) = read_suite(find_suite("seeds")).curves
    known, nothing = replay(curve, ONE_DEVICE), replay(curve, NO_ANCHOR)
    assert known is not None
    assert known.baselines == BASELINES
    assert nothing is not None
    assert nothing.baselines == {}
