"""How a run ends on its ranks: wrong results, errors in the middle, outputs that cannot be made."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from nearlinear.measure.agreement import AGREED, Interrupted, together
from nearlinear.measure.interruption import deferred
from nearlinear.measure.keeper import Keeper, check_correct
from nearlinear.measure.records import Sample, read_record
from nearlinear.models.errors import ContentError, TargetError


class Aborted(Exception):
    """Stands for the end of all ranks."""


class Comm:
    """A communicator that can only be aborted."""

    def Get_rank(self) -> int:
        return 0

    def Abort(self, status: int) -> None:
        raise Aborted(status)


def _sample(algorithm: str, correct: bool | None) -> Sample:
    return Sample(
        operation="allreduce", algorithm=algorithm, transport="mpi-host", dtype="float32", placement="in",
        size_bytes=64, ranks=2, nodes=1, repetition=0, mode="individual", statistic="max", time_s=1.0,
        correct=correct,
    )  # fmt: skip


def test_wrong_results_miss_the_target() -> None:
    right, wrong = _sample("ring", True), _sample("tree", False)
    check_correct([right, _sample("ring", None)], Path("a.jsonl"))
    with pytest.raises(TargetError) as caught:
        check_correct([right, wrong], Path("a.jsonl"))
    assert caught.value.exit_code == 5
    assert "1 measured results are wrong, first allreduce/tree at 64 bytes" in str(caught.value)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ContentError("a", "b"), ZeroDivisionError()])
def test_an_error_on_one_rank_ends_all(tmp_path: Path, error: BaseException) -> None:
    writer, seen = Keeper(tmp_path / "a.jsonl", {}), list[Any]()
    writer.keep(_sample("ring", True))

    def failed(error: BaseException) -> int:
        seen.append(error)
        return 17

    with pytest.raises(Aborted, match="17"), together(Comm(), writer.close, failed):
        raise error
    assert seen == [error]
    assert not read_record(tmp_path / "a.jsonl").complete


def test_no_error_no_end() -> None:
    with together(Comm(), lambda error: None, lambda error: 1):
        pass


def test_a_record_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(ContentError, match="must be a new file"):
        Keeper(tmp_path / "a.jsonl", {})


def test_a_record_without_a_sample_is_taken_away(tmp_path: Path) -> None:
    writer = Keeper(tmp_path / "a.jsonl", {})
    with pytest.raises(Aborted), together(Comm(), writer.close, lambda error: 2):
        raise ContentError("a", "b")
    assert not (tmp_path / "a.jsonl").exists()


def test_all_ranks_end_even_where_the_record_cannot_be_closed(tmp_path: Path) -> None:
    writer = Keeper(tmp_path / "a.jsonl", {})
    writer.keep(_sample("ring", True))
    writer.file._file.close()
    with pytest.raises(Aborted), together(Comm(), writer.close, lambda error: 130):
        raise KeyboardInterrupt


def test_all_ranks_leave_when_one_says_why() -> None:
    """Errors that were agreed on end nobody by force; nor does the exit of a rank that keeps silent."""
    agreed = ContentError("a", "b")
    agreed.__notes__ = [AGREED]
    for error in (agreed, SystemExit(0), Interrupted()):
        with pytest.raises(type(error)), together(Comm(), lambda error: None, lambda error: 1):
            raise error


def test_the_first_signal_is_a_wish_and_the_second_an_end() -> None:
    for decides in (True, False):
        with deferred(decides) as interruption:
            os.kill(os.getpid(), signal.SIGINT)
            assert interruption.wanted == decides
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
