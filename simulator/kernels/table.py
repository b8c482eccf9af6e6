"""Columns of the table of packed phases, and how indices advance from round to round."""

from nearlinear.models.arrays import Integers

KIND, ROUNDS, FIRST, COUNT, CHUNK, LONGER, RUNS, RUN_COUNT, EVEN = 0, 1, 2, 3, 4, 5, 6, 7, 8
SOURCE_SHIFT, SOURCE_CYCLE, SOURCE_BASE = 9, 10, 11
DESTINATION_SHIFT, DESTINATION_CYCLE, DESTINATION_BASE = 12, 13, 14
CHUNK_SHIFT, CHUNK_CYCLE, CHUNK_BASE, INCOMING = 15, 16, 17, 18
COLUMNS = 19
LIST, PERMUTATION = 0, 1


def turn(index: Integers, base: Integers, first: int, shift: int, cycle: int) -> None:
    """Advance indices by ``shift`` within their cycles, which begin at ``base[first:]``."""
    if shift == 0:
        return
    for i in range(len(index)):
        moved = index[i] + shift
        index[i] = moved - cycle if moved >= base[first + i] + cycle else moved


def turn_all(
    phase: Integers, source: Integers, destination: Integers, place: Integers, base: Integers
) -> None:
    """Advance the peers and chunks of a list to its next round."""
    turn(source, base, phase[SOURCE_BASE], phase[SOURCE_SHIFT], phase[SOURCE_CYCLE])
    turn(destination, base, phase[DESTINATION_BASE], phase[DESTINATION_SHIFT], phase[DESTINATION_CYCLE])
    if len(place):
        turn(place, base, phase[CHUNK_BASE], phase[CHUNK_SHIFT], phase[CHUNK_CYCLE])
