"""Execution traces: times worked out by hand, collectives as schedules, and mistakes with their node."""

import builtins
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nearlinear.models.arrays import FloatArray
from nearlinear.models.collectives import ALGORITHMS, Choices
from nearlinear.models.collectives.schedule import Schedule
from nearlinear.models.errors import AbsentError, ContentError, NearlinearError, SpecError
from nearlinear.models.hardware.loggops import LogGOPS
from nearlinear.simulator.exchange import Vector
from nearlinear.simulator.fabrics.fabric import Fabric
from nearlinear.simulator.formats import chakra_collectives, et_file
from nearlinear.simulator.formats.chakra import read_chakra
from nearlinear.simulator.formats.et_file import TYPES, message_classes, read_nodes
from nearlinear.simulator.formats.goal import read_goal, write_goal
from nearlinear.simulator.programs.assembly import expand
from nearlinear.simulator.programs.events import run_events_loggops
from nearlinear.simulator.programs.overheads import run_processes_loggops
from nearlinear.simulator.programs.program import Program
from nearlinear.simulator.rounds.packing import Packed

pytest.importorskip("google.protobuf")

LOGGOPS = LogGOPS.of("L=2500,o=1500,g=1000,G=6,O=0,S=inf")
ASKING = LogGOPS.of("L=2500,o=1500,g=1000,G=6,O=0,S=1000")
NS = 1000  # ticks
Trace = Sequence[Any]


def _node(number: int, kind: str, wait: Sequence[int] = (), us: int = 0, **attributes: Any) -> Any:
    """Return a node; whole numbers become int64 values."""
    classes = message_classes()
    node = classes["Node"](id=number, name=f"n{number}", type=TYPES.index(kind), duration_micros=us)
    node.data_deps.extend(wait)
    for name, value in attributes.items():
        node.attr.append(value if name == "raw" else _attribute(name, value))
    return node


def _attribute(name: str, value: Any) -> Any:
    kind = message_classes()["AttributeProto"]
    match value:
        case bool():
            return kind(name=name, bool_val=value)
        case int():
            return kind(name=name, int64_val=value)
        case float():
            return kind(name=name, double_val=value)
        case str():
            return kind(name=name, string_val=value)
    return kind(name=name, bool_list=message_classes()["BoolList"](values=value))


def _framed(messages: Trace) -> bytes:
    content = b""
    for message in messages:
        raw = message.SerializeToString()
        length = len(raw)
        while length >= 0x80:
            content += bytes([length & 0x7F | 0x80])
            length >>= 7
        content += bytes([length]) + raw
    return content


def _write(folder: Path, traces: Sequence[Trace]) -> list[Path]:
    paths = []
    for rank, nodes in enumerate(traces):
        paths.append(folder / f"t.{rank}.et")
        paths[-1].write_bytes(_framed([message_classes()["GlobalMetadata"](version="0.0.4"), *nodes]))
    return paths


def _ends(program: Program, loggops: LogGOPS = LOGGOPS) -> FloatArray:
    """Return when each operation is done, in nanoseconds, after both engines agree."""
    first, second = run_events_loggops(program, loggops), run_processes_loggops(program, loggops)
    assert first.done_ticks.tolist() == second.done_ticks.tolist()
    return first.done_ticks / NS


def _send(number: int, to: int, size: int = 1, wait: Sequence[int] = (), **more: Any) -> Any:
    return _node(number, "COMM_SEND_NODE", wait, comm_size=size, comm_dst=to, **more)


def _receive(number: int, source: int, size: int = 1, wait: Sequence[int] = (), **more: Any) -> Any:
    return _node(number, "COMM_RECV_NODE", wait, comm_size=size, comm_src=source, **more)


def _allreduce(number: int, size: int = 4000, wait: Sequence[int] = (), **more: Any) -> Any:
    return _node(number, "COMM_COLL_NODE", wait, comm_type=0, comm_size=size, **more)


def _by(algorithm: str) -> Callable[[str, int, int], Schedule]:
    def expansion(name: str, size_bytes: int, ranks: int) -> Schedule:
        assert name == "allreduce"
        return ALGORITHMS[algorithm].schedule_for(ranks, Choices())

    return expansion


# Times by hand


def test_computes_follow_ids_and_messages_run_beside_them(tmp_path: Path) -> None:
    """0 sends when its first compute is done, at 10,000; 1 computes 5 us after it has arrived."""
    traces = [
        [_node(7, "COMP_NODE", us=20), _node(1, "COMP_NODE", us=10), _send(3, 1, 1024, [1])],
        [_receive(0, 0, 1024), _node(2, "MEM_LOAD_NODE", [0], us=5), _node(9, "METADATA_NODE", [2])],
    ]
    program = read_chakra(_write(tmp_path, traces))
    # 10,000 + 1,500 + 2,500 + 1,500 + 1,023 x 6 = 21,638.
    assert program.stream_rank.tolist() == [0, 0, 1, 1]
    assert program.first.tolist() == [0, 2, 3, 5, 6]
    assert _ends(program).tolist() == [10_000, 30_000, 11_500, 26_638, 26_638, 21_638]
    assert program.name_of(2) == "send to rank 1 (n3)"


def test_control_dependencies_and_later_ids_are_waits(tmp_path: Path) -> None:
    first = _send(1, 0, wait=[5])
    node = _node(5, "COMP_NODE", us=3)
    node.ctrl_deps.append(2)
    traces = [[first, node, _node(2, "COMP_NODE", us=4), _receive(3, 0)]]
    program = read_chakra(_write(tmp_path, traces))
    assert _ends(program).tolist() == [4000, 7000, 8500, 7000 + 5500]


def test_tags_tell_messages_apart(tmp_path: Path) -> None:
    traces = [
        [_send(1, 1, 10, comm_tag=1, comm_src=0), _send(2, 1, 20)],
        [_receive(1, 0, 20, comm_dst=1), _receive(2, 0, 10, comm_tag=1)],
    ]
    messages = read_chakra(_write(tmp_path, traces)).messages
    assert messages.send.tolist() == [0, 1]
    assert messages.receive.tolist() == [3, 2]


def test_older_traces_tell_runtime_as_an_attribute(tmp_path: Path) -> None:
    kind = message_classes()["AttributeProto"]
    old = _node(1, "COMP_NODE", runtime=6)
    unsigned = _node(2, "COMP_NODE", raw=kind(name="runtime", uint64_val=2))
    idle = _node(3, "COMP_NODE", num_ops=0)
    both = _node(4, "COMP_NODE", us=1, num_ops=10**9, is_cpu_op=False)
    program = read_chakra(_write(tmp_path, [[old, unsigned, idle, both]]))
    assert program.ticks.tolist() == [6 * 10**6, 2 * 10**6, 0, 10**6]


def test_unknown_fields_and_empty_metadata_do_no_harm(tmp_path: Path) -> None:
    node = _node(1, "COMP_NODE", us=2).SerializeToString() + b"\x42\x03\x0a\x01x"  # field 8, inputs
    (tmp_path / "t.0.et").write_bytes(b"\0" + bytes([len(node)]) + node)
    assert _ends(read_chakra([tmp_path / "t.0.et"])).tolist() == [2000]


# Collectives


@pytest.mark.parametrize("loggops", [LOGGOPS, ASKING], ids=["eager", "asking"])
@pytest.mark.parametrize("ranks", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("algorithm", ["ring", "tree", "ps-sharded", "asa", "halving-doubling"])
def test_a_collective_is_its_schedule(algorithm: str, ranks: int, loggops: LogGOPS, tmp_path: Path) -> None:
    """A trace of one collective ends on every rank when the schedule itself does."""
    paths = _write(tmp_path, [[_allreduce(4, 4003)]] * ranks)
    program = read_chakra(paths, _by(algorithm))
    schedule = ALGORITHMS[algorithm].schedule_for(ranks, Choices())
    vector = Vector(elements=4003, element_bytes=1)
    whole = expand(Packed(schedule, Fabric.of_loggops(loggops, ranks), vector))
    expected = run_events_loggops(whole, loggops).rank_ends(whole)
    assert run_events_loggops(program, loggops).rank_ends(program).tolist() == expected.tolist()
    assert _ends(program, loggops).max(initial=0) == expected.max() / NS
    write_goal(program, tmp_path / "a.goal")
    assert _ends(read_goal(tmp_path / "a.goal"), loggops).tolist() == _ends(program, loggops).tolist()


def test_a_collective_overlaps_computing(tmp_path: Path) -> None:
    """Halves of 2,001 B there and back: 2 x (1,500 + 2,500 + 1,500 + 2,000 x 6) = 35,000 after 10 us."""
    nodes = [
        _node(1, "COMP_NODE", us=10), _allreduce(2, 4002, [1]), _node(3, "COMP_NODE", [1], us=20),
        _node(4, "COMP_NODE", [2, 3], us=7),
    ]  # fmt: skip
    program = read_chakra(_write(tmp_path, [nodes, nodes]), _by("ring"))
    ends = _ends(program)
    assert ends[:3].tolist() == [10_000, 30_000, 52_000]
    assert ends.max() == 52_000


def test_the_end_of_a_collective_waits_for_its_sends(tmp_path: Path) -> None:
    """A tree of 2: 0 sends last; above S that is done when the data have left, not when it has asked."""
    nodes = [_allreduce(2, 2000), _node(3, "COMP_NODE", [2], us=1)]
    program = read_chakra(_write(tmp_path, [nodes, nodes]), _by("tree"))
    # Up: asked 0, granted 4,000 (posted at 0), data leave 8,000, arrive 12,000, handled until 25,494.
    # Down: data leave 33,494 and cost the sender 1,500; 1 has them at 25,494 + 12,000 + 13,494.
    ends = _ends(program, ASKING)
    assert ends[0] == 33_494 + 1500 + 1000
    assert ends[program.first[2]] == 50_988 + 1000


def test_process_groups_are_told_apart_by_name(tmp_path: Path) -> None:
    even, odd = [_allreduce(1, 100, pg_name="even")], [_allreduce(5, 300, pg_name="odd")]
    asked: list[tuple[str, int, int]] = []

    def expansion(name: str, size_bytes: int, ranks: int) -> Schedule:
        asked.append((name, size_bytes, ranks))
        return _by("ring")(name, size_bytes, ranks)

    program = read_chakra(_write(tmp_path, [even, odd, even, odd, even]), expansion)
    assert asked == [("allreduce", 100, 3), ("allreduce", 300, 2)]
    pairs = set(zip(program.messages.source.tolist(), program.messages.destination.tolist(), strict=True))
    assert pairs == {(0, 2), (2, 4), (4, 0), (1, 3), (3, 1)}


def test_collectives_in_a_row_do_not_mix(tmp_path: Path) -> None:
    nodes = [_allreduce(1, 5002, involved_dim=[True, True]), _allreduce(2, 2)]
    program = read_chakra(_write(tmp_path, [nodes, nodes]), _by("ring"))
    # 2 x (5,500 + 2,500 x 6), then 2 x 5,500 with a byte each.
    assert _ends(program).max() == 2 * 20_500 + 11_000
    assert program.messages.size_bytes.tolist() == [2501, 2501, 1, 1] * 2


# Mistakes


def _fails(message: str, kind: type[NearlinearError], paths: list[Path], algorithm: str = "ring") -> None:
    with pytest.raises(kind) as caught:
        read_chakra(paths, _by(algorithm))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("traces", "message"),
    [
        ([[_node(1, "INVALID_NODE")]], "t.0.et: node 1: must have a type, got 'INVALID_NODE'"),
        ([[_node(1, "BATCH_NODE")]], "node 1: must compute, move memory or communicate, got 'BATCH_NODE'"),
        ([[_node(2**63, "COMP_NODE")]], "must have an id below 9223372036854775808"),
        ([[_node(1, "COMP_NODE"), _node(1, "COMP_NODE")]], "t.0.et: id: must be the id of one node, got 1"),
        (
            [[_node(1, "COMP_NODE", num_ops=5)]],
            "t.0.et: node 1: must say how long its num_ops takes, got 0; write duration_micros: a trace does",
        ),
        ([[_node(1, "MEM_STORE_NODE", tensor_size=5)]], "must say how long its tensor_size takes"),
        ([[_node(1, "COMP_NODE", us=2**63)]], "must last at most 1000000000000 us, got 9223372036854775808"),
        ([[_node(1, "COMP_NODE", runtime=-4)]], "node 1: runtime: must be a whole number in 0.."),
        ([[_node(1, "COMP_NODE", runtime=1.5)]], "must be a whole number in 0..1000000000000000, got 1.5"),
        ([[_node(1, "COMP_NODE", runtime=True)]], "runtime: must be a whole number in 0.."),
        ([[_node(1, "COMP_NODE", [4])]], "t.0.et: node 1: must depend on nodes of its trace, got 4"),
        (
            [[_node(1, "COMP_NODE", [2]), _node(2, "COMP_NODE", [1])]],
            "t.0.et: node 1: n1 (node 1) -> n2 (node 2) -> n1 (node 1): must not wait for itself",
        ),
        (
            [[_allreduce(1, wait=[2]), _node(2, "COMP_NODE", [1])]],
            "-> n2 (node 2) -> n1 (node 1) -> n1 (node 1): must not wait for itself",
        ),
        ([[_node(1, "COMM_SEND_NODE", comm_size=1)]], "t.0.et: node 1: needs the attribute comm_dst"),
        ([[_node(1, "COMM_RECV_NODE", comm_src=0)]], "t.0.et: node 1: needs the attribute comm_size"),
        ([[_send(1, 1)]], "t.0.et: node 1: comm_dst: must be a whole number in 0..0, got 1"),
        ([[_send(1, 0, -1)]], "comm_size: must be a whole number in 0..1000000000000000, got -1"),
        ([[_send(1, 0, comm_tag=-1)]], "comm_tag: must be a whole number in 0..4294967296, got -1"),
        ([[_send(1, 1)], [_send(2, 0, comm_src=0)]], "t.1.et: node 2: comm_src: must be rank 1, whose trace"),
        ([[_send(1, 1)], []], "t.0.et: node 1: send to rank 1, tag 0: must have its receive there"),
        ([[], [_receive(3, 0)]], "t.1.et: node 3: receive from rank 0, tag 0: must have its send there"),
        ([[_send(1, 1, 4)], [_receive(3, 0, 8)]], "must take the 4 bytes of its send (node 1 of rank 0)"),
        ([[_node(1, "COMM_COLL_NODE", comm_size=4)]], "t.0.et: node 1: needs the attribute comm_type"),
        ([[_node(1, "COMM_COLL_NODE", comm_type=0)]], "t.0.et: node 1: needs the attribute comm_size"),
        (
            [[_node(1, "COMM_COLL_NODE", comm_type=2, comm_size=4)]],
            "must be a collective that can be expanded, got 'allgather'; allreduce alone has schedules",
        ),
        ([[_node(1, "COMM_COLL_NODE", comm_type=99, comm_size=4)]], "can be expanded, got 'type 99'"),
        ([[_allreduce(1, involved_dim=[True, False])]], "involved_dim: must involve every dimension; name"),
        (
            [[_allreduce(1, 8)], [_allreduce(3, 9)]],
            "t.1.et: node 3: must be the allreduce of 8 bytes of rank 0 (node 1), got 'allreduce of 9 bytes'",
        ),
        (
            [[_allreduce(1)], []],
            "t.1.et: must take part in 1 collectives of group '', as rank 0, got 0",
        ),
        (
            [[], [_allreduce(1, pg_name="a"), _allreduce(2, pg_name="a")], [_allreduce(1, pg_name="a")]],
            "t.2.et: must take part in 2 collectives of group 'a', as rank 1, got 1",
        ),
    ],
)  # fmt: skip
def test_nodes_that_cannot_be(traces: Sequence[Trace], message: str, tmp_path: Path) -> None:
    _fails(message, ContentError, _write(tmp_path, traces))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "t.0.et: must hold GlobalMetadata and nodes, is empty"),
        (b"\x1f\x8b\x08\x00", "t.0.et: must not be compressed; gunzip it first"),
        (
            b"\x05ab",
            "t.0.et: byte 0: must be followed by the 5 bytes that it announces, got 2; cut off, or no",
        ),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "must be followed by the 9,223,372,036,854,775,807 bytes"),
        (b"\x00\x80", "t.0.et: byte 1: must be the length of a message; cut off, or no trace?"),
        (b"\xff" * 30, "t.0.et: byte 0: must be the length of a message"),
        (b"\x02\x0a\x05", "t.0.et: byte 0: must be a GlobalMetadata; is this a trace?"),
        (b"\x03\x0a\x01\xff", "t.0.et: byte 0: must be a GlobalMetadata"),  # no UTF-8
        (b"\x00\x02\x08\xff", "t.0.et: byte 1: must be a Node; is this a trace?"),
        (b"\x00\x00", "t.0.et: node 0: must have a type, got 'INVALID_NODE'; is this a trace?"),
        (b"\x00\x04\x08\x03\x18\x63", "t.0.et: node 3: must have a type, got 99"),
        (b'{"nodes": []}' * 20, "t.0.et: byte 0: must be a GlobalMetadata"),
    ],
)
def test_files_that_are_no_traces(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.0.et"
    path.write_bytes(content)
    _fails(message, ContentError, [path])


def test_ranks_and_their_files(tmp_path: Path) -> None:
    a, b = _write(tmp_path, [[_node(1, "COMP_NODE", us=1)], [_node(1, "COMP_NODE", us=2)]])
    assert _ends(read_chakra([b, a])).tolist() == [1000, 2000]
    other = tmp_path / "t.2.et"
    _fails("must have a trace of every rank, none of rank 1; is there a file .1.et?", SpecError, [a, other])
    _fails("t.2.et: must be a readable file (No such file or directory)", SpecError, [a, b, other])
    _fails("must be the one trace of rank 0, got", SpecError, [a, tmp_path / "u.0.et"])
    _fails("t.et: must be named after its rank; such as trace.0.et", SpecError, [tmp_path / "t.et"])
    _fails("traces: must be 1 to 1,048,576 files, got 0", SpecError, [])


def test_collectives_need_a_schedule_for_their_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = _write(tmp_path, [[_allreduce(1)], [_allreduce(1)]])
    with pytest.raises(
        ContentError, match="node 1: must not be a collective, got 'allreduce'; say how it is"
    ):
        read_chakra(paths)
    _fails("must return a schedule of 2 ranks, got '2 and 1 servers'", SpecError, paths, "ps")
    with pytest.raises(SpecError, match="must return a schedule of 2 ranks, got '3 and 0 servers'"):
        read_chakra(paths, lambda name, size_bytes, ranks: _by("ring")(name, size_bytes, 3))
    monkeypatch.setattr(chakra_collectives, "MOST_OPERATIONS", 8)  # a ring of 2 has 4 messages
    read_chakra(paths, _by("ring"))
    monkeypatch.setattr(chakra_collectives, "MOST_OPERATIONS", 7)
    _fails("node 1: must stay within 7 operations of all collectives", ContentError, paths)


def test_many_collectives_are_counted_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [_allreduce(1), _allreduce(2)]
    paths = _write(tmp_path, [nodes, nodes])
    monkeypatch.setattr(chakra_collectives, "MOST_OPERATIONS", 15)
    _fails("node 2: must stay within 15 operations of all collectives", ContentError, paths)


def test_without_protobuf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = _write(tmp_path, [[]])
    real = builtins.__import__

    def absent(name: str, *more: Any) -> Any:
        if name.startswith("google"):
            raise ImportError(name)
        return real(name, *more)

    message_classes.cache_clear()
    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(
        AbsentError, match=r"chakra: needs the protobuf library; pip install 'nearlinear\[chakra\]'"
    ):
        read_chakra(paths)
    monkeypatch.undo()
    assert len(read_chakra(paths)) == 0


# Damage


def _damaged(whole: bytes, rng: random.Random) -> bytes:
    content = bytearray(whole)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(len(content) + 1)
        match rng.randrange(4):
            case 0:
                content[place:] = b""
            case 1:
                content[place : place + 1] = rng.randbytes(1)
            case 2:
                content[place : place + rng.randrange(1, 20)] = b""
            case _:
                content[place:place] = content[place : place + rng.randrange(1, 40)]
    return bytes(content)


@pytest.mark.parametrize("count", [300, pytest.param(30_000, marks=pytest.mark.slow)])
def test_damaged_traces_are_read_or_refused(count: int, tmp_path: Path) -> None:
    nodes = [
        _node(1, "COMP_NODE", us=10, is_cpu_op=False), _send(2, 0, 1024, [1], comm_tag=3),
        _receive(3, 0, 1024, comm_tag=3), _allreduce(4, 4002, [1, 3], pg_name="world"),
        _node(5, "MEM_LOAD_NODE", [4], us=3),
    ]  # fmt: skip
    (path,) = _write(tmp_path, [nodes])
    whole, rng = path.read_bytes(), random.Random(5)
    assert len(read_chakra([path], _by("ring"))) == 6
    refusals: list[NearlinearError] = []
    for _ in range(count):
        path.write_bytes(_damaged(whole, rng))
        try:
            program = read_chakra([path], _by("ring"))
        except NearlinearError as error:
            refusals.append(error)
        else:
            assert (program.ticks >= 0).all()
            assert (program.messages.size_bytes >= 0).all()
    assert count // 4 < len(refusals) < count
    assert all(one.exit_code == 3 and "\n" not in str(one) for one in refusals)


def test_a_lying_length_makes_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is asked of the file than it holds."""
    path = tmp_path / "t.0.et"
    path.write_bytes(b"\x00\xff\xff\xff\xff\x7f" + b"x" * 50)
    with pytest.raises(ContentError, match="must be followed by the 34,359,738,367 bytes"):
        read_nodes(path)


def test_lists_of_other_kinds_are_left_out(tmp_path: Path) -> None:
    """An int64 list (field 10 of an attribute) is not declared; it neither fails nor counts."""
    attribute = message_classes()["AttributeProto"].FromString(b"\x0a\x01a\x52\x03\x0a\x01\x05")
    (path,) = _write(tmp_path, [[_node(1, "COMP_NODE", raw=attribute, b=2)]])
    assert read_nodes(path)[0].attributes == {"b": 2}
    assert np.array_equal(sorted(et_file.FIELDS), ["AttributeProto", "BoolList", "GlobalMetadata", "Node"])
