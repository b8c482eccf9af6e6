"""GOAL: times worked out by hand, what is written is read back, and mistakes are said with their line."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.errors import ContentError, NearlinearError, SpecError
from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.hardware.topology import Topology
from nearlinear.simulator.exchange import Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.fabrics.spec import read_fabric
from nearlinear.simulator.formats import transcript
from nearlinear.simulator.formats.circles import circle
from nearlinear.simulator.formats.goal import read_goal, write_goal
from nearlinear.simulator.formats.message_prices import priced
from nearlinear.simulator.programs.assembly import expand
from nearlinear.simulator.programs.events import run_events, run_events_loggops
from nearlinear.simulator.programs.overheads import run_processes_loggops
from nearlinear.simulator.programs.processes import run_processes
from nearlinear.simulator.programs.program import COMPUTE, Program
from nearlinear.simulator.rounds.packing import Packed

LOGGOPS = LogGOPS.of("L=2500,o=1500,g=1000,G=6,O=0,S=inf")
ASKING = LogGOPS.of("L=2500,o=1500,g=1000,G=6,O=0,S=1000")
NS = 1000  # ticks

PAIR = """num_ranks 2
rank 0 {
  a: calc 100
  b: send 1024b to 1 tag 5
  b requires a
}
rank 1 {
  recv 1024b from 0 tag 5
}
"""


def _read(tmp_path: Path, text: str) -> Program:
    path = tmp_path / "a.goal"
    path.write_text(text)
    return read_goal(path)


def _ends(program: Program, loggops: LogGOPS = LOGGOPS) -> FloatArray:
    """Return when each operation is done, in nanoseconds, after both engines agree."""
    first, second = run_events_loggops(program, loggops), run_processes_loggops(program, loggops)
    assert first.done_ticks.tolist() == second.done_ticks.tolist()
    assert first.begin_ticks.tolist() == second.begin_ticks.tolist()
    return first.done_ticks / NS


# Times by hand


def test_a_message_after_a_compute(tmp_path: Path) -> None:
    """Sent at 100 until 1,600; arrives at 100 + 1,500 + 2,500; handled in 1,500 + 1,023 x 6."""
    program = _read(tmp_path, PAIR)
    assert _ends(program).tolist() == [100, 1600, 4100 + 1500 + 6138]
    assert program.messages.size_bytes.tolist() == [1024]
    assert program.name_of(1) == "send to rank 1 (b)"
    assert run_events(program).makespan_ticks == 100 * NS  # messages have no price yet


def test_the_dissemination_example_of_loggopsim(tmp_path: Path) -> None:
    """Its README says 22,000 ns with default parameters: 4 rounds of 1,500 + 2,500 + 1,500."""
    lines = ["num_ranks 16"]
    for rank in range(16):
        lines += [f"rank {rank} {{"]
        for k, far in enumerate((1, 2, 4, 8)):
            lines += [f"s{k}: send 1b to {(rank + far) % 16} tag 0"]
            lines += [f"s{k} requires r{k - 1}"] if k else []
            lines += [f"r{k}: recv 1b from {(rank - far) % 16} tag 0"]
        lines += ["}"]
    program = _read(tmp_path, "\n".join(lines))
    assert run_events_loggops(program, LOGGOPS).rank_ends(program).tolist() == [22_000 * NS] * 16
    assert _ends(program).max() == 22_000


def test_cpus_run_side_by_side_and_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        "num_ranks 1\nrank 0 {\ncalc 10\ncalc 7 cpu 3\ncalc 5\nx: calc 1 cpu 3\nx irequires y\ny: calc 2\n}\n"
    )
    program = _read(tmp_path, text)
    # cpu 0: 10, 15, y at 15 until 17. cpu 3: 7, then x waits until y begins at 15.
    assert _ends(program).tolist() == [10, 15, 17, 7, 16]
    assert _ends(_read(tmp_path, text.replace("irequires", "requires"))).tolist() == [10, 15, 17, 7, 18]
    assert program.stream_rank.tolist() == [0, 0]
    assert program.ticks.tolist() == [10 * NS, 5 * NS, 2 * NS, 7 * NS, 1 * NS]


def test_messages_meet_by_tag_and_order(tmp_path: Path) -> None:
    text = """num_ranks 3
rank 0 {
send 1b to 1 tag 7
send 2b to 1
send 3b to 1 tag 7 cpu 0 nic 0
}
rank 2 {}
rank 1 {
recv 2b from 0 tag 0
recv 1 b from 0 tag 7
recv 3b from 0 tag 7
}
"""
    program = _read(tmp_path, text)
    messages = program.messages
    pairs = zip(messages.send.tolist(), messages.receive.tolist(), messages.size_bytes.tolist(), strict=True)
    assert sorted(pairs) == [(0, 4, 1), (1, 3, 2), (2, 5, 3)]
    assert program.stream_rank.tolist() == [0, 1, 2]
    assert program.first.tolist() == [0, 3, 6, 6]
    # Sends at 0, 1,500, 3,000; the second arrives at 5,500 and is handled until 7,006, then the others.
    assert _ends(program).tolist() == [1500, 3000, 4500, 7006, 8506, 10_018]


def test_receives_are_expected_together_unless_they_require(tmp_path: Path) -> None:
    """Above S messages ask: both at once, or the second only when the first receive is done."""
    text = """num_ranks 3
rank 0 {
a: recv 2000b from 1
b: recv 2000b from 2
}
rank 1 { send 2000b to 0
}
rank 2 { calc 1
send 2000b to 0
}
"""
    program = _read(tmp_path, text)
    assert program.post.tolist() == [0, 0, 2, 3, 4]
    # Asks arrive at 4,000 and 4,001, grants 4,000 later, data 4,000 later: 12,000 + 1,500 + 1,999 x 6.
    done = [12_000 + 13_494, 12_000 + 2 * 13_494]
    assert _ends(program, ASKING)[:2].tolist() == done
    waiting = _read(tmp_path, text.replace("from 2\n", "from 2\nb requires a\n"))
    assert waiting.post.tolist() == [0, 1, 2, 3, 4]
    assert _ends(waiting, ASKING)[:2].tolist() == [done[0], done[0] + 8000 + 13_494]
    begun = _read(tmp_path, text.replace("from 2\n", "from 2\nb irequires a\n"))
    assert _ends(begun, ASKING)[:2].tolist() == done


def test_comments_and_blanks(tmp_path: Path) -> None:
    text = PAIR.replace("rank 0 {", "/* one\ntwo } */ rank 0 { // three").replace(
        "calc 100", "calc /* x */ 100#y"
    )
    text = text.replace("\n", "\r\n").replace("  b:", "\t\tb :")
    assert _ends(_read(tmp_path, text)).tolist() == [100, 1600, 11_738]
    assert _ends(_read(tmp_path, text + "// fin ü /* \n")).tolist() == [100, 1600, 11_738]


def test_labels_may_be_told_later_and_belong_to_their_rank(tmp_path: Path) -> None:
    text = "num_ranks 2\nrank 1 {\na requires b\nb: calc 9 cpu 1\na: calc 3\n}\nrank 0 {\na: calc 4\n}"
    assert _ends(_read(tmp_path, text)).tolist() == [4, 12, 9]


def test_a_circle_with_the_order_of_a_stream_is_a_deadlock(tmp_path: Path) -> None:
    program = _read(tmp_path, "num_ranks 1\nrank 0 {\na: calc 9\nb: calc 3\na requires b\n}")
    told = r"deadlock: rank 0 waits in compute \(a\) for its compute \(b\)"
    for run in (run_events_loggops, run_processes_loggops):
        with pytest.raises(ContentError, match=told):
            run(program, LOGGOPS)


# Written and read back


def _program(name: str, ranks: int, loggops: LogGOPS, elements: int = 1003) -> Program:
    schedule = ALGORITHMS[name].schedule_for(ranks, Choices())
    packed = Packed(schedule, Fabric.of_loggops(loggops, schedule.ranks), Vector(elements=elements))
    return expand(packed)


@pytest.mark.parametrize("loggops", [LOGGOPS, ASKING], ids=["eager", "asking"])
@pytest.mark.parametrize("ranks", [1, 2, 5, 8])
@pytest.mark.parametrize("name", ["ring", "tree", "ps", "ps-sharded", "asa", "halving-doubling"])
def test_round_trip(name: str, ranks: int, loggops: LogGOPS, tmp_path: Path) -> None:
    program, path = _program(name, ranks, loggops), tmp_path / "a.goal"
    write_goal(program, path)
    again = read_goal(path)
    assert again.kind.tolist() == program.kind.tolist()
    assert again.post.tolist() == program.post.tolist()
    before, after = (run_events_loggops(one, loggops) for one in (program, again))
    assert before.begin_ticks.tolist() == after.begin_ticks.tolist()
    assert before.done_ticks.tolist() == after.done_ticks.tolist()
    assert run_processes_loggops(again, loggops).done_ticks.tolist() == after.done_ticks.tolist()


def test_groups_matter_above_s() -> None:
    """Expected one by one the receives of a server end later, so that the round trip says something."""
    program = _program("ps", 5, ASKING)
    single = replace(program, post=np.arange(len(program)))
    assert _ends(single, ASKING).max() > _ends(program, ASKING).max()


def test_a_fence_is_kept(tmp_path: Path) -> None:
    """The send is done late, since its receiver computes first; the fence makes the last compute wait."""
    text = "num_ranks 2\nrank 0 {\nsend 2000b to 1\ncalc 3\ncalc 5\n}\n"
    text += "rank 1 {\ncalc 50000\nrecv 2000b from 0\n}"
    bare = _read(tmp_path, text)
    program = replace(bare, fence=np.array([0, 0, 1, 0, 0]))
    # Granted at 50,000, data leave at 54,000 and cost the sender 1,500; without the fence 1,500 + 3 + 5.
    assert _ends(program, ASKING)[2] == 55_505
    assert _ends(bare, ASKING)[2] == 1508
    write_goal(program, tmp_path / "b.goal")
    assert _ends(read_goal(tmp_path / "b.goal"), ASKING).tolist() == _ends(program, ASKING).tolist()


def test_what_is_written(tmp_path: Path) -> None:
    program, path = _read(tmp_path, PAIR), tmp_path / "b.goal"
    write_goal(replace(program, begin_ticks=np.array([0, 1700])), path)
    assert path.read_text() == (
        "num_ranks 2\nrank 0 {\nl0: calc 100\nl1: send 1024b to 1 tag 0\nl1 requires l0\nl1 requires l0\n}\n"
        "rank 1 {\ns1: calc 2\nl2: recv 1024b from 0 tag 0\nl2 requires s1\n}\n"
    )


def test_streams_that_begin_late_and_cpus_come_back(tmp_path: Path) -> None:
    text = "num_ranks 1\nrank 0 {\na: calc 10\nb: calc 7 cpu 1\nc: calc 1 cpu 1\n"
    text += "c requires a\na irequires b\n}\n"
    program = replace(_read(tmp_path, text), begin_ticks=np.array([0, 20 * NS]))
    assert _ends(program).tolist() == [30, 27, 31]
    write_goal(program, tmp_path / "b.goal")
    assert _ends(read_goal(tmp_path / "b.goal")).tolist() == [30, 20, 27, 31]


def test_messages_meet_again_as_they_did(tmp_path: Path) -> None:
    """Sends a and b are received in the other order, so that their sizes do not tell them apart."""
    text = "num_ranks 2\nrank 0 {\nsend 1b to 1 tag 4\nsend 1b to 1 tag 9\n}\n"
    program = _read(tmp_path, text + "rank 1 {\nrecv 1b from 0 tag 9\nrecv 1b from 0 tag 4\n}")
    assert program.messages.receive.tolist() == [3, 2]
    write_goal(program, tmp_path / "b.goal")
    assert read_goal(tmp_path / "b.goal").messages.receive.tolist() == [3, 2]


def test_what_goal_cannot_say(tmp_path: Path) -> None:
    program, path = _read(tmp_path, PAIR), tmp_path / "b.goal"
    far = replace(program, wait_first=np.array([0, 0, 0, 1]), wait=np.array([0]))
    with pytest.raises(
        ContentError, match=r"b\.goal: rank 1, receive from rank 0: must wait within its rank"
    ):
        write_goal(far, path)
    text = "num_ranks 1\nrank 0 {\nsend 1b to 0\nsend 1b to 0\nrecv 1b from 0\nrecv 1b from 0\n}"
    group = _read(tmp_path, text)
    assert group.post.tolist() == [0, 1, 2, 2]
    held = replace(group, fence=np.array([0, 0, 0, 1]))
    odd = replace(group, post=np.array([0, 1, 2, 1]))
    for wrong in (held, odd):
        with pytest.raises(ContentError, match="must follow the receives that it is expected with"):
            write_goal(wrong, path)
    with pytest.raises(ContentError, match="cannot be written"):
        write_goal(program, tmp_path / "missing" / "b.goal")
    assert not path.exists()


# Prices


def _flat(ranks: int, link: LinkCost) -> Fabric:
    return Fabric.of(Topology.flat(link), Schedule(workers=ranks, phases=lambda: iter(())))


def test_messages_are_priced_by_a_fabric(tmp_path: Path, link: LinkCost) -> None:
    """Starts at 100 ns and takes 1 us + 1,024 ns; nobody adds."""
    program = _read(tmp_path, PAIR)
    fabric = _flat(2, link)
    ready = priced(program, fabric)
    for run in (run_events, run_processes):
        assert run(ready).done_ticks.tolist() == [100 * NS, 2124 * NS, 2124 * NS]
        assert run(ready, fabric.link_capacity).makespan_ticks == 2124 * NS
    with pytest.raises(SpecError, match="fabric: must have places for 2 ranks, got 1"):
        priced(program, _flat(1, link))


def test_priced_messages_share_links_by_flow(tmp_path: Path, link: LinkCost) -> None:
    """Two of 4,000 B leave one port together: 1 us + 8 us."""
    text = "num_ranks 3\nrank 0 {\nsend 4000b to 1\nsend 4000b to 2\n}\nrank 1 {\nrecv 4000b from 0\n}\n"
    program = _read(tmp_path, text + "rank 2 {\nrecv 4000b from 0\n}\n")
    ready = priced(program, _flat(3, link))
    assert run_events(ready).makespan_ticks == 5_000_000
    assert run_events(ready, _flat(3, link).link_capacity).makespan_ticks == 9_000_000


def test_prices_know_levels(tmp_path: Path, two_levels: Callable[[int, float], Topology]) -> None:
    """1,000 B inside the node take 2 us + 10 ns, to the other node 10 us + 100 ns."""
    fabric = Fabric.of(two_levels(2, 1.0), Schedule(workers=3, phases=lambda: iter(())))
    text = "num_ranks 3\nrank 0 {\nsend 1000b to 1\nsend 1000b to 2\n}\nrank 1 {\nrecv 1000b from 0\n}\n"
    program = priced(_read(tmp_path, text + "rank 2 {\nrecv 1000b from 0\n}"), fabric)
    assert run_events(program).rank_ends(program).tolist() == [10_100_000, 2_010_000, 10_100_000]


def test_prices_know_switches(tmp_path: Path, link: LinkCost) -> None:
    """On a fat tree of 2 hosts per leaf two ranks of one leaf pass 1 switch, others 3: 2 x 0.1 us more."""
    schedule = Schedule(workers=4, phases=lambda: iter(()))
    network = read_fabric("fat-tree:down=2", 4)
    fabric = Fabric.of(Topology.flat(link), schedule, network=network, switch_latency_s=1e-7)
    text = "num_ranks 4\nrank 0 {\nsend 1000b to 1\nsend 1000b to 2\n}\nrank 1 {\nrecv 1000b from 0\n}\n"
    program = priced(_read(tmp_path, text + "rank 2 {\nrecv 1000b from 0\n}\nrank 3 {}"), fabric)
    assert program.messages.latency.tolist() == [1_000_000, 1_200_000]
    assert program.messages.work.tolist() == [1_000_000, 1_000_000]
    assert run_events(program).rank_ends(program).tolist() == [2_200_000, 2_000_000, 2_200_000, 0]


# Mistakes


def _rank(*lines: str) -> str:
    return "num_ranks 2\nrank 0 {\n" + "".join(f"{line}\n" for line in lines) + "}\nrank 1 {\n}\n"


KNOT = ("b irequires c", "c requires b")
NINE = tuple(f"l{k} requires l{(k + 1) % 9}" for k in range(9))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.goal: must say num_ranks; is this a GOAL file?"),
        ("hello\n", "a.goal:1: must be a statement of GOAL, got 'hello'; write l1: send 8b to 1"),
        ("num_ranks 0\n", "a.goal:1: num_ranks: must be in 1..1,048,576, got 0"),
        ("num_ranks -3\n", "num_ranks: must be in 1..1,048,576, got -3"),
        ("num_ranks 1000000000\n", "a.goal:1: num_ranks: must be in 1..1,048,576, got 1000000000"),
        ("num_ranks " + "9" * 400 + "\n", "a.goal:1: must be a statement of GOAL, got 'num_ranks 999"),
        ("num_ranks 2\nnum_ranks 2\n", "a.goal:2: must say num_ranks once, got 2"),
        ("rank 0 {\n", "a.goal:1: must say num_ranks first; write num_ranks 2 above"),
        ("num_ranks 2\nrank 2 {\n", "a.goal:2: rank: must be in 0..1, got 2"),
        ("num_ranks 2\nrank 0 {\nrank 1 {\n", "a.goal:3: must close the block of rank 0 first; write }"),
        ("num_ranks 2\nrank 0 { }\nrank 0 { }\n", "a.goal:3: rank: must have one block, got 0"),
        (
            "num_ranks 2\nrank 0 { }\n",
            "a.goal:2: must have a block of every rank, none of rank 1; cut off? else write rank 1 { }",
        ),
        ("num_ranks 1\nrank 0 {\ncalc 1\n", "a.goal:3: must close the block of rank 0 (line 2); cut off?"),
        ("num_ranks 1\nrank 0 { } }\n", "a.goal:2: must open a block before it closes one, got '}'"),
        ("num_ranks 1\n/* x\n\n", "a.goal:2: must end its comment; write */"),
        ("num_ranks 1\ncalc 5\n", "a.goal:2: must stand inside the block of a rank; write rank 0 { before"),
        ("num_ranks 1\na requires b\n", "a.goal:2: must stand inside the block of a rank"),
        ("num_ranks 1\n" + "x" * 5000, "a.goal:2: must be a line of at most 4,096 characters"),
        (_rank("calc -1"), "a.goal:3: calc: must be in 0..1000000000000000, got -1"),
        (_rank("calc 1000000000000001"), "calc: must be in 0..1000000000000000, got 1000000000000001"),
        (_rank("calc 1 nic 0"), "a.goal:3: must be a statement of GOAL, got 'calc 1 nic 0'"),
        (_rank("calc 1; calc 2"), "a.goal:3: must be a statement of GOAL, got 'calc 1; calc 2'"),
        (_rank("calc 1.5"), "must be a statement of GOAL, got 'calc 1.5'"),
        (_rank("send -4b to 1"), "a.goal:3: size: must be in 0..1000000000000000, got -4"),
        (_rank("send 4b to 2"), "a.goal:3: peer: must be a rank in 0..1, got 2"),
        (_rank("send 4b from 1"), "a.goal:3: must send to and recv from, got 'from'"),
        (_rank("recv 4b to 1"), "a.goal:3: must send to and recv from, got 'to'"),
        (_rank("recv 4b from -1"), "a.goal:3: peer: must be a rank, not any, got -1; name the rank"),
        (_rank("recv 4b from -2"), "a.goal:3: peer: must be a rank in 0..1, got -2"),
        (_rank("recv 4b from 1 tag -1"), "a.goal:3: tag: must be a tag >= 0, not any, got -1; name the tag"),
        (_rank("send 4b to 1 tag 0 nic 1"), "a.goal:3: nic: must be 0, got 1; a rank has one adapter"),
        (_rank("send 4 to 1"), "a.goal:3: must be a statement of GOAL, got 'send 4 to 1'"),
        (_rank("a: calc 1", "a: calc 2"), "a.goal:4: must be a label of its own within the rank, got 'a'"),
        (_rank("a: calc 1", "a requires b"), "a.goal:4: must be a label of rank 0, got 'b'"),
        (_rank("c irequires a", "a: calc 1"), "a.goal:3: must be a label of rank 0, got 'c'"),
        (_rank("send 4b to 1 tag 3"), "a.goal:3: send to rank 1, tag 3: must have its receive there"),
        (_rank("calc 1", "recv 4b from 1"), "a.goal:4: receive from rank 1, tag 0: must have its send there"),
        (
            _rank("send 4b to 0", "send 4b to 0", "recv 4b from 0"),
            "a.goal:4: send to rank 0, tag 0: must have its receive there",
        ),
        (
            _rank("send 4b to 0 tag 1", "recv 4b from 0 tag 2"),
            "a.goal:3: send to rank 0, tag 1: must have its receive there",
        ),
        (
            _rank("send 4b to 0 tag 2", "recv 4b from 0 tag 1"),
            "a.goal:4: receive from rank 0, tag 1: must have its send there",
        ),
        (
            _rank("send 4b to 0", "recv 8b from 0"),
            "a.goal:4: must take the 4 bytes of its send (line 3 of rank 0), got 8",
        ),
        (
            _rank("a: calc 1", "b: calc 1 cpu 1", "c: calc 2", "b requires a", *KNOT),
            "a.goal:4: b (line 4) -> c (line 5) -> b (line 4): must not wait for itself",
        ),
        (_rank("a: calc 1", "a requires a"), "a.goal:3: a (line 3) -> a (line 3): must not wait for itself"),
        (
            _rank(*(f"l{k}: calc 1 cpu {k}" for k in range(9)), *NINE),
            "l0 (line 3) -> l1 (line 4) -> l2 (line 5) -> l3 (line 6) -> l4 (line 7) -> … 4 more … -> l0 (l",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ContentError) as caught:
        _read(tmp_path, text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "a.goal"))
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.goal: must be a readable file \(No such file or directory\)"):
        read_goal(tmp_path / "none.goal")
    with pytest.raises(SpecError, match="must be a readable file"):
        read_goal(tmp_path)
    (tmp_path / "a.goal").write_bytes(b"\x1f\x8b\x00\xff" * 9)
    with pytest.raises(ContentError, match=r"a\.goal:1: must be a statement of GOAL"):
        read_goal(tmp_path / "a.goal")


def test_too_many_operations_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript, "MOST_OPERATIONS", 3)
    _read(tmp_path, _rank(*["calc 1"] * 3))
    with pytest.raises(ContentError, match=r"a\.goal:6: must be one of at most 3 operations"):
        _read(tmp_path, _rank(*["calc 1"] * 4))


# Circles


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20))
def test_a_circle_is_found_where_there_is_one(waits: list[tuple[int, int]]) -> None:
    pairs = np.array(waits, dtype=np.int64).reshape(-1, 2)
    found = circle(pairs[:, 0], pairs[:, 1])
    for one, other in zip(found, found[1:] + found[:1], strict=True):
        assert (one, other) in waits
    reach = np.zeros((10, 10), dtype=bool)
    reach[pairs[:, 0], pairs[:, 1]] = True
    for k in range(10):
        reach |= reach[:, [k]] & reach[[k], :]
    assert bool(found) == bool(reach.diagonal().any())


# Damage and size


WHOLE = PAIR.encode() + b"/* x */ # y\n"
PRINTABLE = bytes(range(32, 127)) + b"\n\t\0\xff"


def _damaged(rng: random.Random) -> bytes:
    content = bytearray(WHOLE)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(len(content) + 1)
        match rng.randrange(4):
            case 0:
                content[place:] = b""
            case 1:
                content[place : place + 1] = bytes([rng.choice(PRINTABLE)])
            case 2:
                content[place : place + rng.randrange(1, 40)] = b""
            case _:
                content[place:place] = content[place : place + rng.randrange(1, 40)]
    return bytes(content)


@pytest.mark.parametrize("count", [400, pytest.param(30_000, marks=pytest.mark.slow)])
def test_damaged_files_are_read_or_refused(count: int, tmp_path: Path) -> None:
    path, rng = tmp_path / "a.goal", random.Random(3)
    refusals: list[NearlinearError] = []
    for _ in range(count):
        path.write_bytes(_damaged(rng))
        try:
            program = read_goal(path)
        except NearlinearError as error:
            refusals.append(error)
        else:
            assert (program.messages.size_bytes >= 0).all()
            assert (program.ticks[program.kind == COMPUTE] >= 0).all()
    assert count // 4 < len(refusals) < count
    assert all(one.exit_code == 3 and "\n" not in str(one) for one in refusals)


@pytest.mark.parametrize("ranks", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_million_operations(ranks: int, tmp_path: Path) -> None:
    rounds, lines = 250, [f"num_ranks {ranks}\n"]
    for rank in range(ranks):
        lines += [f"rank {rank} {{\n"]
        for k in range(rounds):
            after, before = (rank + 1) % ranks, (rank - 1) % ranks
            lines += [f"calc 10\ns{k}: send 8b to {after}\nr{k}: recv 8b from {before}\n"]
            lines += [f"c{k}: calc 5\nc{k} requires r{k}\n"]
        lines += ["}\n"]
    program = _read(tmp_path, "".join(lines))
    assert len(program) == 4 * rounds * ranks
