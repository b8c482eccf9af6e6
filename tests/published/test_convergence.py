"""Epochs to the target against runs that MLPerf Training published.

Facts from result logs of mlcommons/training_results_v* (not verified by MLCommons): ResNet-50 on ImageNet to
75.9 % top-1, as (round, global batch, epochs at which the median run stopped).
"""

import numpy as np

from nearlinear.models.economics.convergence import samples_to_target
from nearlinear.models.economics.goal import goals

RESNET = (
    ("v3.0", 3200, 35), ("v2.0", 5120, 40), ("v1.0", 6144, 40), ("v1.1", 10240, 45), ("v1.1", 13056, 45),
    ("v3.0", 20480, 50), ("v3.0", 32256, 56), ("v2.0", 35840, 60), ("v4.0", 40448, 70), ("v3.1", 57344, 77),
    ("v2.0", 67456, 86),
)  # fmt: skip
MEDIAN, WORST = 0.06, 0.20  # relative error; evaluation every few epochs alone rounds by 5 %


def test_epochs_of_resnet_50() -> None:
    curve = goals()["resnet"].curve
    _, batches, epochs = zip(*RESNET, strict=True)
    predicted = samples_to_target(np.array(batches, float), curve.minimum.value, curve.critical_batch.value)
    error = np.abs(predicted / np.array(epochs) - 1.0)
    assert np.median(error) < MEDIAN
    assert error.max() < WORST
    # one number of epochs at every batch would be off by far more
    assert np.median(np.abs(np.median(epochs) / np.array(epochs) - 1.0)) > 2 * MEDIAN


def test_the_target_says_what_it_was_fitted_to() -> None:
    resnet = goals()["resnet"]
    assert resnet.networks == ("resnet-50",)
    assert resnet.curve.batches == (408, 67456)
    assert resnet.epoch_samples is not None
    assert resnet.epoch_samples.value == 1_281_167  # Russakovsky et al. 2015, table 2
