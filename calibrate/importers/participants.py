"""How many ranks and nodes a run had that does not say it: from the user, or from the launcher's words.

Logs of MPI benchmarks print neither; a command line above the results often tells both.
"""

import re
import shlex
from dataclasses import dataclass

from nearlinear.calibrate.importers.imported import Hints
from nearlinear.calibrate.importers.printed import whole
from nearlinear.models.errors import ContentError

LAUNCHERS = ("srun", "flux", "jsrun", "mpirun", "mpiexec", "prterun", "mpiexec.hydra", "aprun", "ibrun")
RANKS = ("-n", "-np", "--np", "--ntasks", "--n")
NODES = ("-N", "--nodes")
PER_NODE = ("-ppn", "--ppn", "-npernode", "--npernode", "--ntasks-per-node", "--tasks-per-node", "-perhost")
MAPPED = re.compile(r"\bppr:(\d{1,9}):node\b")
MPIRUN = ("mpirun", "mpiexec", "prterun", "aprun")  # whose -N counts ranks of a node


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a command line says; 0 where it says nothing.

    Attributes
    ----------
    ranks, nodes, per_node : int
        Of the run.
    """

    ranks: int = 0
    nodes: int = 0
    per_node: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Participants:
    """Ranks and nodes of a test, and what says so."""

    ranks: int
    nodes: int
    known_from: str


def launch_of(line: str) -> Launch | None:
    """Return what the words of a launcher say, ``None`` without one.

    Examples
    --------
    >>> launch_of("$ srun -N2 -n8 ./osu_allreduce")
    Launch(ranks=8, nodes=2, per_node=0)
    >>> launch_of("time jsrun -n 4 -a 2 -r 1 osu_latency")
    Launch(ranks=8, nodes=0, per_node=2)
    """
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    place = next((i for i, word in enumerate(words) if word.rpartition("/")[2] in LAUNCHERS), None)
    if place is None:
        return None
    launcher, options = words[place].rpartition("/")[2], _options(words[place + 1 :])
    if launcher == "jsrun":
        sets, tasks, on_host = options.get("-n", 0), options.get("-a", 1), options.get("-r", 0)
        return Launch(ranks=sets * tasks, per_node=on_host * tasks)
    per_node = _first(options, PER_NODE)
    mapped = MAPPED.search(line)
    per_node = int(mapped[1]) if mapped else per_node
    if launcher in MPIRUN:
        return Launch(ranks=_first(options, RANKS), per_node=per_node or options.get("-N", 0))
    nodes = _first(options, NODES)
    return Launch(ranks=_first(options, RANKS) or nodes * max(per_node, 1), nodes=nodes, per_node=per_node)


def _options(words: list[str]) -> dict[str, int]:
    """Return options with a whole number, as ``-n 4``, ``-n4`` or ``--ntasks=4``."""
    found: dict[str, int] = {}
    for word, following in zip(words, [*words[1:], ""], strict=False):
        glued = re.match(r"^(--?[A-Za-z-]+?)=?(\d{1,9})$", word, re.ASCII)
        if glued:
            found.setdefault(glued[1], int(glued[2]))
        elif word.startswith("-") and (count := whole(following)) is not None:
            found.setdefault(word, count)
    return found


def _first(options: dict[str, int], names: tuple[str, ...]) -> int:
    return next((options[name] for name in names if name in options), 0)


def participants(
    where: str, hints: Hints, launch: Launch | None, ranks: int = 0, known_from: str = ""
) -> Participants:
    """Return ranks and nodes of a test: what the user says wins, then the log, then the launcher.

    Parameters
    ----------
    where : str
        For errors.
    ranks, known_from : int, str
        What the log itself or the nature of the test says of the ranks.

    Raises
    ------
    ContentError
        Nothing tells.
    """
    launch = launch or Launch()
    if not ranks:
        ranks, known_from = (
            (hints.ranks, "--ranks") if hints.ranks else (launch.ranks, "the launcher's words")
        )
    if not ranks:
        raise ContentError(where, "the log does not say how many ranks took part", remedy="say --ranks 16")
    if hints.per_node:
        nodes = -(-ranks // hints.per_node)
    elif launch.nodes:
        nodes = min(launch.nodes, ranks)
    elif launch.per_node:
        nodes = -(-ranks // launch.per_node)
    else:
        remedy = f"say --per-node 1 for {ranks} nodes, --per-node {ranks} for one"
        raise ContentError(where, f"the log does not say how its {ranks} ranks sat on nodes", remedy=remedy)
    return Participants(ranks=ranks, nodes=nodes, known_from=known_from)
