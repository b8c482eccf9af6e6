"""Reading GOAL line by line; ``goal`` describes the format."""

import re
from pathlib import Path

from nearlinear.models.errors import ContentError
from nearlinear.simulator.formats.transcript import LARGEST, MOST_RANKS, Origin, Transcript
from nearlinear.simulator.programs.program import COMPUTE, RECEIVE, SEND, Program

TICKS_PER_NANOSECOND = 1000
MOST_CHARACTERS = 4096  # of a line
NOWHERE = -1
LABEL, WHOLE = r"([A-Za-z][A-Za-z0-9_]*)", r"(-?\d{1,18})"
OPERATION = re.compile(
    rf"\s*(?:{LABEL}\s*:\s*)?"
    rf"(?:(?:(send)|recv)\s+{WHOLE}\s*b\s+(to|from)\s+{WHOLE}"
    rf"(?:\s+tag\s+{WHOLE})?(?:\s+cpu\s+(\d{{1,9}}))?(?:\s+nic\s+(\d{{1,9}}))?"
    rf"|calc\s+{WHOLE}(?:\s+cpu\s+(\d{{1,9}}))?)\s*\Z",
    re.ASCII,
)
DEPENDENCY = re.compile(rf"\s*{LABEL}\s+(i?)requires\s+{LABEL}\s*\Z", re.ASCII)
RANKS = re.compile(rf"num_ranks\s+{WHOLE}(?!\S)", re.ASCII)
BLOCK = re.compile(rf"rank\s+{WHOLE}\s*\{{", re.ASCII)
COMMENT = re.compile(r"//|#|/\*")


class Reader:
    """What was read so far: the rank whose block is open, and its labels.

    Parameters
    ----------
    path : Path
        The file, for errors.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.line, self.ranks, self.rank = path, 0, 0, NOWHERE
        self.comment = self.opened = 0  # lines where the open comment and the open block begin
        self.transcript = Transcript(0, Origin(files=[path]))
        self.blocks: set[int] = set()
        self.labels: dict[str, int] = {}
        self.later: list[tuple[int, str, bool, str]] = []

    def take(self, line: str) -> None:
        """Read the next line."""
        self.line += 1
        if len(line) > MOST_CHARACTERS:
            raise self._error(f"must be a line of at most {MOST_CHARACTERS:,} characters")
        if self.comment or "/" in line or "#" in line:
            line = self._uncommented(line)
        if not self._statement(line):
            self._structure(line.strip())

    def program(self) -> Program:
        """Return what was read, once all is closed."""
        if self.comment:
            self.line = self.comment
            raise self._error("must end its comment", remedy="write */")
        if self.rank != NOWHERE:
            told = f"must close the block of rank {self.rank} (line {self.opened})"
            raise self._error(told, remedy="cut off? else write }")
        if not self.ranks:
            raise ContentError(str(self.path), "must say num_ranks", remedy="is this a GOAL file?")
        for rank in range(self.ranks) if len(self.blocks) < self.ranks else ():
            if rank not in self.blocks:
                remedy = f"cut off? else write rank {rank} {{ }}"
                raise self._error(f"must have a block of every rank, none of rank {rank}", remedy=remedy)
        return self.transcript.program()

    def _statement(self, line: str) -> bool:
        found = OPERATION.match(line)
        if found:
            self._operation(*found.groups())
            return True
        found = DEPENDENCY.match(line)
        if found:
            label, begin, target = found.groups()
            self._inside()
            self._depend(self.line, label, bool(begin), target)
        return found is not None

    def _operation(
        self, label: str | None, send: str | None, size: str | None, way: str, peer: str, tag: str | None,
        cpu: str | None, nic: str | None, time: str | None, calc_cpu: str | None,
    ) -> None:  # fmt: skip
        self._inside()
        name = self.transcript.name(label) if label else 0
        if size is None:
            ticks = self._amount(int(time or 0), "calc") * TICKS_PER_NANOSECOND
            number = self.transcript.add(
                self.rank, int(calc_cpu or 0), COMPUTE, ticks, NOWHERE, 0, self.line, name
            )
        else:
            if way != ("to" if send else "from"):
                raise self._error("must send to and recv from", got=way)
            if nic and int(nic):
                remedy = "a rank has one adapter; leave nic out"
                raise self._error("must be 0", "nic", got=int(nic), remedy=remedy)
            number = self.transcript.add(
                self.rank, int(cpu or 0), SEND if send else RECEIVE, self._amount(int(size), "size"),
                self._peer(int(peer)), self._tag(int(tag or 0)), self.line, name,
            )  # fmt: skip
        if label and self.labels.setdefault(label, number) != number:
            raise self._error("must be a label of its own within the rank", got=label)

    def _inside(self) -> None:
        if self.rank == NOWHERE:
            raise self._error("must stand inside the block of a rank", remedy="write rank 0 { before")

    def _amount(self, value: int, field: str) -> int:
        if not 0 <= value <= LARGEST:
            raise self._error(f"must be in 0..{LARGEST}", field, got=value)
        return value

    def _peer(self, peer: int) -> int:
        if peer == -1:
            raise self._error("must be a rank, not any", "peer", got=peer, remedy="name the rank")
        if not 0 <= peer < self.ranks:
            raise self._error(f"must be a rank in 0..{self.ranks - 1}", "peer", got=peer)
        return peer

    def _tag(self, tag: int) -> int:
        if tag < 0:
            raise self._error("must be a tag >= 0, not any", "tag", got=tag, remedy="name the tag")
        return tag

    def _depend(self, line: int, label: str, begin: bool, target: str) -> None:
        operation, other = self.labels.get(label), self.labels.get(target)
        if operation is None or other is None:
            self.later.append((line, label, begin, target))
        else:
            self.transcript.wait(operation, ~other if begin else other)

    def _structure(self, text: str) -> None:
        """Read what opens and closes blocks; statements may follow on the line."""
        while text:
            if text[0] == "}":
                end = 1
                self._close()
            elif found := RANKS.match(text):
                end = found.end()
                self._count(int(found[1]))
            elif found := BLOCK.match(text):
                end = found.end()
                self._open(int(found[1]))
            else:
                remedy = "write l1: send 8b to 1 tag 0, l2: calc 100, l2 requires l1 or }, one a line"
                raise self._error("must be a statement of GOAL", got=text[:60], remedy=remedy)
            text = text[end:].strip()
            if text and self._statement(text):
                return

    def _count(self, ranks: int) -> None:
        if self.ranks:
            raise self._error("must say num_ranks once", got=ranks)
        if not 1 <= ranks <= MOST_RANKS:
            raise self._error(f"must be in 1..{MOST_RANKS:,}", "num_ranks", got=ranks)
        self.ranks = self.transcript.ranks = ranks

    def _open(self, rank: int) -> None:
        if self.rank != NOWHERE:
            raise self._error(f"must close the block of rank {self.rank} first", remedy="write }")
        if not self.ranks:
            raise self._error("must say num_ranks first", remedy="write num_ranks 2 above")
        if not 0 <= rank < self.ranks:
            raise self._error(f"must be in 0..{self.ranks - 1}", "rank", got=rank)
        if rank in self.blocks:
            raise self._error("must have one block", "rank", got=rank)
        self.blocks.add(rank)
        self.rank, self.opened = rank, self.line

    def _close(self) -> None:
        if self.rank == NOWHERE:
            raise self._error("must open a block before it closes one", got="}")
        later, self.later = self.later, []
        for line, label, begin, target in later:
            for name in (label, target):
                if name not in self.labels:
                    self.line = line
                    raise self._error(f"must be a label of rank {self.rank}", got=name)
            self._depend(line, label, begin, target)
        self.labels.clear()
        self.rank = NOWHERE

    def _uncommented(self, line: str) -> str:
        kept = ""
        while line:
            if self.comment:
                _, end, line = line.partition("*/")
                self.comment = 0 if end else self.comment
                kept += " "
                continue
            found = COMMENT.search(line)
            if not found:
                return kept + line
            kept += line[: found.start()]
            if found[0] != "/*":
                return kept
            self.comment, line = self.line, line[found.end() :]
        return kept

    def _error(self, rule: str, field: str = "", **more: object) -> ContentError:
        return ContentError(f"{self.path}:{self.line}", rule, field, **more)  # type: ignore[arg-type]
