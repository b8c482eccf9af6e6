"""Run by every rank: asynchronous rules with real letters, against what they must keep.

Leaves with status 5 where an invariant does not hold.
"""

import sys
from contextlib import ExitStack
from typing import Any

import numpy as np
from mpi4py import MPI

from nearlinear.measure.placement import Placement
from nearlinear.measure.team import team_of
from nearlinear.measure.training.cast import Cast, cast_roles
from nearlinear.measure.training.data import Synthetic
from nearlinear.measure.training.networks import Network, NetworkSpec
from nearlinear.measure.training.optimiser import Momentum
from nearlinear.measure.training.roles import Gossiper
from nearlinear.measure.training.spec import TrainSpec
from nearlinear.models.training.synchronisation import (
    AsynchronousServer,
    ElasticAveraging,
    Gossip,
    Rule,
    StaleSynchronous,
)  # fmt: skip

DATA = Synthetic(samples=96, held_out=8, height=8, width=8, channels=1)
NETWORK = NetworkSpec(name="mlp", input_shape=(8, 8, 1), width=8)
STEPS, BATCH, RATE = 10, 8, 0.05


def played(comm: Any, rule: Rule) -> tuple[Cast, Any]:
    """Return this rank's role after some steps, and on rank 0 of a rule with a server its weights."""
    spec = TrainSpec(network=NETWORK, data=DATA, batch=BATCH, rule=rule, rate=RATE)
    team = team_of(comm, Placement((0,) * comm.Get_size()), "host", "sleep")
    with ExitStack() as open_:
        cast = cast_roles(team, spec, DATA.build(), open_, comm.Dup())
        cast.role.run(STEPS)
        cast.role.offer()
        return cast, cast.role.result(None) if team.rank == 0 and rule.serves else None


def alone(rule: Any, period: int) -> Any:
    """Return the server's weights of one worker, written out without messages."""
    network, dataset = Network(NETWORK, 0), DATA.build()
    optimiser = Momentum(network.parameter_count, RATE)
    centre, taken = network.weights.copy(), network.weights.copy()
    order, mirrored = dataset.shard(0, 1, 0, 0), dataset.mirrored(0, 0)
    for step in range(STEPS):
        samples = order[step * BATCH : (step + 1) * BATCH]
        images = np.empty((BATCH, 8, 8, 1), np.float32)
        batch = type(dataset.train)(images, np.empty(BATCH, np.int64))
        dataset.prepare(samples, mirrored[samples], batch)
        network.forward_backward(batch.images, batch.labels)
        optimiser.step(network.weights, network.gradients)
        if (step + 1) % period == 0:
            answer = np.array(rule.serve(centre, rule.bring(network.weights, taken)))
            rule.take(network.weights, answer)
            taken[:] = network.weights
    return centre


def main() -> int:
    """Return 0 where all holds."""
    world = MPI.COMM_WORLD
    pair = world.Split(0 if world.Get_rank() < 2 else 1)
    if world.Get_rank() < 2:
        for rule in (
            AsynchronousServer(period=2),
            ElasticAveraging(period=3, elasticity=0.3),
            StaleSynchronous(period=2, staleness=1),
        ):
            _, centre = played(pair, rule)
            if pair.Get_rank() == 0:
                assert np.allclose(centre, alone(rule, rule.period), atol=1e-6), rule
    cast, _ = played(world, Gossip(probability=0.5))
    assert isinstance(cast.role, Gossiper)
    shares = np.array(world.allgather(cast.role.share))
    assert abs(shares.sum() - 1) < 1e-6, shares
    assert (shares != 1 / len(shares)).any(), "nobody has pushed"
    cast, centre = played(world, ElasticAveraging(period=2))
    assert world.Get_rank() > 0 or np.isfinite(centre).all()
    cast, centre = played(world, StaleSynchronous(staleness=0))
    centre = world.bcast(centre)  # all moves of a visit are in before anybody goes on
    if cast.replica is not None:
        assert np.allclose(cast.replica.weights, centre, atol=1e-6), "workers are not together"
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AssertionError as error:
        print(f"rank {MPI.COMM_WORLD.Get_rank()}: {error}", file=sys.stderr, flush=True)
        MPI.COMM_WORLD.Abort(5)
