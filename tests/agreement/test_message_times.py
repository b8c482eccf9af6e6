"""What a calibration reads LogGP's parameters from: its formulas against the event engine, byte for byte."""

from pathlib import Path

import numpy as np
import pytest

from nearlinear.calibrate.message_times import WINDOW, MessageFit, MessageTimes
from nearlinear.models.arrays import FloatArray
from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.simulator.exchange import TICKS_PER_SECOND
from nearlinear.simulator.formats.goal import read_goal
from nearlinear.simulator.programs.events import run_events_loggops

SIZES = (1, 64, 4096, 65536, 2**20)


def _goal(*ranks: list[str]) -> str:
    lines = [line for number, body in enumerate(ranks) for line in (f"rank {number} {{", *body, "}")]
    return "\n".join([f"num_ranks {len(ranks)}", *lines, ""])


def _there_and_back(size: int) -> str:
    first = [f"a: send {size}b to 1 tag 1", f"b: recv {size}b from 1 tag 2", "b requires a"]
    second = [f"a: recv {size}b from 0 tag 1", f"b: send {size}b to 0 tag 2", "b requires a"]
    return _goal(first, second)


def _stream(size: int) -> str:
    sends = [f"s{k}: send {size}b to 1 tag 1" for k in range(WINDOW)]
    heard = [f"r{k}: recv {size}b from 0 tag 1" for k in range(WINDOW)]
    needs = [f"z requires r{k}" for k in range(WINDOW)]
    answer = ["z: recv 1b from 1 tag 2", f"z requires s{WINDOW - 1}"]
    return _goal([*sends, *answer], [*heard, "z: send 1b to 0 tag 2", *needs])


def _simulated_s(folder: Path, text: str, loggops: LogGOPS) -> float:
    (folder / "a.goal").write_text(text)
    return (
        float(run_events_loggops(read_goal(folder / "a.goal"), loggops).done_ticks.max()) / TICKS_PER_SECOND
    )


def _formula_s(loggops: LogGOPS, jump: tuple[float, float] | None = None) -> FloatArray:
    half = loggops.latency_s + 2 * loggops.overhead_s
    values = [half, loggops.gap_s_per_byte, max(loggops.gap_s, loggops.overhead_s)]
    values += [2 * (loggops.latency_s + loggops.overhead_s)] if jump else []
    sizes, times = np.array(SIZES, dtype=float), np.ones(len(SIZES))
    asked = MessageTimes(alone_bytes=sizes, alone_s=times, stream_bytes=sizes, stream_s=times)
    return np.exp(asked.residuals(MessageFit(theta=np.log(values), switch=jump)))


@pytest.mark.parametrize("text", ["L=2000,o=500,g=800,G=0.1,O=0,S=inf", "L=2500,o=1500,g=1000,G=6,O=0,S=inf"])
def test_messages_and_streams_take_what_the_engine_says(text: str, tmp_path: Path) -> None:
    loggops = LogGOPS.of(text)
    alone = [_simulated_s(tmp_path, _there_and_back(size), loggops) / 2 for size in SIZES]
    streams = [_simulated_s(tmp_path, _stream(size), loggops) / WINDOW for size in SIZES]
    assert _formula_s(loggops).tolist() == pytest.approx([*alone, *streams], rel=1e-9)


def test_asking_first_is_a_jump_of_twice_latency_and_overhead(tmp_path: Path) -> None:
    loggops = LogGOPS.of("L=2000,o=500,g=800,G=0.1,O=0,S=4096")
    alone = [_simulated_s(tmp_path, _there_and_back(size), loggops) / 2 for size in SIZES]
    assert _formula_s(loggops, (4096.0, 65536.0))[: len(SIZES)].tolist() == pytest.approx(alone, rel=1e-9)
