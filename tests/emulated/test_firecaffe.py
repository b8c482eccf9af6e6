"""FireCaffe's tree and server in four ways: what three of them compute is what the wire takes."""

from pathlib import Path

import pytest

from tests.emulated.cluster import missing
from tests.emulated.firecaffe import ELEMENT_BYTES, RATE_BIT_PER_S, SIZE_BYTES, WORKERS, rows_of

ENGINES = 1e-6  # engines round to picoseconds


@pytest.mark.slow
@pytest.mark.mpi
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_formula_engines_and_wire_agree(tmp_path: Path) -> None:
    rows = rows_of(tmp_path)
    message_s = SIZE_BYTES / (RATE_BIT_PER_S / 8)
    levels = dict(zip(WORKERS, (1, 2, 3), strict=True))
    for row in rows:
        messages = 2 * levels[row.workers] if row.algorithm == "tree" else 2 * row.workers
        assert row.formula_s == pytest.approx(messages * message_s)
        assert row.rounds_s == pytest.approx(row.formula_s, rel=ENGINES)
        assert row.processes_s == pytest.approx(row.rounds_s, rel=ENGINES)
        assert row.wire.wrong_elements == 0
    assert SIZE_BYTES % ELEMENT_BYTES == 0
    off = [row for row in rows if not row.agrees]
    if any(row.wire.processor_bound for row in off):
        pytest.skip("processors too busy for a comparison")
    assert not off
