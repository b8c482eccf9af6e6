"""Time to accuracy, energy and money: values by hand, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nearlinear.models.case import Case
from nearlinear.models.closed_form import predict
from nearlinear.models.document import read_document, to_document
from nearlinear.models.economics.convergence import Convergence, Interval, samples_to_target
from nearlinear.models.economics.goal import goals
from nearlinear.models.economics.outcome import Economics, outcome
from nearlinear.models.economics.prices import prices
from nearlinear.models.economics.question import Cost, Target
from nearlinear.models.economics.rates import Rates
from nearlinear.models.errors import ContentError, SpecError
from nearlinear.models.prediction import Prediction, UntilTarget
from nearlinear.models.scenario import Scenario

SCALES = (8, 16)
STATED = Target(epochs=10, critical_batch=1000, epoch_samples=36_000)


def _exact(value: float) -> Interval:
    return Interval(value=value, low=value, high=value)


def _predict(**options: Any) -> Prediction:
    asked = {"model": "resnet50", "cluster": "p4d", "precision": "fp16", "devices": "8..64", "samples": 101}
    return predict(Scenario.of(**{**asked, **options}))


def _until(prediction: Prediction) -> list[UntilTarget]:
    found = [point.until_target for point in prediction.points]
    assert None not in found
    return [one for one in found if one is not None]


def test_epochs_double_at_the_critical_batch() -> None:
    assert samples_to_target(4000.0, 30.0, 4000.0) == 60.0
    assert samples_to_target(4000.0, 30.0, np.inf) == 30.0


def test_steps_and_samples_trade_as_the_paper_says() -> None:
    batch, minimum, critical = np.geomspace(1, 1e6, 50), 3e6, 8000.0
    samples = samples_to_target(batch, minimum, critical)
    steps, fewest_steps = samples / batch, minimum / critical
    # section 2.3: (S/S_min - 1)(E/E_min - 1) = 1
    np.testing.assert_allclose((steps / fewest_steps - 1) * (samples / minimum - 1), 1.0, rtol=1e-8)


def test_time_energy_and_money_by_hand() -> None:
    economics = Economics.of(
        STATED, Cost(price_per_device_h=3.0, watts=500.0, pue=1.2),
        Case.of(Scenario.of(model="lenet", cluster="p4d", devices="8")).network, "a100-sxm-40gb",
    )  # fmt: skip
    assert economics is not None
    # batches of 1000 and 3000: 10 (1 + 1) = 20 epochs of 36 steps, 10 (1 + 3) = 40 epochs of 12 steps
    found = outcome(economics, SCALES, np.array([1000.0, 3000.0]), np.full((3, 2), 0.5), seed=0)
    first, second = found.points
    assert (first.epochs.median, second.epochs.median) == (20.0, 40.0)
    assert first.time_s.median == pytest.approx(360.0, rel=1e-12)  # 20 x 36 x 0.5 s
    assert second.time_s.median == pytest.approx(240.0, rel=1e-12)  # 40 x 12 x 0.5 s
    # three times the throughput, but half as much speed-up
    assert second.speed_up.median == pytest.approx(1.5, rel=1e-12)
    assert first.energy_kwh is not None
    assert first.energy_kwh.median == pytest.approx(0.48, rel=1e-12)  # 8 x 0.5 kW x 1.2 x 0.1 h
    assert first.cost is not None
    assert second.cost is not None
    assert first.cost.median == pytest.approx(2.40, rel=1e-12)  # 8 x 3 x 0.1 h
    assert second.cost.median == pytest.approx(3.20, rel=1e-12)  # 16 x 3 x 4 min
    assert (found.ending.fastest_devices, found.ending.cheapest_devices) == (16, 8)


def test_instances_are_paid_whole() -> None:
    rates = Rates.of(Cost(instance="p4d.24xlarge"), "a100-sxm-40gb")
    assert [rates.billed_devices(n) for n in (1, 8, 9)] == [8, 8, 16]
    one, full, more = (rates.money_per_s(n) for n in (1, 8, 9))
    assert one == full == pytest.approx(21.957642 / 3600, rel=1e-12)
    assert more == pytest.approx(2 * 21.957642 / 3600, rel=1e-12)


def test_epochs_at_the_published_target() -> None:
    strong = _until(_predict(until_accuracy=True, global_batch=4096))
    # 34.2 (1 + 4096/43600) = 37.4 at every scale; the median is of draws
    assert [until.epochs.median for until in strong] == [pytest.approx(37.4, rel=0.03)] * 4
    assert len({until.epochs.median for until in strong}) == 1
    weak = _until(_predict(until_accuracy=True, batch_per_device=512))
    assert [u.epochs.median for u in weak] == sorted({u.epochs.median for u in weak})


def test_more_epochs_count_against_speed_up() -> None:
    prediction = _predict(until_accuracy=True, batch_per_device=512)
    first, last = prediction.points[0], prediction.points[-1]
    faster = last.throughput_per_s.median / first.throughput_per_s.median
    ends = _until(prediction)
    epochs = ends[-1].epochs.median / ends[0].epochs.median
    assert epochs > 1.5
    assert ends[-1].speed_up.median == pytest.approx(faster / epochs, rel=0.05)


def test_the_band_of_time_holds_both_what_is_unknown_of_steps_and_of_epochs() -> None:
    anchored = {"batch_per_device": 128, "devices": "8", "anchor": "8:18000", "samples": 401}
    (stated,) = _until(_predict(**anchored, epochs=40))
    (published,) = _until(_predict(**anchored, until_accuracy=True))
    # the anchor fixes the step, so the stated target has no band, and the other that of published recipes
    assert stated.time_s.high == pytest.approx(stated.time_s.low, rel=1e-6)
    spread = goals()["resnet"].curve.spread
    width = np.log(published.time_s.high / published.time_s.low) / (2 * 1.645)
    assert width == pytest.approx(spread, rel=0.15)


def test_draws_keep_interval_and_correlation() -> None:
    curve = Convergence(
        minimum=Interval(value=30.0, low=25.0, high=36.0),
        critical_batch=Interval(value=1e3, low=500.0, high=2e3), correlation=0.8,
    )  # fmt: skip
    tiny, huge = samples_to_target(np.array([[1e-6, 1e9]]), *curve.draw_parameters(20_001, seed=3)).T
    assert np.percentile(tiny, [5, 50, 95]) == pytest.approx([25, 30, 36], rel=0.02)
    critical = 1e9 * tiny / huge  # E = E_min B / B_crit far beyond B_crit
    assert np.percentile(critical, [5, 50, 95]) == pytest.approx([500, 1e3, 2e3], rel=0.04)
    assert np.corrcoef(np.log(tiny), np.log(critical))[0, 1] == pytest.approx(0.8, abs=0.02)


def test_what_the_reader_is_told() -> None:
    far = _predict(until_accuracy=True, batch_per_device=256, devices="8,512")
    assert any(w.startswith("at 512 devices the global batch lies outside") for w in far.warnings)
    flat = _predict(model="alexnet", cluster="titan", precision="fp32", devices="1,2", epochs=90)
    told = " ".join(flat.warnings)
    assert "say --critical-batch" in told
    assert "say --watts" in told
    assert "say --price-per-device-h" in told
    (one, _) = _until(flat)
    assert (one.energy_kwh, one.cost, one.billed_devices) == (None, None, None)


def test_without_a_target_nothing_is_added() -> None:
    prediction = _predict()
    assert prediction.ending is None
    assert {point.until_target for point in prediction.points} == {None}


def test_a_stored_prediction_comes_back_whole(tmp_path: Path) -> None:
    prediction = _predict(until_accuracy=True)
    path = tmp_path / "p.json"
    path.write_text(json.dumps(to_document(prediction)))
    back = read_document(path)
    assert (back.ending, back.points) == (prediction.ending, prediction.points)
    older = to_document(prediction)  # written before there were targets
    del older["result"]["ending"]
    for point in older["result"]["points"]:
        del point["until_target"]
    path.write_text(json.dumps(older))
    assert read_document(path).ending is None


def test_every_number_used_is_cited() -> None:
    facts = {fact["name"]: fact for fact in _predict(until_accuracy=True).provenance["facts"]}
    assert facts["critical_batch"]["source"].startswith("MLCommons")
    assert facts["price_per_h"]["date"] == "2026-07-28"
    assert {"epoch_samples", "minimum_epochs", "power_watts", "pue"} <= set(facts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"until_accuracy": True, "epochs": 90}, "--epochs: excludes --until-accuracy, got 90.0; drop one"),
        ({"critical_batch": 8000}, "--critical-batch: needs --epochs, got 8000.0; say --epochs 90"),
        ({"epochs": 0}, "--epochs: must be a number > 0, got 0"),
        ({"epochs": "nan"}, "--epochs: must be a number > 0, got 'nan'"),
        ({"epochs": 90, "pue": 0.9}, "--pue: must be a number >= 1, got 0.9"),
        ({"watts": 300}, "--watts: needs a target; say --until-accuracy, or --epochs 90"),
        ({"epochs": 9, "price_per_device_h": 2, "instance": "p4d.24xlarge"}, "--instance: excludes --price"),
        ({"epochs": 9, "instance": "p4d.24xlrge"}, "got 'p4d.24xlrge'; did you mean p4d.24xlarge"),
        ({"epochs": 9, "instance": "p5.48xlarge"}, "--instance: must have a100-sxm-40gb, got 'p5.48xlarge'"),
        ({"until_accuracy": True, "model": "vgg-16"}, "needs published runs, got 'vgg-16'; known are"),
        ({"epochs": 9, "model": "lenet"}, "--epoch-samples: is needed: lenet is not trained on ImageNet"),
        ({"epochs": 9, "prices": "none.toml"}, "none.toml: must be a readable file"),
    ],
)  # fmt: skip
def test_what_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        _predict(**options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


OURS = """
currency = "EUR"
[power_watts]
a100-40gb = 350
[instances.ours]
device = "a100-40gb"
devices = 4
price_per_h = 8
"""


def test_prices_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(OURS)
    mine, shipped = prices(str(path)), prices()
    assert (mine.currency, mine.power_watts["a100-sxm-40gb"].value) == ("EUR", 350)
    assert mine.pue == shipped.pue  # not stated, so the shipped one
    assert [one.name for one in mine.instances] == ["ours"]  # of its own currency only
    ending = _predict(epochs=9, prices=str(path)).ending
    assert ending is not None
    assert ending.price == "ours, ours, 8 EUR/h for 4"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("price_per_h = 8", "price_per_h = -8", "p.toml:8: instances.ours.price_per_h: must be > 0, got -8"),
        ("price_per_h = 8", "price_per_hour = 8", "p.toml:8: instances.ours.price_per_hour: unknown key"),
        ("devices = 4", "devices = 0.5", "p.toml:7: instances.ours.devices: must be a whole number, got 0.5"),
        ('device = "a100-40gb"', 'device = "a10o"', "p.toml:6: instances.ours.device: must be a known"),
        ('currency = "EUR"', "currency = 1", "p.toml:2: currency: must be a name, such as USD, got 1"),
        ('currency = "EUR"', 'currency = "EUR"\npue = 0.5', "p.toml:3: pue: must be >= 1, got 0.5"),
        ("price_per_h = 8", 'price_per_h = { value = 8, status = "datasheet" }', "needs value, status and"),
    ],
)  # fmt: skip
def test_prices_that_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.toml").write_text(OURS.replace(old, new))
    with pytest.raises(ContentError) as caught:
        prices("p.toml")
    assert message in str(caught.value)
    assert caught.value.exit_code == 3


def test_an_option_beside_a_file_replaces_what_it_excludes(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        '[workload]\nmodel = "nin"\n[machine]\ncluster = "titan"\n[target]\nepochs = 9\n'
        'critical-batch = 512\n[cost]\ninstance = "x"\n'
    )
    scenario = Scenario.from_file(path, {"until_accuracy": True, "price_per_device_h": "2"})
    assert scenario.target == Target(until_accuracy=True)
    assert scenario.cost == Cost(price_per_device_h=2.0)
    assert Scenario.from_file(path).target.critical_batch == 512
