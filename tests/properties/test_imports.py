"""Damaged logs: an error with its line, or the numbers that were there; never a traceback, never another.

Rows of nccl-tests, its JSON, mbw_mr, PingPong and tables with bandwidths say everything twice, so that a
number that was changed beyond its last digits is noticed. What has no redundancy, and what the tests allow
for it: a lone latency (OSU, CSV without bandwidths, no byte) may become another number; a mean with least
and most beside it may move between them; a size that is no longer twice the one before, and a time that
changed places with its rate, are told in a note.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nearlinear.calibrate.importers import IMPORTERS, Hints, Imported
from nearlinear.measure.records import Sample
from nearlinear.models.errors import NearlinearError
from tests.unit.calibrate import lookalikes as made

ROW = re.compile(r"^\s*(?:\||all_?reduce,(?:float,)?)?\s*\d")
LETTERS = '0123456789.eE-+ |,#xN/"\u00b2'
SHARP, MEANS, NOTHING = 0.01, 0.35, float("inf")
GAPS = "not twice the one before"
FAR = "times far from those of half and twice the size"


@dataclass(frozen=True, slots=True)
class Case:
    """A log, what must be said of it, and how far a time may move without being noticed."""

    form: str
    text: str
    hints: Hints
    moves: float


PLAIN_CSV = "collective,nranks,nnodes,size_bytes,time_us\n" + "".join(
    f"allreduce,8,1,{size},{time:.2f}\n" for size, time in made.TIMES_US.items()
)
PLACES = Hints(ranks=8, per_node=8)
CASES = {
    "nccl-tests": Case("nccl-tests", made.nccl(), PLACES, SHARP),
    "nccl-tests allgather": Case("nccl-tests", made.nccl("all_gather"), PLACES, SHARP),
    "json": Case("nccl-tests-json", made.nccl_json(), PLACES, SHARP),
    "osu latency": Case("osu", made.osu_latency(), Hints(per_node=1), NOTHING),
    "osu allreduce": Case("osu", made.osu_allreduce(), Hints(ranks=16, per_node=4), MEANS),
    "osu mbw_mr": Case("osu", made.osu_mbw_mr(), Hints(per_node=2), SHARP),
    "imb pingpong": Case("imb", made.imb_pingpong(), PLACES, SHARP),
    "imb allreduce": Case("imb", made.imb_collective(), PLACES, MEANS),
    "all_reduce_bench": Case("all-reduce-bench", made.all_reduce_bench(), PLACES, SHARP),
    "csv": Case("csv", made.csv_table(), PLACES, SHARP),
    "csv of times": Case("csv", PLAIN_CSV, PLACES, NOTHING),
}


def _read(case: Case, text: str) -> Imported | None:
    """Return what is read of a text, nothing where it is refused in one line."""
    try:
        return IMPORTERS[case.form][1](text, "a.log", case.hints)
    except NearlinearError as refused:
        error = refused
    assert error.exit_code in (2, 3)
    assert "\n" not in str(error)
    return None


@st.composite
def _damaged_row(draw: st.DrawFn, case: Case) -> tuple[str, int]:
    """Return the text with one row changed, and which row that is."""
    lines = case.text.split("\n")
    if case.form == "nccl-tests-json":
        return _damaged_number(draw, case.text), -1
    rows = [index for index, line in enumerate(lines) if ROW.match(line)]
    index = draw(st.sampled_from(rows))
    changed = draw(st.sampled_from(CHANGES))(draw, lines[index])
    lines[index] = changed
    return "\n".join(lines), rows.index(index)


def _damaged_number(draw: st.DrawFn, text: str) -> str:
    start = text.index('"results"')
    digits = [match.start() for match in re.finditer(r"\d", text[start:])]
    place = start + draw(st.sampled_from(digits))
    return text[:place] + draw(st.sampled_from("0123456789.-")) + text[place + 1 :]


def _letter(draw: st.DrawFn, line: str) -> str:
    place = draw(st.integers(0, len(line) - 1))
    return line[:place] + draw(st.sampled_from(LETTERS)) + line[place + 1 :]


def _bit(draw: st.DrawFn, line: str) -> str:
    place, bit = draw(st.integers(0, len(line) - 1)), draw(st.integers(0, 6))
    return line[:place] + chr(ord(line[place]) ^ (1 << bit)) + line[place + 1 :]


def _cut(draw: st.DrawFn, line: str) -> str:
    return line[: draw(st.integers(0, len(line)))]


def _tokens(line: str) -> list[str]:
    return re.findall(r"[^\s,]+|[\s,]+", line)


def _drop(draw: st.DrawFn, line: str) -> str:
    tokens = _tokens(line)
    del tokens[draw(st.integers(0, len(tokens) - 1))]
    return "".join(tokens)


def _twice(draw: st.DrawFn, line: str) -> str:
    tokens = _tokens(line)
    place = draw(st.integers(0, len(tokens) - 1))
    return "".join([*tokens[:place], tokens[place], " ", *tokens[place:]])


def _swap(draw: st.DrawFn, line: str) -> str:
    tokens = _tokens(line)
    one, other = (draw(st.integers(0, len(tokens) - 1)) for _ in range(2))
    tokens[one], tokens[other] = tokens[other], tokens[one]
    return "".join(tokens)


CHANGES: list[Callable[[st.DrawFn, str], str]] = [_letter, _bit, _cut, _drop, _twice, _swap]


def _key(sample: Sample) -> tuple[object, ...]:
    return sample.operation, sample.placement, sample.size_bytes


@pytest.mark.parametrize("name", CASES)
def test_the_whole_log_is_read(name: str) -> None:
    case = CASES[name]
    read = _read(case, case.text)
    assert read is not None
    assert len(read.samples) >= 5
    assert not any(GAPS in note for note in read.notes)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_damaged_row_is_noticed_or_harmless(name: str, data: st.DataObject) -> None:
    case = CASES[name]
    whole = _read(case, case.text)
    assert whole is not None
    times = {_key(sample): sample.time_s for sample in whole.samples}
    text, _ = data.draw(_damaged_row(case))
    read = _read(case, text)
    if read is None:
        return
    moved = []
    for sample in read.samples:
        if _key(sample) not in times:
            assert _told(case, read), (_key(sample), text)
        else:
            apart = abs(sample.time_s / times[_key(sample)] - 1)
            moved += [apart] if apart > 1e-12 and sample.size_bytes else []
    assert len(moved) <= 1
    assert all(apart <= case.moves for apart in moved) or any(FAR in note for note in read.notes), text


def _told(case: Case, read: Imported) -> bool:
    """Return whether a size without redundancy that changed is told in the notes."""
    return any(GAPS in note or "nothing to check them by" in note for note in read.notes)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_damage_is_an_error_in_one_line_or_read(name: str, data: st.DataObject) -> None:
    """Cut, doubled, shuffled and rewritten anywhere, in heads and feet, too."""
    case = CASES[name]
    text = case.text
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(start + data.draw(st.integers(0, 60)), len(text))
        piece = data.draw(st.sampled_from(["", text[start:end] * 2, "9" * 40, "\n", "\u0663", "N/A", "1e99"]))
        text = text[:start] + piece + text[end:]
    for sniff, _ in IMPORTERS.values():
        sniff(text or "x")
    read = _read(case, text)
    if read is not None:
        assert all(0 < sample.time_s < float("inf") for sample in read.samples)
        assert all(sample.ranks >= 1 and sample.nodes >= 1 for sample in read.samples)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=40, deadline=None)
@given(junk=st.text(max_size=300))
def test_junk_is_no_log(name: str, junk: str) -> None:
    _read(CASES[name], CASES[name].text + junk)
    for sniff, _ in IMPORTERS.values():
        sniff(junk + "x")
