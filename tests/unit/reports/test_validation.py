"""Replays of published curves: files, situations, baselines, scores, history, explanations."""

import tomllib
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from nearlinear.models.errors import ContentError, SpecError
from nearlinear.reports.validation import baselines
from nearlinear.reports.validation.curve import Curve
from nearlinear.reports.validation.curve_file import read_curves
from nearlinear.reports.validation.explanation import explain
from nearlinear.reports.validation.history import MARGIN, read_history, worse, write_history
from nearlinear.reports.validation.leaderboard import validate_suite
from nearlinear.reports.validation.replay import Replay, replay
from nearlinear.reports.validation.scores import errors, rank_correlation, score
from nearlinear.reports.validation.situation import NO_ANCHOR, ONE_DEVICE, ONE_NODE
from nearlinear.reports.validation.suite import find_suite, read_suite, shipped
from tests.architecture.test_contracts import _schema

HEAD = """
[published]
title = "A rack of ours"
origin = "us"
source = "our wiki, page 7"
retrieved = "2026-11-26"

[machine]
device = "v100"
per-node = 4
net = "ib-edr"

[plan]
algorithm = "ring"
"""
CURVE = """
[[curve]]
name = "resnet"
model = "resnet-50"
batch-per-device = 64
devices = [1, 4, 8]
samples-per-s = [350, 1330, 2520]
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "ours.toml"
    path.write_text(text)
    return path


@pytest.fixture
def curve(tmp_path: Path) -> Curve:
    return read_curves(_file(tmp_path, HEAD + CURVE))[0]


def _replay(curve: Curve, median: list[float], situation: object = ONE_DEVICE) -> Replay:
    """Return a replay whose predictions are given: a band of 10 % around them."""
    made = replay(curve, ONE_DEVICE)
    assert made is not None
    said = np.array(median)
    return replace(made, median=said, low=said * 0.9, high=said * 1.1)


def test_a_file_says_what_was_run_and_measured(curve: Curve) -> None:
    assert (curve.name, curve.published.origin, curve.published.group) == ("resnet", "us", "curves")
    assert curve.scenario.plan.devices == (1, 4, 8)
    assert curve.scenario.plan.algorithm == "ring"
    assert curve.per_node == 4
    assert curve.efficiency == pytest.approx([1.0, 0.95, 0.9])


def test_times_become_rates(tmp_path: Path) -> None:
    steps = CURVE.replace("samples-per-s = [350, 1330, 2520]", "step-time-s = [0.2, 0.2, 0.25]")
    assert read_curves(_file(tmp_path, HEAD + steps))[0].samples_per_s == pytest.approx([320, 1280, 2048])
    epochs = CURVE.replace("samples-per-s = [350, 1330, 2520]", "timed-samples = 6400\ntime-s = [20, 5, 4]")
    assert read_curves(_file(tmp_path, HEAD + epochs))[0].samples_per_s == pytest.approx([320, 1280, 1600])
    growing = CURVE.replace("batch-per-device = 64", 'global-batch = "1:64,4:128,8:256"').replace(
        "samples-per-s = [350, 1330, 2520]", "step-time-s = [0.2, 0.1, 0.1]"
    )
    assert read_curves(_file(tmp_path, HEAD + growing))[0].samples_per_s == pytest.approx([320, 1280, 2560])


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("= [350", "= [-350", ":21: curve resnet: samples-per-s: must be a number > 0"),
        ("2520]", "2520, 1]", "must be a list of 3 numbers, one for each of devices"),
        ("samples-per-s", "sample-per-s", ":21: unknown key of a curve, got 'sample-per-s'; did you mean"),
        ("[machine]", "[machines]", ":8: unknown table, got 'machines'; did you mean machine"),
        ("per-node = 4", "pernode = 4", ":10: unknown key of machine, got 'pernode'; did you mean per-node"),
        ('origin = "us"\n', "", "published: needs the key 'origin'"),
        ("batch-per-device = 64", "batch-per-device = 0", ":19: batch-per-device"),
        ("devices = [1, 4, 8]\n", "", "every curve must say its devices"),
        ("[1, 4, 8]", "[8, 4, 1]", "curve resnet: devices: must rise, each count once"),
        ("batch-per-device = 64\n", "", "curve resnet: batch-per-device: must be said, or a global batch"),
        ("devices = [1", "timed-samples = 5\ndevices = [1", "timed-samples: belongs to time-s"),
        ("devices = [1", "seed = 5\ndevices = [1", "unknown key of a curve, got 'seed'"),
        ('"resnet"', '"res\\nnet"', "name: must be a name on one line"),
        ("samples-per-s = [350, 1330, 2520]", "anchor = '1:5'", "unknown key of a curve, got 'anchor'"),
        ("samples-per-s = [350, 1330, 2520]", "", "must have one of samples-per-s, step-time-s, time-s"),
        ('name = "resnet"\n', "", "needs the key 'name'"),
        ("samples-per-s = [", "remembered = [2]\nsamples-per-s = [", "must list device counts of the curve"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_in_one_line(tmp_path: Path, wrong: str, right: str, said: str) -> None:
    path = _file(tmp_path, (HEAD + CURVE).replace(wrong, right))
    with pytest.raises(ContentError) as refused:
        read_curves(path)
    assert said in str(refused.value)
    assert str(refused.value).startswith(str(path))


def test_files_follow_their_schema() -> None:
    validator = jsonschema.Draft202012Validator(_schema("curves"))
    for name in shipped():
        for path in sorted(find_suite(name).glob("*.toml")):
            content = tomllib.loads(path.read_text())
            if "curve" in content:
                validator.validate(content)


def test_two_curves_of_one_name_are_refused(tmp_path: Path) -> None:
    _file(tmp_path, HEAD + CURVE + CURVE)
    with pytest.raises(ContentError, match="must name each curve once, got 'resnet'"):
        read_suite(tmp_path)


def test_unknown_suites_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="did you mean data-parallel"):
        find_suite("data-paralel")
    with pytest.raises(SpecError, match="must hold TOML files of curves"):
        read_suite(tmp_path)


def test_situations_know_and_judge(curve: Curve) -> None:
    assert ONE_DEVICE.scored(curve).tolist() == [False, True, True]
    assert ONE_NODE.scored(curve).tolist() == [False, False, True]
    assert NO_ANCHOR.scored(curve).tolist() == [True, False, False]
    anchors = ONE_NODE.scenario(curve).knowledge.anchor
    assert [(one.devices, one.samples_per_s) for one in anchors] == [(1, 350.0), (4, 1330.0)]
    doubtful = replace(curve, remembered=frozenset({8}))
    assert ONE_DEVICE.scored(doubtful).tolist() == [False, True, False]
    assert replay(doubtful, ONE_NODE) is None


def test_a_curve_without_a_known_node_has_no_such_situation(tmp_path: Path) -> None:
    text = (HEAD + CURVE).replace("[1, 4, 8]", "[1, 2, 8]")
    assert replay(read_curves(_file(tmp_path, text))[0], ONE_NODE) is None


def test_known_scales_hold_in_replays(curve: Curve) -> None:
    made = replay(curve, ONE_NODE)
    assert made is not None
    first, node, _ = made.prediction.points
    assert first.throughput_per_s.median == pytest.approx(350, rel=1e-6)
    assert node.throughput_per_s.median == pytest.approx(1330, rel=1e-3)
    assert made.devices.tolist() == [8]


def test_naive_baselines_by_hand(curve: Curve) -> None:
    other = replace(curve, name="other", samples_per_s=np.array([100.0, 360.0, 640.0]))
    replays = [
        _replay(curve, [1330, 2520]),
        replace(_replay(other, [360, 640]), published=other.samples_per_s[1:]),
    ]
    assert [one.tolist() for one in baselines.linear(replays)] == [[1400, 2800], [400, 800]]
    first, second = baselines.constant(replays)
    assert first == pytest.approx(np.array([1400, 2800]) * 0.85)  # median of 0.9 and 0.8 of the other
    assert second == pytest.approx(np.array([400, 800]) * 0.925)


def test_paleo_adds_the_exchange_at_nominal_bandwidth(curve: Curve) -> None:
    made = _replay(curve, [1330, 2520])
    size = curve.case.network.parameters * 4
    inside, between = 150e9, 12.5e9
    tree = [2 * 2 * size / inside, 2 * 2 * size / inside + 2 * size / between]
    expected = [4 * 64 / (64 / 350 + tree[0]), 8 * 64 / (64 / 350 + tree[1])]
    assert baselines._paleo(made, baselines.SCHEMES["tree"]) == pytest.approx(expected)


def test_scores_by_hand(curve: Curve) -> None:
    made = _replay(curve, [1330 * 1.2, 2520 * 0.95])  # 20 % too fast, outside its band; 5 % too slow
    scores = score([made])
    assert scores.points == 2
    assert scores.errors.median == pytest.approx(0.125)
    assert scores.errors.high == pytest.approx(0.05 + 0.9 * 0.15)
    assert scores.errors.worst == pytest.approx(0.2)
    assert scores.errors.bias == pytest.approx(0.075)
    assert scores.coverage == 0.5
    assert scores.errors.efficiency == pytest.approx((0.95 * 0.2 + 0.9 * 0.05) / 2)
    best = min(one.median for one in scores.baselines.values())
    assert scores.skill == pytest.approx(0.125 / best)


def test_ranks_share_ties() -> None:
    x, y = np.array([1.0, 1.0, 3.0]), np.array([2.0, 4.0, 6.0])
    assert rank_correlation(x, y) == pytest.approx(0.8660254)
    assert np.isnan(rank_correlation(x * 0, y))


def test_without_anchor_nothing_refers_to_a_scale(curve: Curve) -> None:
    made = replay(curve, NO_ANCHOR)
    assert made is not None
    found = errors([made], [made.median])
    assert np.isnan(found.efficiency)
    assert score([made]).baselines == {}


def test_history_tells_what_got_worse(curve: Curve, tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    write_history(path, [_replay(curve, [1330 * 1.02, 2520 * 1.02])])
    before = read_history(path)
    assert before == {("resnet", "one-device"): 0.02}
    close, far = 1.02 + MARGIN - 0.001, 1.02 + MARGIN + 0.001
    assert list(worse([_replay(curve, [1330 * close, 2520 * close])], before)) == []
    (found,) = worse([_replay(curve, [1330 * far, 2520 * far])], before)
    assert (found.curve, found.situation, found.before) == ("resnet", "one-device", 0.02)
    assert list(worse([_replay(replace(curve, name="new"), [9e9, 9e9])], before)) == []
    path.write_text("curve,situation,median_error\nresnet,one-device,much\n")
    with pytest.raises(ContentError, match=r"h\.csv:2: must be a row of a history"):
        read_history(path)


def test_misses_name_the_nearest_term(tmp_path: Path) -> None:
    """A loss between nodes that only a slow network explains, and one of loaders."""
    text = (HEAD + CURVE).replace("2520]", "1200]")
    (slow,) = read_curves(_file(tmp_path, text))
    made = replay(slow, ONE_NODE)
    assert made is not None
    why = explain(made)
    assert why is not None
    assert why.devices == 8
    assert why.error > 1.0
    assert why.term in ("unknown", "bandwidth", "overlap")
    assert why.deviations > 0
    loading = explain(replace(made, curve=replace(slow, real_data=True)))
    assert loading is not None
    assert (loading.term, loading.text) == ("loader", "loaders of a node give 600 a second")
    good = replay(read_curves(_file(tmp_path, HEAD + CURVE))[0], ONE_NODE)
    assert good is not None
    assert explain(good) is None


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    _file(tmp_path, HEAD + CURVE)
    board = validate_suite(tmp_path)
    assert [(group.name, group.situation) for group in board.groups] == [
        ("curves", "one-device"), ("curves", "one-node"), ("curves", "no-anchor"),
    ]  # fmt: skip
    assert len(board.replays) == 3
    with pytest.raises(SpecError, match="--situation: must be a situation, got 'one-devise'; did you mean"):
        validate_suite(tmp_path, ["one-devise"])
