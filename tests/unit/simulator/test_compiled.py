"""Without numba the same source runs, with equal results."""

import numpy as np
import pytest

from nearlinear.simulator import compiled as module
from nearlinear.simulator.rounds import engine
from nearlinear.simulator.rounds.engine import Way, run_packed
from tests.agreement.cases import draw, draw_loggops


@pytest.fixture(name="plain")
def plain_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "compiled", lambda kernel, *helpers: kernel)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("loggops", [False, True])
@pytest.mark.parametrize("lanes", [1, 3])
def test_kernels_of_rounds_run_as_they_are_written(loggops: bool, lanes: int) -> None:
    for seed in range(40):
        drawn = (draw_loggops if loggops else draw)(seed)
        starts = np.tile(drawn.start, (lanes, 1))
        try:
            expected = run_packed(drawn.packed, starts, way=Way(compile=False)).end_ticks
        except ValueError:  # several messages that ask first
            continue
        for repeats in (True, False):
            found = run_packed(drawn.packed, starts, way=Way(compile=True, repeats=repeats)).end_ticks
            assert (found == expected).all()


def test_a_kernel_is_itself_where_numba_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "available", lambda: False)

    def kernel() -> int:
        return 1

    assert module.compiled(kernel) is kernel
    assert not module.loaded()
