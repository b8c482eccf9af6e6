"""Files of Chakra execution traces: messages of protobuf, each behind its length.

A file holds one ``GlobalMetadata``, then ``Node`` messages; before each stands its length in bytes as a
varint. Only the fields that are needed are declared, at run time; protobuf skips all others.

References
----------
mlcommons/chakra, schema/protobuf/et_def.proto (fields) and src/third_party/utils/protolib.py (lengths).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from nearlinear.models.errors import AbsentError, ContentError, SpecError

PACKAGE = "ChakraProtoMsg"
VALUES = {
    "double_val": (3, "DOUBLE"), "float_val": (5, "FLOAT"), "int32_val": (7, "INT32"),
    "int64_val": (9, "INT64"), "uint32_val": (11, "UINT32"), "uint64_val": (13, "UINT64"),
    "sint32_val": (15, "SINT32"), "sint64_val": (17, "SINT64"), "fixed32_val": (19, "FIXED32"),
    "fixed64_val": (21, "FIXED64"), "sfixed32_val": (23, "SFIXED32"), "sfixed64_val": (25, "SFIXED64"),
    "bool_val": (27, "BOOL"), "bool_list": (28, "BoolList"), "string_val": (29, "STRING"),
}  # fmt: skip
FIELDS = {
    "BoolList": {"values": (1, "BOOL*")},
    "AttributeProto": {"name": (1, "STRING"), **VALUES},
    "GlobalMetadata": {"version": (1, "STRING"), "attr": (2, "AttributeProto*")},
    "Node": {
        "id": (1, "UINT64"), "name": (2, "STRING"), "type": (3, "INT32"), "ctrl_deps": (4, "UINT64*"),
        "data_deps": (5, "UINT64*"), "duration_micros": (7, "UINT64"), "attr": (10, "AttributeProto*"),
    },
}  # fmt: skip
INVALID = 0
TYPES = (
    "INVALID_NODE", "METADATA_NODE", "MEM_LOAD_NODE", "MEM_STORE_NODE", "COMP_NODE", "COMM_SEND_NODE",
    "COMM_RECV_NODE", "COMM_COLL_NODE", "STORAGE_NODE", "BATCH_NODE", "CHECKPOINT_NODE",
)  # fmt: skip
MOST_NUMBER = 2**63  # of a node
VARINT_BYTES = 10
GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a trace.

    Attributes
    ----------
    number : int
        Its id, unique in its file.
    name : str
        For people.
    kind : str
        One of ``TYPES``.
    waits : tuple of int
        Nodes that it depends on, by control or data.
    duration_us : int
        As traced; 0 where it was not.
    attributes : dict
        Values by name; lists other than of booleans are left out.
    """

    number: int
    name: str
    kind: str
    waits: tuple[int, ...]
    duration_us: int
    attributes: dict[str, Any]

    def whole(self, name: str, where: str, limit: int, default: int | None = None) -> int:
        """Return an attribute that is a whole number in 0..limit.

        Raises
        ------
        ContentError
            It is not, or it is missing and has no default.
        """
        value = self.attributes.get(name, default)
        if value is None:
            raise ContentError(where, f"needs the attribute {name}")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= limit:
            raise ContentError(where, f"must be a whole number in 0..{limit}", field=name, got=value)
        return value


@cache
def message_classes() -> dict[str, Any]:
    """Return the classes of messages by name: ``GlobalMetadata``, ``Node``, ``AttributeProto``, ``BoolList``.

    Raises
    ------
    AbsentError
        The protobuf library is not there.
    """
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError:
        remedy = "pip install 'nearlinear[chakra]'"
        raise AbsentError("chakra", "needs the protobuf library", remedy=remedy) from None
    file = descriptor_pb2.FileDescriptorProto(name="trace.proto", package=PACKAGE, syntax="proto3")
    for message, fields in FIELDS.items():
        told = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            _declare(told.field.add(name=name, number=number), kind)
            if name in VALUES:
                told.field[-1].oneof_index = 0
        if message == "AttributeProto":
            told.oneof_decl.add(name="value")
    pool = descriptor_pool.DescriptorPool()  # not the common one, in which others may have declared more
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in FIELDS
    }


def _declare(field: Any, kind: str) -> None:
    field.label = field.LABEL_REPEATED if kind.endswith("*") else field.LABEL_OPTIONAL
    kind = kind.rstrip("*")
    if kind.isupper():
        field.type = getattr(field, f"TYPE_{kind}")
    else:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"


def read_nodes(path: Path) -> list[Node]:
    """Return the nodes of a trace in the order of their ids.

    Raises
    ------
    SpecError
        The file is missing or unreadable.
    ContentError
        It is cut off, no trace, or two nodes have one id.
    AbsentError
        The protobuf library is not there.
    """
    classes = message_classes()
    try:
        with path.open("rb") as file:
            frames = _frames(file, path)
            _parsed(classes["GlobalMetadata"], *next(frames), path)
            nodes = [_node(_parsed(classes["Node"], at, raw, path), path) for at, raw in frames]
    except OSError as error:
        raise SpecError(str(path), f"must be a readable file ({error.strerror})") from None
    except StopIteration:
        raise ContentError(str(path), "must hold GlobalMetadata and nodes, is empty") from None
    nodes.sort(key=lambda node: node.number)
    for one, other in pairwise(nodes):
        if one.number == other.number:
            raise ContentError(str(path), "must be the id of one node", field="id", got=one.number)
    return nodes


def _frames(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield place and content of every message; a length never makes more room than the file fills."""
    if file.read(2) == GZIP:
        raise ContentError(str(path), "must not be compressed", remedy="gunzip it first")
    size = file.seek(0, 2)
    file.seek(0)
    while (at := file.tell()) < size:
        length, left = _length(file, path, at), size - file.tell()
        if length > left:
            told = f"must be followed by the {length:,} bytes that it announces"
            raise ContentError(f"{path}: byte {at}", told, got=left, remedy="cut off, or no trace?")
        yield at, file.read(length)


def _length(file: BinaryIO, path: Path, at: int) -> int:
    value = 0
    for place in range(VARINT_BYTES):
        (byte,) = file.read(1) or (None,)
        if byte is None:
            break
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value
    raise ContentError(
        f"{path}: byte {at}", "must be the length of a message", remedy="cut off, or no trace?"
    )


def _parsed(kind: Any, at: int, raw: bytes, path: Path) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(raw)
    except (DecodeError, UnicodeDecodeError):
        what = kind.DESCRIPTOR.name
        raise ContentError(f"{path}: byte {at}", f"must be a {what}", remedy="is this a trace?") from None


def _node(message: Any, path: Path) -> Node:
    number, kind = message.id, message.type
    where = f"{path}: node {number}"
    if number >= MOST_NUMBER:
        raise ContentError(where, f"must have an id below {MOST_NUMBER}")
    if not INVALID < kind < len(TYPES):
        known = TYPES[kind] if kind == INVALID else kind
        raise ContentError(where, "must have a type", got=known, remedy="is this a trace?")
    return Node(
        number=number,
        name=message.name,
        kind=TYPES[kind],
        waits=tuple(dict.fromkeys((*message.ctrl_deps, *message.data_deps))),
        duration_us=message.duration_micros,
        attributes={one.name: _value(one) for one in message.attr if one.WhichOneof("value")},
    )


def _value(attribute: Any) -> Any:
    held = attribute.WhichOneof("value")
    value = getattr(attribute, held)
    return list(value.values) if held == "bool_list" else value
