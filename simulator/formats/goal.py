"""GOAL: what every rank does, as text, in the format of LogGOPSim.

    num_ranks 2
    rank 0 {
      a: calc 100
      b: send 1024b to 1 tag 5
      b requires a
    }
    rank 1 {
      recv 1024b from 0 tag 5 cpu 1
    }

One statement a line; ``//``, ``#`` and ``/* */`` are comments. Computes are in nanoseconds; tag and cpu are
0 where none is given. Labels hold within a rank. ``requires`` waits until an operation is done,
``irequires`` until it begins.

Two things differ from LogGOPSim. Every cpu of a rank is a stream that begins its operations in the order of
the file, whereas LogGOPSim begins whatever is free; and a receive holds its stream. What LogGOPSim may put
before, a file must put before, or on another cpu; otherwise the engines report a deadlock. A receive is
expected together with the receive just before it on its cpu, unless it requires something. A rank has one
adapter, so that ``nic`` can only be 0, and wildcards (-1) are refused: messages are matched in file order.

Written files spell out the order of streams, for readers that begin whatever is free: an operation requires
the compute before it, or all receives of the group before it, and ``irequires`` the send before it. A fence
requires the sends since the last one. Receives that are expected together follow each other with nothing
but ``irequires``. A stream that begins late begins with a ``calc``. Tags count the messages of a pair of
ranks, so that they meet as they did. Labels, prices and links are not kept.

References
----------
Hoefler, Siebert and Lumsdaine 2009, "Group Operation Assembly Language"; spcl/LogGOPSim,
src/LogGOPSim/txt2bin.re (grammar).
"""

from functools import partial
from pathlib import Path

from nearlinear.models.errors import SpecError
from nearlinear.models.whole_file import write_whole
from nearlinear.simulator.formats.goal_reader import MOST_CHARACTERS, Reader
from nearlinear.simulator.formats.goal_writer import check, lines
from nearlinear.simulator.programs.program import Program


def read_goal(path: Path) -> Program:
    """Return the program of a GOAL file, without prices other than sizes.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    SpecError
        The file is missing or unreadable.
    ContentError
        A line that is not GOAL; ranks, sizes or labels that cannot be; a send or receive without its
        partner; labels that require each other in a circle. The message has the line.
    """
    reader = Reader(path)
    try:
        with path.open(encoding="latin-1", newline="\n") as file:
            for line in iter(partial(file.readline, MOST_CHARACTERS + 1), ""):
                reader.take(line)
    except OSError as error:
        raise SpecError(str(path), f"must be a readable file ({error.strerror})") from None
    return reader.program()


def write_goal(program: Program, path: Path) -> None:
    """Write a program as a GOAL file, times rounded to nanoseconds.

    Parameters
    ----------
    program : Program
        Its waits stay within a rank.
    path : Path
        The file.

    Raises
    ------
    ContentError
        An operation waits for another rank, or waits although it is expected with the receive before it;
        the file cannot be written.
    """
    check(program, str(path))
    write_whole(path, lambda file: file.writelines(line.encode() for line in lines(program)))
