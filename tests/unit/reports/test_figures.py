"""Figures show the numbers they are given: the data handed to the axes are checked, not pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from nearlinear.calibrate.bundled import BUNDLED
from nearlinear.calibrate.calibration import CalibrateSpec, Calibration, fit_profile
from nearlinear.models.closed_form import predict
from nearlinear.models.errors import ContentError, SelfCheckError
from nearlinear.models.prediction import Prediction
from nearlinear.models.scenario import Scenario
from nearlinear.reports.comparison import Comparison, Times, compare
from nearlinear.reports.figures import draw_breakdown, draw_comparison, draw_fits, draw_scaling, save, svg
from nearlinear.reports.style import TERMS
from nearlinear.simulator.engines import Engine, run_schedule
from nearlinear.simulator.exchange import Outcome, Vector
from nearlinear.simulator.rounds.packing import Packed


@pytest.fixture(scope="module")
def prediction() -> Prediction:
    return predict(
        Scenario.of(model="googlenet", cluster="dgx-1p", devices="1..64", anchor=["1:120"], samples="101")
    )


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    logs = BUNDLED[1]
    return fit_profile(logs.files, CalibrateSpec(hints=logs.hints, replicates=60))


def _line(figure: Figure, axes: int, label: str) -> tuple[list[float], list[float]]:
    (line,) = [x for x in figure.axes[axes].lines if x.get_label() == label]
    return list(np.asarray(line.get_xdata())), list(np.asarray(line.get_ydata()))


def _labels(figure: Figure) -> set[str]:
    return {text for axes in figure.axes for text in axes.get_legend_handles_labels()[1]}


def test_scaling(prediction: Prediction) -> None:
    figure = draw_scaling(prediction)
    devices = [point.devices for point in prediction.points]
    assert _line(figure, 0, "predicted") == (devices, [p.throughput_per_s.median for p in prediction.points])
    assert _line(figure, 1, "predicted") == (devices, [p.efficiency.median for p in prediction.points])
    x, y = _line(figure, 0, "linear")
    assert np.diff(np.log(y) - np.log(x)) == pytest.approx(0.0, abs=1e-12)
    assert _line(figure, 0, "measured") == ([1], [120.0])
    assert figure.axes[0].get_xlabel() == "devices"
    assert figure.axes[0].get_ylabel() == "samples/s"


def test_band_is_drawn_between_low_and_high(prediction: Prediction) -> None:
    (band,) = draw_scaling(prediction).axes[1].collections
    heights = np.asarray(band.get_paths()[0].vertices)[:, 1]
    assert heights.min() == pytest.approx(min(p.efficiency.low for p in prediction.points))
    assert heights.max() == pytest.approx(max(p.efficiency.high for p in prediction.points))


def test_breakdown_adds_up_to_the_step(prediction: Prediction) -> None:
    figure = draw_breakdown(prediction)
    containers: Any = figure.axes[0].containers
    bars = [bar for bar in containers if bar.get_label() != "hidden exchange"]
    for index, point in enumerate(prediction.points):
        height = sum(bar.patches[index].get_height() for bar in bars)
        assert height == pytest.approx(point.step_time_s.median * 1e3, rel=1e-9)
    assert _labels(figure) <= {label for label, _ in TERMS.values()} | {"hidden exchange"}


def test_fits_show_every_point_once(calibration: Calibration) -> None:
    figure = draw_fits(calibration.links)
    shown = sum(
        len(np.asarray(line.get_xdata()))
        for axes in figure.axes[::2]
        for line in axes.lines
        if line.get_marker() in ("o", "D")
    )
    assert shown == sum(len(calibrated.problem.points) for calibrated in calibration.links)
    assert {"fitted", "held out"} <= _labels(figure)


def test_held_out_errors_are_those_of_the_profile(calibration: Calibration) -> None:
    figure = draw_fits(calibration.links)
    for index, calibrated in enumerate(calibration.links):
        container: Any = figure.axes[2 * index + 1].containers[0]
        drawn = np.abs(np.asarray(container.lines[0].get_ydata()))
        assert calibrated.link.holdout is not None
        assert np.median(drawn) == pytest.approx(calibrated.link.holdout.median_ape)


@pytest.mark.parametrize("model", ["nin", "googlenet"])
def test_the_tree_wins_and_by_how_much_is_drawn(model: str) -> None:
    comparison = compare(model, "titan", ("tree", "ps"), (1, 2, 4, 8))
    x, y = _line(draw_comparison(comparison), 1, "_child0")
    assert x == [2, 4, 8]
    assert y == pytest.approx(comparison.gain("ps", "tree")[1:])


@pytest.mark.parametrize("liar", ["rounds", "simpy"])
def test_engines_that_disagree_are_not_shown(monkeypatch: pytest.MonkeyPatch, liar: str) -> None:
    def run(engine: Engine, packed: Packed) -> Outcome:
        elements = packed.vector.elements * (2 if engine.name == liar else 1)
        return run_schedule(engine, Packed(packed.schedule, packed.fabric, Vector(elements=elements)))

    monkeypatch.setattr("nearlinear.reports.comparison.run_schedule", run)
    with pytest.raises(SelfCheckError, match="tree: engines must agree with the formula"):
        compare("nin", "titan", ("tree", "ps"), (2, 4))


def test_gain_over_no_time_is_infinite() -> None:
    ones, none = np.ones(2), np.zeros(2)
    rows = {"tree": Times(formula_s=none, rounds_s=none, processes_s=none),
            "ps": Times(formula_s=ones, rounds_s=ones, processes_s=ones)}  # fmt: skip
    comparison = Comparison(title="", workers=np.array([1, 2]), by_algorithm=rows)
    assert np.isinf(comparison.gain("ps", "tree")).all()


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_saved_twice_it_is_the_same_file(prediction: Prediction, tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        save(draw_scaling(prediction), tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {f"a{suffix}", f"b{suffix}"}


def test_no_half_figure_where_it_cannot_be_written(prediction: Prediction, tmp_path: Path) -> None:
    with pytest.raises(ContentError):
        save(draw_scaling(prediction), tmp_path / "none" / "a.svg")
    assert list(tmp_path.iterdir()) == []


def test_svg_is_text_that_can_be_searched(prediction: Prediction) -> None:
    text = svg(draw_scaling(prediction))
    assert text.startswith("<svg")
    assert "efficiency relative to 1" in text
