"""Types of elements, and the integers that sums are checked with."""

import numpy as np
import pytest

from nearlinear.measure.elements import ELEMENTS, element_type
from nearlinear.measure.pattern import DIGITS, Pattern
from nearlinear.models.errors import SpecError


def test_bfloat16_by_hand() -> None:
    """1 + 2^-8 lies between 1 and 1 + 2^-7 and goes to the even one; three quarters go up."""
    kind = element_type("bfloat16")
    values = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-9, -2.5, 0.0], dtype=np.float32)
    assert kind.of_float(np, values).tolist() == [0x3F80, 0x3F80, 0x3F81, 0xC020, 0]
    assert kind.to_float(kind.of_float(np, values)).tolist() == [1.0, 1.0, 1 + 2**-7, -2.5, 0.0]


@pytest.mark.parametrize("name", ELEMENTS)
@pytest.mark.parametrize("wire", ELEMENTS)
def test_adding_and_storing_across_types(name: str, wire: str) -> None:
    element, other = element_type(name), element_type(wire)
    target = element.of_float(np, np.array([1.0, 2.0, 100.0], dtype=np.float32))
    landed = other.of_float(np, np.array([3.0, 5.0, 28.0], dtype=np.float32))
    element.add(np, target, landed, other)
    assert element.to_float(target).tolist() == [4.0, 7.0, 128.0]
    element.put(np, target, landed, other)
    assert element.to_float(target).tolist() == [3.0, 5.0, 28.0]


def test_16_bit_messages_are_added_in_32_bits() -> None:
    """2048 + 1 has no 16-bit float; the sum must keep it."""
    target = np.array([2048.0], dtype=np.float32)
    element_type("float32").add(np, target, np.array([1.0], np.float16), element_type("float16"))
    assert target.tolist() == [2049.0]


def test_unknown_type() -> None:
    with pytest.raises(SpecError, match="--dtype: must be a known element type, got 'flaot32'; did you mean"):
        element_type("flaot32")


@pytest.mark.parametrize("name", ELEMENTS)
@pytest.mark.parametrize("ranks", [1, 2, 5, 7, 8, 20, 5000])
def test_sums_stay_exact(name: str, ranks: int) -> None:
    kind = element_type(name)
    pattern = Pattern.exact(ranks, kind.exact)
    summed = np.sum([pattern.own(np, rank, 30).astype(float) for rank in range(ranks)], axis=0)
    assert (pattern.total(np, ranks, 30) == summed).all()
    assert summed.max() <= kind.exact
    assert (kind.to_float(kind.of_float(np, pattern.total(np, ranks, 30))) == summed).all()


def test_parts_of_the_pattern() -> None:
    pattern = Pattern.exact(3, 2**24)
    assert pattern.period == DIGITS
    assert pattern.own(np, 2, 4, first=3).tolist() == pattern.own(np, 2, 7).tolist()[3:]
    assert pattern.total(np, 3, 4, first=3).tolist() == pattern.total(np, 3, 7).tolist()[3:]
    assert pattern.own(np, 0, 0).tolist() == []
