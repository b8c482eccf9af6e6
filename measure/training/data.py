"""Labelled images to train on, the order in which ranks see them, and how they are prepared."""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nearlinear.models.arrays import IntArray
from nearlinear.models.errors import AbsentError, SpecError, nearest

Images = NDArray[np.float32]
DIGITS_HELD_OUT = 360  # of 1797, a fifth
COARSE = 4  # squares per side in the template of a synthetic class
ORDER, MIRRORS = 0, 1  # what a random stream is for


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples that a network takes at once.

    Attributes
    ----------
    images : ndarray of float32, shape (samples, height, width, channels)
    labels : ndarray of int64, shape (samples,)
    """

    images: Images
    labels: IntArray


@dataclass(frozen=True, slots=True)
class Dataset:
    """Images as they were read, with the mean of those to train on.

    Attributes
    ----------
    train, test : Batch
        Not prepared yet.
    classes : int
        Labels are below it.
    mirror : bool
        Whether an image and its mirror image mean the same; digits do not.
    mean_image : ndarray of float32, shape (height, width, channels)
        Over the samples to train on.
    """

    train: Batch
    test: Batch
    classes: int
    mirror: bool
    mean_image: Images = field(init=False)

    def __post_init__(self) -> None:
        """Take the mean image."""
        object.__setattr__(self, "mean_image", self.train.images.mean(axis=0))

    def shard(self, rank: int, ranks: int, seed: int, epoch: int) -> IntArray:
        """Return which samples one rank sees in an epoch, in order.

        All ranks shuffle alike and take every ``ranks``-th sample, so that the next b samples of p ranks
        together are the next p b samples of one rank alone. What does not fill all ranks is left out.
        """
        order = np.random.default_rng([seed, epoch, ORDER]).permutation(len(self.train.labels))
        return order[: len(order) - len(order) % ranks][rank::ranks]

    def mirrored(self, seed: int, epoch: int) -> NDArray[np.bool_]:
        """Return which samples are mirrored in an epoch, shape (samples to train on,).

        The choice belongs to the sample and not to the rank, so that it does not change with the ranks.
        """
        samples = len(self.train.labels)
        drawn = np.random.default_rng([seed, epoch, MIRRORS]).random(samples) < 0.5
        return drawn if self.mirror else np.zeros(samples, np.bool_)

    def prepare(self, samples: IntArray, mirrored: NDArray[np.bool_], out: Batch) -> None:
        """Write samples into ``out``: less the mean image, and mirrored left to right where asked.

        Parameters
        ----------
        samples : ndarray of int, shape (n,)
            Which of those to train on.
        mirrored : ndarray of bool, shape (n,)
            Which of them to mirror.
        out : Batch
            Arrays of n samples.
        """
        np.subtract(self.train.images[samples], self.mean_image, out=out.images)
        out.images[mirrored] = out.images[mirrored, :, ::-1]
        out.labels[:] = self.train.labels[samples]

    def prepared_test(self) -> Batch:
        """Return all test samples, less the mean image."""
        return Batch(self.test.images - self.mean_image, self.test.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """The 1797 handwritten digits of 8 x 8 pixels that come with scikit-learn.

    Attributes
    ----------
    seed : int
        Decides which fifth is for testing; as they come, the last were written by other people.
    """

    name: ClassVar[str] = "digits"
    shape: ClassVar[tuple[int, int, int]] = (8, 8, 1)
    classes: ClassVar[int] = 10
    seed: int = 0

    def build(self) -> Dataset:
        """Return the digits, with values from 0 to 1.

        Raises
        ------
        AbsentError
            scikit-learn is not installed.

        References
        ----------
        Alpaydin and Kaynak 1998, "Optical recognition of handwritten digits", UCI repository.
        """
        try:
            from sklearn.datasets import load_digits
        except ModuleNotFoundError:
            rule, remedy = "needs scikit-learn", "pip install scikit-learn"
            raise AbsentError("digits", rule, remedy=remedy) from None
        images, labels = load_digits(return_X_y=True)
        order = np.random.default_rng(self.seed).permutation(len(labels))
        images = (images[order] / 16).astype(np.float32).reshape(-1, *self.shape)
        labels, held = labels[order].astype(np.int64), DIGITS_HELD_OUT
        test = Batch(images[:held], labels[:held])
        return Dataset(Batch(images[held:], labels[held:]), test, self.classes, mirror=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """Images made from a seed: the template of a class plus noise.

    Attributes
    ----------
    samples, held_out : int
        Images to train on and to test with.
    height, width, channels : int
        Of an image, in pixels.
    classes : int
        Labels are drawn evenly from so many.
    noise : float
        Standard deviation of the noise, where templates have 1.
    seed : int
        Of templates, labels and noise.
    """

    name: ClassVar[str] = "synthetic"
    samples: int = 2048
    held_out: int = 512
    height: int = 32
    width: int = 32
    channels: int = 3
    classes: int = 10
    noise: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an empty data set."""
        if min(self.samples, self.held_out, *self.shape, self.classes) < 1 or self.noise < 0:
            raise SpecError("synthetic", "counts and sizes must be > 0, noise >= 0", got=asdict(self))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return height, width and channels."""
        return self.height, self.width, self.channels

    def build(self) -> Dataset:
        """Return the images; templates are coarse, so that pooling leaves them visible."""
        random = np.random.default_rng(self.seed)
        coarse = random.standard_normal((self.classes, COARSE, COARSE, self.channels), np.float32)
        rows = np.arange(self.height) * COARSE // self.height
        columns = np.arange(self.width) * COARSE // self.width
        templates = coarse[:, rows[:, None], columns]
        train, test = (self._draw(random, templates, count) for count in (self.samples, self.held_out))
        return Dataset(train, test, self.classes, mirror=True)

    def _draw(self, random: np.random.Generator, templates: Images, count: int) -> Batch:
        labels = random.integers(self.classes, size=count, dtype=np.int64)
        images = random.standard_normal((count, *self.shape), np.float32)
        images *= np.float32(self.noise)
        images += templates[labels]
        images /= np.float32(np.hypot(1.0, self.noise))  # pixels vary as much whatever the noise
        return Batch(images, labels)


DataSpec = Digits | Synthetic
DATASETS: dict[str, type[DataSpec]] = {kind.name: kind for kind in (Digits, Synthetic)}


def data_spec(name: str, **fields: Any) -> DataSpec:
    """Return the spec of a data set by its name.

    Raises
    ------
    SpecError
        There is none of that name.
    """
    if name not in DATASETS:
        raise SpecError("data set", "must be known", got=name, remedy=nearest(name, [*DATASETS]))
    return DATASETS[name](**fields)
