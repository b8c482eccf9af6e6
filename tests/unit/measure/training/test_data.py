"""Data sets, the order of samples, and how they are prepared."""

import sys

import numpy as np
import pytest

from nearlinear.measure.training.data import Batch, Dataset, Digits, Synthetic, data_spec
from nearlinear.models.errors import AbsentError, SpecError

SMALL = Synthetic(samples=50, held_out=7, height=6, width=5, channels=2, classes=3)


@pytest.mark.parametrize(("ranks", "size"), [(2, 8), (3, 5), (5, 1)])
def test_shards_together_are_the_batches_of_one_rank(ranks: int, size: int) -> None:
    dataset = SMALL.build()
    alone = dataset.shard(0, 1, seed=9, epoch=2)
    shards = [dataset.shard(rank, ranks, seed=9, epoch=2) for rank in range(ranks)]
    for step in range(50 // (ranks * size)):
        together = np.concatenate([shard[step * size : (step + 1) * size] for shard in shards])
        assert sorted(together) == sorted(alone[step * ranks * size : (step + 1) * ranks * size])


def test_an_epoch_sees_every_sample_once_in_an_order_of_its_own() -> None:
    dataset = SMALL.build()
    orders = [dataset.shard(0, 1, seed, epoch).tolist() for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_shards_are_equally_long() -> None:
    dataset = SMALL.build()
    assert [len(dataset.shard(rank, 4, seed=0, epoch=0)) for rank in range(4)] == [12] * 4  # 50 // 4


def test_preparation_by_hand() -> None:
    images = np.array([[1, 2], [5, 8]], np.float32).reshape(2, 1, 2, 1)
    labels = np.array([0, 1])
    dataset = Dataset(Batch(images, labels), Batch(images[:1], labels[:1]), classes=2, mirror=True)
    assert dataset.mean_image.ravel().tolist() == [3, 5]
    out = Batch(np.empty((2, 1, 2, 1), np.float32), np.empty(2, np.int64))
    dataset.prepare(np.array([1, 0]), np.array([True, False]), out)
    assert out.images.reshape(2, 2).tolist() == [[3, 2], [-2, -3]]  # the first is mirrored
    assert out.labels.tolist() == [1, 0]
    assert dataset.prepared_test().images.ravel().tolist() == [-2, -3]


def test_about_half_of_the_images_are_mirrored_anew_in_each_epoch() -> None:
    dataset = Synthetic(samples=1000, height=1, width=1, channels=1).build()
    first, second = dataset.mirrored(seed=0, epoch=0), dataset.mirrored(seed=0, epoch=1)
    assert 400 < first.sum() < 600  # 6 standard deviations
    assert (first != second).any()


def test_synthetic_images_have_the_wanted_shape_and_come_from_the_seed() -> None:
    one, same, other = SMALL.build(), SMALL.build(), Synthetic(samples=50, seed=1).build()
    assert one.train.images.shape == (50, 6, 5, 2)
    assert one.test.images.shape == (7, 6, 5, 2)
    assert [str(a.dtype) for a in (one.train.images, one.train.labels)] == ["float32", "int64"]
    assert set(one.train.labels.tolist()) == {0, 1, 2}
    assert (one.train.images == same.train.images).all()
    assert (one.train.labels != other.train.labels).any()


def test_without_noise_images_of_a_class_are_equal() -> None:
    batch = Synthetic(samples=20, classes=2, noise=0.0).build().train
    for label in (0, 1):
        images = batch.images[batch.labels == label]
        assert (images == images[0]).all()


def test_digits() -> None:
    pytest.importorskip("sklearn")
    dataset = Digits().build()
    assert dataset.train.images.shape == (1437, 8, 8, 1)
    assert dataset.test.images.shape == (360, 8, 8, 1)
    assert (dataset.train.images.min(), dataset.train.images.max()) == (0, 1)
    assert not dataset.mirrored(seed=0, epoch=0).any()


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(AbsentError) as caught:
        Digits().build()
    assert str(caught.value) == "digits: needs scikit-learn; pip install scikit-learn"


def test_data_sets_by_name() -> None:
    assert data_spec("synthetic", samples=3) == Synthetic(samples=3)
    with pytest.raises(SpecError, match="data set: must be known, got 'digit'; did you mean digits?"):
        data_spec("digit")
    with pytest.raises(SpecError, match="counts and sizes must be > 0"):
        Synthetic(samples=0)
