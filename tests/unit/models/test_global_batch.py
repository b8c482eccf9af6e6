"""A global batch for every scale, or one for each."""

import pytest

from nearlinear.models.closed_form import predict
from nearlinear.models.errors import SpecError
from nearlinear.models.global_batch import global_batch
from nearlinear.models.scenario import Scenario


def test_one_number_is_the_batch_everywhere() -> None:
    batch = global_batch("4096", "--global-batch")
    assert (batch.at(1), batch.at(512), str(batch)) == (4096, 4096, "4096")
    assert global_batch(256, "x").at(3) == 256


def test_scales_have_their_own() -> None:
    batch = global_batch("64:12800, 8:3200", "--global-batch")
    assert (batch.at(8), batch.at(64), str(batch)) == (3200, 12800, "8:3200,64:12800")
    with pytest.raises(
        SpecError, match="must say the batch of 16 devices, got '8:3200,64:12800'; add 16:SAM"
    ):
        batch.at(16)


@pytest.mark.parametrize(
    "wrong", ["abc", "8:64k", "8=64", "8:64:16", "8:64,", "-64", "0", "8:0", 0, True, {}, 1.5]
)
def test_others_are_refused_with_the_form(wrong: object) -> None:
    with pytest.raises(SpecError, match=r"must be SAMPLES or DEVICES:SAMPLES,\.\.\., as in 8:3200"):
        global_batch(wrong, "--global-batch")


def test_a_scale_said_twice_is_refused() -> None:
    with pytest.raises(SpecError, match="must give each device count once"):
        global_batch("8:64,8:128", "--global-batch")


def test_predictions_take_the_batch_of_the_scale() -> None:
    asked = {"model": "resnet-50", "cluster": "dgx-h100", "precision": "fp16", "anchor": "8:56065"}
    batches = "8:3200,64:3200,512:20480"
    prediction = predict(Scenario.of(**asked, devices="8,64,512", global_batch=batches))
    assert [point.batch_per_device for point in prediction.points] == [400.0, 50.0, 40.0]
    assert "global batch 3200 to 20480, by scale" in prediction.title
    assert prediction.inputs["plan"]["global-batch"] == batches
    with pytest.raises(SpecError, match="must give each of 64 devices a sample, got 32"):
        predict(Scenario.of(**asked, devices="8,64", global_batch="8:3200,64:32"))
