"""What one message costs, by hand."""

import numpy as np
import pytest

from nearlinear.models.hardware.message import LinkCost, Residual


def test_one_piece(link: LinkCost) -> None:
    # 1 us + 1e6 B / 1e9 B/s = 1.001 ms; adding 1e6 B x 0.1 ns = 0.1 ms
    assert link.transfer_s(1e6).item() == pytest.approx(1.001e-3, rel=1e-12)
    assert link.reduce_s(1e6).item() == pytest.approx(1e-4, rel=1e-12)
    assert link.transfer_s(0).item() == pytest.approx(1e-6, rel=1e-12)


def test_only_bytes_are_shared(link: LinkCost) -> None:
    # four times slower: 1 us + 4 x 1 ms
    assert link.transfer_s(1e6, 4.0).item() == pytest.approx(4.001e-3, rel=1e-12)


def test_pieces_join_without_a_jump() -> None:
    cost = LinkCost(
        latency_s=np.array(1e-6),
        seconds_per_byte=(np.array(1e-9), np.array(4e-9)),
        break_bytes=(1000.0,),
        reduction_s_per_byte=np.array(0.0),
    )
    # 1 us + 1000 x 1 ns + 500 x 4 ns = 4 us
    assert cost.transfer_s(1500.0).item() == pytest.approx(4e-6, rel=1e-12)
    assert cost.transfer_s(1000.0).item() == pytest.approx(2e-6, rel=1e-12)


def test_samples_and_sizes_broadcast() -> None:
    cost = LinkCost(
        latency_s=np.array([[1.0], [2.0]]),
        seconds_per_byte=(np.array([[1.0], [10.0]]),),
        reduction_s_per_byte=np.zeros((2, 1)),
    )
    assert cost.transfer_s(np.array([0.0, 1.0, 2.0])).tolist() == [[1.0, 2.0, 3.0], [2.0, 12.0, 22.0]]


def test_terms_can_be_taken_out(link: LinkCost) -> None:
    assert link.without(latency=True).transfer_s(1e6).item() == pytest.approx(1e-3, rel=1e-12)
    assert link.without(bandwidth=True).transfer_s(1e6).item() == pytest.approx(1e-6, rel=1e-12)
    assert link.without(reduction=True).reduce_s(1e6).item() == 0.0


def test_the_residual_is_a_factor_that_widens_above_the_measured_sizes() -> None:
    residual = Residual(z=np.array([[1.0]]), spread=0.1, spread_per_octave=0.2, high_bytes=1024.0)
    cost = LinkCost(
        latency_s=np.array([[0.0]]), seconds_per_byte=(np.array([[1e-9]]),),
        reduction_s_per_byte=np.zeros((1, 1)),
        residual=residual,
    )  # fmt: skip
    assert cost.transfer_s(1024.0).item() == pytest.approx(1024e-9 * np.exp(0.1), rel=1e-12)
    # two octaves above: the 3,072 bytes beyond are exp(2 x 0.2) times as slow
    expected = (1024e-9 + 3072e-9 * np.exp(0.4)) * np.exp(0.1)
    assert cost.transfer_s(4096.0).item() == pytest.approx(expected, rel=1e-12)


def test_the_residual_acts_on_transfers(link: LinkCost) -> None:
    doubled = LinkCost(
        latency_s=link.latency_s,
        seconds_per_byte=link.seconds_per_byte,
        reduction_s_per_byte=link.reduction_s_per_byte,
        residual=Residual(z=np.array([[np.log(2.0)]]), spread=1.0),
    )
    assert doubled.transfer_s(1e6).item() == pytest.approx(2 * 1.001e-3, rel=1e-12)
