"""Synchronous training on ranks that are threads: as many replicas as one may like, one result."""

from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from nearlinear.measure.team import Team
from nearlinear.measure.training.cast import cast_roles
from nearlinear.measure.training.data import Synthetic
from nearlinear.measure.training.exchanges import OverlappedExchange, Summing, bucket_spans
from nearlinear.measure.training.networks import NetworkSpec
from nearlinear.measure.training.spec import TrainSpec
from nearlinear.measure.transports.buffers import HOST
from nearlinear.models.collectives import ALGORITHMS
from nearlinear.models.errors import SpecError
from nearlinear.models.training.synchronisation import BulkSynchronous, ElasticAveraging
from tests.threads import ThreadTransport, in_pairs, on_threads

DATA = Synthetic(samples=96, held_out=8, height=8, width=8, channels=1)
NETWORK = NetworkSpec(name="mlp", input_shape=(8, 8, 1), width=24)
STEPS = 4


def _spec(batch: int, **more: Any) -> TrainSpec:
    values: dict[str, Any] = {"rule": BulkSynchronous(), "algorithm": "vendor", "rate": 0.05} | more
    return TrainSpec(network=NETWORK, data=DATA, batch=batch, **values)


def _weights(ranks: int, spec: TrainSpec, steps: int = STEPS) -> list[Any]:
    """Return the weights of every worker after some steps."""
    dataset = DATA.build()

    def part(transport: ThreadTransport) -> Any:
        team = Team(comm=None, transport=transport, control=transport, placement=in_pairs(ranks),
                    waiting="poll")  # fmt: skip
        with ExitStack() as open_:
            cast = cast_roles(team, spec, dataset, open_)
            times = cast.role.run(steps)
            assert len(times) == (steps if cast.replica else 0)
            return None if cast.replica is None else cast.replica.weights.copy()

    return [weights for weights in on_threads(ranks, HOST, part) if weights is not None]


@pytest.fixture
def alone() -> Any:
    """The weights of one worker that takes 12 images a step."""
    (weights,) = _weights(1, _spec(12))
    return weights


@pytest.mark.parametrize("algorithm", ["vendor", *ALGORITHMS])
def test_four_replicas_train_as_one(algorithm: str, alone: Any) -> None:
    workers = _weights(4 + (algorithm == "ps"), _spec(3, algorithm=algorithm))
    assert len(workers) == 4
    assert all((weights == workers[0]).all() for weights in workers)
    assert np.allclose(workers[0], alone, atol=1e-5)


@pytest.mark.parametrize("bucket_bytes", [0.0, 1000.0, 4000.0])
@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("algorithm", ["ring", "ps"])
def test_buckets_and_overlap_change_nothing(
    algorithm: str, overlap: bool, bucket_bytes: float, alone: Any
) -> None:
    spec = _spec(4, algorithm=algorithm, overlap=overlap, bucket_bytes=bucket_bytes)
    for weights in _weights(3 + (algorithm == "ps"), spec):
        assert np.allclose(weights, alone, atol=1e-5)


def test_half_precision_on_the_wire_comes_close_and_replicas_stay_equal(alone: Any) -> None:
    workers = _weights(4, _spec(3, algorithm="asa", wire_dtype="float16"))
    assert all((weights == workers[0]).all() for weights in workers)
    assert np.allclose(workers[0], alone, atol=2e-3)
    assert not np.allclose(workers[0], alone, atol=1e-7)


def test_averaging_weights_now_and_then() -> None:
    """After the fourth step all are equal, after the third they are not."""
    spec = _spec(3, rule=BulkSynchronous(averages="weights", period=2), algorithm="ring")
    together, apart = _weights(2, spec, steps=4), _weights(2, spec, steps=3)
    assert (together[0] == together[1]).all()
    assert (apart[0] != apart[1]).any()


def test_averaging_weights_every_step_without_momentum_is_averaging_gradients(alone: Any) -> None:
    plain = _weights(1, _spec(12, momentum=0.0))[0]
    spec = _spec(4, rule=BulkSynchronous(averages="weights"), momentum=0.0, algorithm="tree")
    for weights in _weights(3, spec):
        assert np.allclose(weights, plain, atol=1e-5)
    assert not np.allclose(plain, alone, atol=1e-5)


def test_buckets_by_hand() -> None:
    """Layers of 10, 20 and 30 elements, last first: 120, 80 and 40 bytes."""
    bounds = [(0, 10), (10, 30), (30, 60)]
    assert bucket_spans(bounds, None) == [(0, 60)]
    assert bucket_spans(bounds, 0.0) == [(30, 60), (10, 30), (0, 10)]
    assert bucket_spans(bounds, 120.0) == [(30, 60), (0, 30)]
    assert bucket_spans(bounds, 121.0) == [(10, 60), (0, 10)]
    assert bucket_spans(bounds, 1e9) == [(0, 60)]


def test_an_error_in_the_thread_of_the_exchange_is_heard() -> None:
    class Failing(Summing):
        def run(self, span: Any) -> None:
            raise OSError("the link is gone")

    def part(transport: ThreadTransport) -> None:
        spans, vector = [(0, 4)], np.zeros(4, np.float32)
        exchange = OverlappedExchange(transport, Failing(transport, None, "", vector, spans), spans)
        exchange.on_layer(0, 4)
        with pytest.raises(OSError, match="the link is gone"):
            exchange.finish()

    on_threads(1, HOST, part)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"rule": ElasticAveraging(), "overlap": True}, "--rule: --algorithm, --bucket and --overlap belong"),
        ({"wire_dtype": "float16"}, "--wire: needs rounds of our own, got 'float16'"),
        (
            {"rule": BulkSynchronous(averages="weights"), "overlap": True},
            "--overlap: needs gradients, weights are ready all at once",
        ),
    ],
)
def test_combinations_that_would_be_ignored(more: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        _spec(4, **more)
    assert message in str(caught.value)


def test_ranks_that_cannot_play() -> None:
    with pytest.raises(SpecError, match="--algorithm: must be such that 3 ranks on 1 node can play"):
        _weights(3, _spec(3, algorithm="hierarchical"))
