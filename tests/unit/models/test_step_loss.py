"""What steps pay beyond ideal overlap: contention, losses inside and between nodes, other runs."""

import numpy as np
import pytest

from nearlinear.models.case import Case
from nearlinear.models.closed_form import predict
from nearlinear.models.draws import standard_normals
from nearlinear.models.parameters import central
from nearlinear.models.prior import StepLoss, rerun_factor, table, unhidden_share
from nearlinear.models.scenario import Scenario
from nearlinear.models.training.model import StepModel
from nearlinear.models.training.step import contention
from nearlinear.simulator.simulation import simulate
from nearlinear.simulator.steps.conditions import Conditions

VGG = {"model": "vgg-16", "device": "v100", "per_node": 1, "net": "ib-edr", "devices": "4", "anchor": "1:200",
       "algorithm": "ring", "batch_per_device": 64, "samples": 51}  # fmt: skip


def test_hidden_exchange_is_paid_in_part() -> None:
    exposed, hidden = np.array([2.0, 6.0, 2.0]), np.array([8.0, 4.0, 0.0])
    # 0.5 of 10 s: 3 s beyond the 2 that are exposed; 6 are more than that; without overlap nothing contends
    assert contention(exposed, hidden, np.full(3, 0.5)).tolist() == [3.0, 0.0, 0.0]


def test_a_step_pays_the_share_of_its_exchange() -> None:
    case = Case.of(Scenario.of(**VGG))
    model = StepModel(case, central(case))
    exchange_s = model.exchange(model.middle, 4).time_s
    step = model.step(model.middle, 4, exchange_s)
    share = table()["overlap"]["unhidden"]
    assert step.exposed_s + step.contention_s == pytest.approx(share * exchange_s.sum())
    assert step.contention_s > 0
    apart = StepModel(Case.of(Scenario.of(**VGG, overlap=False)), model.middle)
    assert apart.step(model.middle, 4, exchange_s).contention_s == 0.0


def test_waiting_for_others_does_not_pay_for_contention() -> None:
    calm = simulate(Scenario.of(**VGG))
    slow = simulate(Scenario.of(**VGG), conditions=Conditions(slow_nodes={2: 0.9}))
    before, after = calm.points[0].breakdown_s, slow.points[0].breakdown_s
    assert after.contention_s > 0.9 * before.contention_s  # of other middle samples
    assert after.exposed_communication_s > before.exposed_communication_s
    # a node at 0.9 takes 1.11 times as long to compute, and everybody waits for it
    assert slow.points[0].step_time_s.median > 1.07 * calm.points[0].step_time_s.median
    assert calm.points[0].step_time_s.median == pytest.approx(
        predict(Scenario.of(**VGG)).points[0].step_time_s.median, rel=1e-6
    )


def test_losses_grow_inside_a_node_and_hardly_beyond() -> None:
    step, node = table()["step"], StepLoss(per_node=16)
    assert node.inside(1) == 0.0
    assert node.inside(4) == pytest.approx(step["constant"] + 2 * step["per_doubling"])
    assert node.inside(64) == node.inside(16) == pytest.approx(step["constant"] + 4 * step["per_doubling"])
    assert node.beyond(16) == 0.0
    assert node.beyond(64) == pytest.approx(2 * step["beyond"]["per_doubling"])
    small = StepLoss(per_node=1)  # as on nodes of eight
    assert small.inside(8) == pytest.approx(step["constant"] + 3 * step["per_doubling"])
    assert small.inside(64) == small.inside(8)
    assert small.beyond(16) == pytest.approx(step["beyond"]["per_doubling"])


def test_what_a_scale_showed_is_not_lost_again() -> None:
    loss, zero = StepLoss(per_node=8), np.zeros(1)
    assert loss.draw(8, 8, zero) == pytest.approx([0.0])
    assert loss.draw(8, 0, zero) == pytest.approx([loss.inside(8)])
    assert loss.draw(32, 8, zero) == pytest.approx([loss.beyond(32)])


def test_shares_and_reruns_are_drawn_around_their_medians() -> None:
    z = np.array([-2.0, 0.0, 2.0])
    shares = unhidden_share(z)
    assert shares[1] == table()["overlap"]["unhidden"]
    assert shares[2] == 1.0
    assert rerun_factor(z) == pytest.approx(np.exp(table()["rerun"]["log_sd"] * z))


def test_draws_take_every_quantile_once() -> None:
    z = standard_normals(np.random.default_rng(3), (2, 3), 101)
    assert z.shape == (2, 3, 101)
    assert np.median(z, axis=-1) == pytest.approx(np.zeros((2, 3)), abs=1e-12)
    assert np.sort(z, axis=-1) == pytest.approx(np.broadcast_to(np.sort(z[0, 0]), z.shape))
    assert abs(np.corrcoef(z[0, 0], z[1, 2])[0, 1]) < 0.4


def test_an_anchor_that_only_checks_leaves_the_band_as_it_was() -> None:
    known = {"model": "resnet-50", "device": "v100", "per_node": 8, "net": "ib-edr", "devices": "4",
             "batch_per_device": 64}  # fmt: skip
    without = predict(Scenario.of(**known, anchor="1:350,8:2500"))
    band = without.points[0].throughput_per_s
    inside = predict(Scenario.of(**known, anchor=f"1:350,4:{band.median * 0.98:.0f},8:2500"))
    assert inside.points[0].throughput_per_s == band
    assert not any("lies outside" in warning for warning in inside.warnings)
