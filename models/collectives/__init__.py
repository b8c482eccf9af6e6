"""The allreduce algorithms: one file each, holding the schedule as data and the cost in closed form.

To add one: write its file, add a line to ``ALGORITHMS``, a row to ``tests/agreement`` and a row to the
table in ``docs/collectives.md``.
"""

from nearlinear.models.collectives import (
    alltoall_sum_allgather,
    binomial_tree,
    halving_doubling,
    hierarchical,
    paired_tree,
    parameter_server,
    recursive_doubling,
    ring,
)
from nearlinear.models.collectives.algorithm import Algorithm, Choices
from nearlinear.models.errors import SpecError, nearest

ALGORITHMS = {
    a.name: a
    for a in (
        Algorithm(
            name="ring",
            title="ring reduce-scatter + allgather",
            source="Patarasuk and Yuan 2009",
            schedule=ring.schedule,
            time_s=ring.time_s,
            cuts=True,
        ),
        Algorithm(
            name="recursive-doubling",
            title="exchange of the whole vector at distance 1, 2, 4 …",
            source="Thakur, Rabenseifner and Gropp 2005",
            schedule=recursive_doubling.schedule,
            time_s=recursive_doubling.time_s,
            aligned=True,
        ),
        Algorithm(
            name="halving-doubling",
            title="vector halving, then doubling",
            source="Rabenseifner 2004",
            schedule=halving_doubling.schedule,
            time_s=halving_doubling.time_s,
            aligned=True,
        ),
        Algorithm(
            name="tree",
            title="binomial tree reduce + broadcast",
            source="Iandola et al. 2016 (FireCaffe)",
            schedule=binomial_tree.schedule,
            time_s=binomial_tree.time_s,
            aligned=True,
        ),
        Algorithm(
            name="copper",
            title="pairwise tree, an exchange at the top",
            source="Ma, Mao and Taylor 2016 (Theano-MPI)",
            schedule=paired_tree.schedule,
            time_s=paired_tree.time_s,
            aligned=True,
        ),
        Algorithm(
            name="ps",
            title="dedicated parameter servers, one by default",
            source="Iandola et al. 2016 (FireCaffe); Li et al. 2014",
            schedule=parameter_server.schedule,
            time_s=parameter_server.time_s,
            aligned=True,
        ),
        Algorithm(
            name="ps-sharded",
            title="parameter-server shards on the workers, one each by default",
            source="Li et al. 2014",
            schedule=parameter_server.schedule_sharded,
            time_s=parameter_server.time_sharded_s,
            cuts=True,
            aligned=True,
        ),
        Algorithm(
            name="asa",
            title="alltoall, sum, allgather",
            source="Ma, Mao and Taylor 2016 (Theano-MPI)",
            schedule=alltoall_sum_allgather.schedule,
            time_s=alltoall_sum_allgather.time_s,
            cuts=True,
            aligned=True,
        ),
        Algorithm(
            name="hierarchical",
            title="ring inside the node around an allreduce between nodes",
            source="Goyal et al. 2017",
            schedule=hierarchical.schedule,
            time_s=hierarchical.time_s,
            cuts=True,
            nested=True,
        ),
    )
}

__all__ = ["ALGORITHMS", "Algorithm", "Choices", "find"]


def find(name: str, where: str = "--algorithm") -> Algorithm:
    """Return the algorithm called ``name``.

    Raises
    ------
    SpecError
        No such algorithm; the message has the nearest names.
    """
    if name not in ALGORITHMS:
        known = list(ALGORITHMS)
        remedy = nearest(name, known) or f"known are {', '.join(known)}"
        raise SpecError(where, "must be a known algorithm", got=name, remedy=remedy)
    return ALGORITHMS[name]
