"""Momentum by hand, and in parts."""

import numpy as np

from nearlinear.measure.training.optimiser import Momentum


def test_two_steps_by_hand() -> None:
    # v = 4, w = 10 - 0.5 x 4 = 8; then v = 0.5 x 4 + 2 = 4, w = 8 - 0.5 x 4 = 6.
    weights, optimiser = np.array([10.0], np.float32), Momentum(1, rate=0.5, momentum=0.5)
    optimiser.step(weights, np.array([4.0], np.float32))
    assert weights.tolist() == [8.0]
    optimiser.step(weights, np.array([2.0], np.float32))
    assert weights.tolist() == [6.0]
    assert optimiser.velocity.tolist() == [4.0]


def test_decay_pulls_weights_to_zero_and_leaves_gradients() -> None:
    # v = 1 + 0.25 x 8 = 3, w = 8 - 0.5 x 3.
    weights, gradients = np.array([8.0], np.float32), np.array([1.0], np.float32)
    Momentum(1, rate=0.5, decay=0.25).step(weights, gradients)
    assert weights.tolist() == [6.5]
    assert gradients.tolist() == [1.0]


def test_parts_make_a_whole_step() -> None:
    random = np.random.default_rng(0)
    whole = random.standard_normal(10).astype(np.float32)
    parts = whole.copy()
    one, other = Momentum(10, rate=0.1, decay=0.1), Momentum(10, rate=0.1, decay=0.1)
    for _ in range(3):
        gradients = random.standard_normal(10).astype(np.float32)
        one.step(whole, gradients)
        other.step(parts, gradients, 6, 10)
        other.step(parts, gradients, stop=6)
    assert parts.tolist() == whole.tolist()
