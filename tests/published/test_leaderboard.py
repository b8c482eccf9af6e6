"""The leaderboard holds: targets on the fixed population, and no curve worse than recorded."""

import numpy as np
import pytest

from nearlinear.reports.validation.curve import MAIN
from nearlinear.reports.validation.history import read_history, worse
from nearlinear.reports.validation.leaderboard import Group, Leaderboard, validate_suite
from nearlinear.reports.validation.replay import Replay
from nearlinear.reports.validation.suite import HISTORY, find_suite, shipped

SUITE = "data-parallel"
MOST_COVERED, LEAST_COVERED = 0.95, 0.85


@pytest.fixture(scope="module")
def board() -> Leaderboard:
    return validate_suite(SUITE, ["one-device", "one-node"])


def _group(board: Leaderboard, situation: str) -> Group:
    return next(group for group in board.groups if (group.name, group.situation) == (MAIN, situation))


def test_the_population_is_fixed(board: Leaderboard) -> None:
    """As many curves and points as the tables have, and linear scaling as wrong as it is known to be."""
    one, node = _group(board, "one-device"), _group(board, "one-node")
    assert (one.scores.curves, one.scores.points) == (78, 248)
    assert (node.scores.curves, node.scores.points) == (34, 75)
    linear, beyond = one.scores.baselines["linear"], node.scores.baselines["linear"]
    assert (round(linear.median, 3), round(linear.high, 2)) == (0.085, 0.32)
    assert (round(beyond.median, 3), round(beyond.high, 2)) == (0.086, 0.24)


def test_one_device_known(board: Leaderboard) -> None:
    scores = _group(board, "one-device").scores
    assert scores.errors.median <= 0.03
    assert scores.errors.high <= 0.15
    assert scores.errors.rank >= 0.7
    assert LEAST_COVERED <= scores.coverage <= MOST_COVERED
    assert scores.errors.efficiency < 0.8 * min(one.efficiency for one in scores.baselines.values())
    assert scores.skill < 0.8


def test_one_node_known(board: Leaderboard) -> None:
    scores = _group(board, "one-node").scores
    assert scores.errors.median <= 0.03
    assert scores.errors.high <= 0.12
    assert LEAST_COVERED <= scores.coverage <= MOST_COVERED
    assert scores.skill < 0.9


def test_parameter_servers_by_their_knee(board: Leaderboard) -> None:
    """Knees of served curves are those published, but where efficiency is near 80 % at several scales."""
    served = [one for one in _group(board, "one-device").replays if one.curve.published.parameter_server]
    knees = [one.knees for one in served if isinstance(one, Replay)]
    same = [predicted == published for predicted, published in knees]
    assert len(served) == 40
    assert np.mean(same) >= 0.9
    assert np.concatenate([one.covered for one in served]).mean() >= LEAST_COVERED


def test_logs_of_collectives() -> None:
    """Inside a node better than naive where ranks are missing, as good where sizes are; bands hold."""
    groups = {(one.name, one.situation): one.scores for one in validate_suite("collectives").groups}
    sizes, ranks = groups["gpu-node", "half-sizes"], groups["gpu-node", "rank-count"]
    assert (sizes.curves, ranks.curves) == (18, 10)
    assert sizes.errors.median <= 0.03
    assert sizes.skill <= 1.05
    assert ranks.errors.median <= 0.05
    assert ranks.skill <= 0.6
    assert all(LEAST_COVERED <= one.coverage <= 0.97 for one in groups.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped())
def test_no_curve_is_worse_than_recorded(name: str) -> None:
    recorded = read_history(find_suite(name) / HISTORY)
    board = validate_suite(name)
    assert list(worse(board.replays, recorded)) == []
    assert {(one.curve.name, one.situation.name) for one in board.replays} == set(recorded)
