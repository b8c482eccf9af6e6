"""Logs of MPI benchmarks: OSU, mpi4py's demo, Intel's; and what a launcher's words tell."""

from pathlib import Path

import pytest

from nearlinear.calibrate.importers import Hints, Imported, imb, osu, read_measurements
from nearlinear.calibrate.importers.participants import Launch, launch_of
from nearlinear.models.errors import ContentError
from tests.unit.calibrate import lookalikes as made
from tests.unit.calibrate.lookalikes import IMB_HEAD, imb_block

LOGS = Path(__file__).parent / "logs"
NO_HINTS = Hints()
WHERE = Hints(ranks=8, per_node=4)


def _osu(text: str, hints: Hints = NO_HINTS) -> Imported:
    assert osu.sniff(text)
    return osu.parse(text, "a.log", hints)


def _imb(text: str, hints: Hints = WHERE) -> Imported:
    assert imb.sniff(text)
    return imb.parse(text, "a.log", hints)


def test_a_latency_is_a_message_of_two_ranks() -> None:
    read = _osu(made.osu_latency())
    first = read.samples[0]
    assert (first.operation, first.ranks, first.nodes, first.size_bytes) == ("sendrecv", 2, 2, 0)
    assert (first.time_s, first.mode, first.transport, first.dtype) == (
        2e-6,
        "individual",
        "mpi-host",
        "int8",
    )
    assert len(read.samples) == 21


def test_a_collective_with_least_and_most() -> None:
    read = _osu(made.osu_allreduce())
    last = read.samples[-1]
    assert (last.operation, last.ranks, last.nodes, last.dtype) == ("allreduce", 16, 4, "float32")
    assert last.size_bytes == 2**20
    assert last.time_s == pytest.approx(214.72e-6)
    assert read.known_from == "the launcher's words"
    assert "Allreduce Latency: 16 ranks on 4 nodes by the launcher's words" in read.notes


@pytest.mark.parametrize(
    ("title", "operation", "size"),
    [
        ("Allgather Latency", "allgather", 8 * 1024),
        ("All-to-All Personalized Exchange Latency", "alltoall", 8 * 1024),
        ("Reduce_scatter Latency", "reduce-scatter", 1024),
        ("Broadcast Latency", "broadcast", 1024),
        ("Gather Latency", "gather", 8 * 1024),
    ],
)
def test_sizes_become_the_larger_vector(title: str, operation: str, size: int) -> None:
    (sample,) = _osu(made.osu(title, ["Avg Latency(us)"], [("1024", "9.50")]), WHERE).samples
    assert (sample.operation, sample.size_bytes, sample.nodes) == (operation, size, 2)


def test_a_barrier_has_no_size() -> None:
    text = "# OSU MPI Barrier Latency Test v7.1\n# Avg Latency(us)\n             12.34\n"
    (sample,) = _osu(text, WHERE).samples
    assert (sample.operation, sample.size_bytes) == ("barrier", 0)
    assert sample.time_s == pytest.approx(12.34e-6)


def test_non_blocking_collectives_are_operations_of_their_own() -> None:
    columns = ["Overall(us)", "Compute(us)", "Coll. Init(us)", "Pure Comm.(us)", "Overlap(%)"]
    text = made.osu(
        "Non-blocking Allgather Latency", columns, [("512", "9.00", "5.00", "0.10", "4.20", "5.00")]
    )
    (sample,) = _osu(text, WHERE).samples
    assert (sample.operation, sample.size_bytes) == ("iallgather", 8 * 512)
    assert sample.time_s == pytest.approx(4.2e-6)


@pytest.mark.parametrize(
    ("title", "operation", "time_s"),
    [("Bandwidth", "bandwidth", 2**20 / 2e9), ("Bi-Directional Bandwidth", "bidirectional", 2**21 / 2e9)],
)
def test_bandwidths_become_the_time_of_a_message(title: str, operation: str, time_s: float) -> None:
    """2000 MB/s of 1e6 bytes."""
    text = made.osu(title, ["Bandwidth (MB/s)", "Validation"], [("1048576", "2000.00", "Fail")])
    (sample,) = _osu(text, Hints(per_node=2)).samples
    assert (sample.operation, sample.nodes, sample.correct) == (operation, 1, False)
    assert sample.time_s == pytest.approx(time_s)
    assert sample.mode == "pipelined"


def test_pairs_at_once() -> None:
    read = _osu(made.osu_mbw_mr())
    sample = read.samples[-1]
    rate = 2**20 / (1 + 2**20 / 1e4) * 1e6
    assert (sample.operation, sample.ranks, sample.nodes) == ("contention", 4, 2)
    assert sample.time_s == pytest.approx(2 * 2**20 / rate, rel=1e-4)
    wrong = made.osu_mbw_mr().replace(f"{2**10 / (1 + 2**10 / 1e4):.2f}", "999.99")
    with pytest.raises(ContentError, match="MB/s must be size times messages/s"):
        _osu(wrong)


def test_memory_of_the_device() -> None:
    text = made.osu("Latency", ["Latency (us)"], [("8", "3.00")]).replace("OSU MPI", "OSU MPI-CUDA")
    assert _osu(text, Hints(per_node=1)).samples[0].transport == "mpi-cuda"
    host = "# Send Buffer on HOST (H) and Receive Buffer on HOST (H)\n# Size"
    assert _osu(text.replace("# Size", host), Hints(per_node=1)).samples[0].transport == "mpi-host"


def test_mpi4py_demo() -> None:
    text = "# MPI Latency Test\n# Size [B]        Latency [us]\n0             1.10\n1             1.20\n"
    assert [s.size_bytes for s in _osu(text, Hints(per_node=2)).samples] == [0, 1]
    text = "# MPI Bandwidth Test\n# Size [B]    Bandwidth [MB/s]\n1024              512.00\n"
    assert _osu(text, Hints(per_node=2)).samples[0].time_s == pytest.approx(2e-6)


@pytest.mark.parametrize(
    ("hints", "message"),
    [
        (NO_HINTS, "the log does not say how many ranks took part; say --ranks"),
        (Hints(ranks=8), "how its 8 ranks sat on nodes; say --per-node 1 for 8 nodes, --per-node 8 for one"),
    ],
)
def test_what_the_log_does_not_say(hints: Hints, message: str) -> None:
    with pytest.raises(ContentError, match=message):
        _osu(made.osu("Allreduce Latency", ["Avg Latency(us)"], [("8", "3.00")]), hints)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("4096      ", "4097      ", "a.log:18: size: must be 2048 times a power of two, got 4097"),
        ("4096      ", "1024      ", "size: must be 2048 times a power of two"),
        ("2.41", "241", "latency: must have 2 decimals like the rest of its column, got '241'"),
        ("2.41", "2.4", "latency: must have 2 decimals"),
        ("2.41", "2.x1", "latency: must be a number, got '2.x1'"),
        ("4096      ", "40x6      ", "must start with a size, got '40x6'"),
        ("2.41", "", "must have 2 columns, got 1; cut off?"),
        ("2.41", "2.41 7", "must have 2 columns, got 3"),
    ],
)
def test_osu_rows_that_are_wrong(old: str, new: str, message: str) -> None:
    text = made.osu_latency()
    assert old in text
    with pytest.raises(ContentError) as caught:
        _osu(text.replace(old, new, 1))
    assert message in str(caught.value)


def test_osu_least_mean_most() -> None:
    text = made.osu("Allreduce Latency", ["Avg Latency(us)", "Min Latency(us)"], [("8", "3.00", "3.20")])
    with pytest.raises(ContentError, match="a.log:4: must have least <= mean <= most"):
        _osu(text, WHERE)


def test_gaps_and_coarse_numbers_are_told() -> None:
    rows = [("8", "0.01"), ("64", "0.40"), ("128", "4.00")]
    read = _osu(made.osu("Bandwidth", ["Bandwidth (MB/s)"], rows), Hints(per_node=2))
    assert "rates printed with one or two digits only: 1" in read.notes
    assert "sizes that are not twice the one before: 1" in read.notes


def test_tests_that_are_not_read() -> None:
    other = made.osu("MPI_Put Latency", ["Latency (us)"], [("8", "3.00")])
    assert "tests not read: MPI_Put Latency" in _osu(other + made.osu_latency(), Hints(per_node=2)).notes
    with pytest.raises(ContentError, match="has no result rows"):
        _osu(other)


def test_published_osu_logs() -> None:
    read = read_measurements(LOGS / "gh200_osu75_bw.log", NO_HINTS)
    assert {(s.operation, s.nodes, s.transport, s.correct) for s in read.samples} == {
        ("bandwidth", 1, "mpi-cuda", True)
    }
    assert read.samples[-1].time_s == pytest.approx(4194304 / 23989.44e6)
    read = read_measurements(LOGS / "gke_4n16r_osu58_allreduce.log", NO_HINTS)
    assert {(s.ranks, s.nodes) for s in read.samples} == {(16, 4)}
    assert len(read.samples) == 19
    assert read.samples[0].time_s == pytest.approx(23942.88e-6)
    read = read_measurements(LOGS / "lassen_osu58_latency_mbw_mr.log", NO_HINTS)
    assert [(s.operation, s.ranks, s.nodes) for s in read.samples[22:24]] == [
        ("contention", 4, 4), ("sendrecv", 2, 2),
    ]  # fmt: skip
    with pytest.raises(ContentError, match=r"has no result rows \(\[nid006549:31808\] Signal: Segmentation"):
        read_measurements(LOGS / "gh200x4_osu75_iallreduce_failed.log", WHERE)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mpirun -np 16 --map-by ppr:4:node ./osu_bcast", Launch(ranks=16, per_node=4)),
        ("mpirun -N 4 -np 16 osu_bcast", Launch(ranks=16, per_node=4)),
        ("mpiexec.hydra -ppn 2 -n 8 IMB-MPI1", Launch(ranks=8, per_node=2)),
        ("+ srun --ntasks=8 --ntasks-per-node=4 osu_bcast", Launch(ranks=8, per_node=4)),
        ("$ srun -N2 ./osu_bw", Launch(ranks=2, nodes=2)),
        ("time flux run -N2 -n4 osu_bw", Launch(ranks=4, nodes=2)),
        ("/usr/bin/jsrun -n 4 -a 2 -r 1 osu_bw", Launch(ranks=8, per_node=2)),
        ("osu_bw without a launcher", None),
        ("mpirun 'of an open quote", None),
    ],
)
def test_words_of_launchers(line: str, expected: Launch | None) -> None:
    assert launch_of(line) == expected


def test_imb_pingpong() -> None:
    read = _imb(made.imb_pingpong())
    last = read.samples[-1]
    assert (last.operation, last.ranks, last.nodes, last.size_bytes) == ("sendrecv", 2, 1, 2**22)
    assert last.time_s == pytest.approx(351.03e-6)
    assert (read.samples[0].size_bytes, read.rows, read.skipped) == (0, 14, 0)


@pytest.mark.parametrize(
    ("name", "operation", "parts", "dtype"),
    [("Allreduce", "allreduce", 1, "float32"), ("Allgather", "allgather", 8, "uint8"),
     ("Bcast", "broadcast", 1, "uint8"), ("Reduce_scatter", "reduce-scatter", 1, "float32")],
)  # fmt: skip
def test_imb_collectives(name: str, operation: str, parts: int, dtype: str) -> None:
    read = _imb(made.imb_collective(name))
    last = read.samples[-1]
    assert (last.operation, last.size_bytes, last.dtype) == (operation, parts * 2**22, dtype)
    assert (last.ranks, last.nodes) == (8, 2)
    assert last.time_s == pytest.approx(1402.10e-6)
    assert "rows of 0 bytes or no time left out: 1" in read.notes


def test_imb_barrier_and_several_blocks() -> None:
    columns = " #repetitions  t_min[usec]  t_max[usec]  t_avg[usec]"
    block = imb_block("Barrier", 4, columns, ["         1000        22.93        22.95        22.94\n"])
    read = _imb(made.imb_pingpong() + block + imb_block("Barrier", 8, columns, ["1000 1.00 3.00 2.00\n"]))
    assert [(s.operation, s.ranks) for s in read.samples[-2:]] == [("barrier", 4), ("barrier", 8)]


def test_imb_old_megabytes() -> None:
    """Until version 4 Mbytes were 2**20 bytes: the same for all rows."""
    columns = "       #bytes #repetitions  t_min[usec]  t_max[usec]  t_avg[usec]   Mbytes/sec"
    rows = [f"{size} 100 {time:.2f} {time:.2f} {time:.2f} {2 * size / time / 1.048576:.2f}\n"
            for size in (2**18, 2**19) for time in [size / 1e3]]  # fmt: skip
    read = _imb(IMB_HEAD + imb_block("Sendrecv", 4, columns, rows))
    assert {s.operation for s in read.samples} == {"sendrecv-ring"}
    mixed = [rows[0], f"{2**19} 100 524.29 524.29 524.29 2000.00\n"]
    with pytest.raises(ContentError, match="a.log:16: Mbytes/sec must be 2 x size over time, 1999.99"):
        _imb(IMB_HEAD + imb_block("Sendrecv", 4, columns, mixed))


def test_imb_groups_at_once() -> None:
    columns = "        Group       #bytes #repetitions      t[usec]   Mbytes/sec"
    rows = ["            0         1024         1000        10.24       100.00\n",
            "            1         1024         1000        10.25        99.90\n"]  # fmt: skip
    text = imb_block("PingPong", 2, columns, rows)
    text = text.replace("# #processes = 2", "# ( 2 groups of 2 processes each running simultaneous )")
    read = _imb(IMB_HEAD + text)
    assert [(s.operation, s.ranks, s.repetition) for s in read.samples] == [
        ("contention", 4, 0), ("contention", 4, 1),
    ]  # fmt: skip
    named = "#Benchmarking #procs #bytes #repetitions t_min[usec] t_max[usec] t_avg[usec]\n"
    rows = [f"Allreduce {ranks} 1024 1000 3.00 5.00 4.00\n" for ranks in (2, 4)]
    read = _imb(IMB_HEAD + named + "".join(rows))
    assert [(s.operation, s.ranks) for s in read.samples] == [("allreduce", 2), ("allreduce", 4)]


def test_imb_non_blocking() -> None:
    columns = "       #bytes #repetitions t_ovrl[usec] t_pure[usec]  t_CPU[usec]   overlap[%]"
    text = imb_block("Iallreduce", 8, columns, ["  1024  1000  9.00  5.00  4.50  10.00\n"])
    (sample,) = _imb(IMB_HEAD + text).samples
    assert sample.operation == "iallreduce"
    assert sample.time_s == pytest.approx(5e-6)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  88.88", "  88.89", "a.log:26: Mbytes/sec must be 1 x size over time, 11796.33"),
        ("88.88", "98.88", "Mbytes/sec must be 1 x size over time"),
        ("88.88", "88.8", "t[usec]: must have 2 decimals"),
        ("1048576", "1048676", "Mbytes/sec must be 1 x size over time"),
        ("1048576", "104857", "#bytes: must be above 524288"),
        ("88.88", "", "must have 4 columns, got 3"),
        ("88.88", "88.8x", "t[usec]: must be a number, got '88.8x'"),
    ],
)
def test_imb_rows_that_are_wrong(old: str, new: str, message: str) -> None:
    text = made.imb_pingpong()
    assert old in text
    with pytest.raises(ContentError) as caught:
        _imb(text.replace(old, new, 1))
    assert message in str(caught.value)


def test_imb_least_mean_most_and_notes() -> None:
    text = made.imb_collective().replace("4.00\n", "14.00\n", 1)
    with pytest.raises(ContentError, match="must have t_min <= t_avg <= t_max"):
        _imb(text)
    columns = "       #bytes #repetitions      t[usec]   Mbytes/sec"
    block = imb_block("Unirandom", 2, columns, ["1024 1 10.24 100.00\n"])
    read = _imb(block + made.imb_pingpong().replace(made.IMB_FOOT, ""))
    assert "benchmarks not read: Unirandom" in read.notes
    assert any(note.startswith("no footer: the run was cut off") for note in read.notes)


def test_imb_needs_the_nodes() -> None:
    with pytest.raises(ContentError, match="does not say how its 8 ranks sat on nodes; say --per-node"):
        _imb(made.imb_collective(), NO_HINTS)
    assert _imb("mpirun -np 8 -ppn 4 IMB-MPI1\n" + made.imb_collective(), NO_HINTS).samples[0].nodes == 2
