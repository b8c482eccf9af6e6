"""BERT counted by hand from its paper: parameters of tables, blocks and heads, and multiply-adds."""

import pytest

from nearlinear.models.dnn import network
from nearlinear.models.errors import SpecError

WORDS, POSITIONS, SEGMENTS = 30_522, 512, 2


def _block(width: int) -> int:
    """Return parameters of a block: four products of the width, a pair of 4 x, two normalisations."""
    return 4 * (width * width + width) + (8 * width * width + 5 * width) + 2 * 2 * width


@pytest.mark.parametrize(("name", "blocks", "width"), [("bert-base", 12, 768), ("bert-large", 24, 1024)])
def test_parameters(name: str, blocks: int, width: int) -> None:
    encoder = (WORDS + POSITIONS + SEGMENTS) * width + 2 * width + blocks * _block(width)
    square = width * width + width
    heads = square + (2 * width + 2) + square + 2 * width + WORDS  # pooler, next sentence, masked words
    assert network(name).parameters == encoder + heads
    assert network(f"{name}-squad").parameters == encoder + 2 * width + 2


def test_multiply_adds_of_a_question() -> None:
    tokens, width = 384, 768
    products = tokens * 12 * width * width + 2 * tokens * tokens * width
    assert network("bert-base-squad-384").macs == 12 * products + tokens * width * 2


def test_lengths_beyond_the_table_of_positions_are_refused() -> None:
    with pytest.raises(SpecError, match="must have at most 512 tokens"):
        network("bert-base-1024")
    assert network("bert-base-128").macs == network("bert-base").macs


def test_totals_need_to_be_totals() -> None:
    with pytest.raises(SpecError, match="must have at least 1000 .*is a K, M or G missing"):
        network("counted-25.6M-4.1G-11.1")
    with pytest.raises(SpecError, match="must be counted with its sizes"):
        network("counted-25.6M-4.1G")
    assert network("counted-25.6M-4.1G-11.1M").parameters == 25_600_000
