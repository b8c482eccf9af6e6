"""Options of ``nearlinear measure``, and the specification that they make."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from nearlinear.measure.runner import MeasureSpec

WHAT, HOW, WHERE = "What", "Protocol", "Ranks"
MOST_RANKS = 2**20
OUT = Annotated[
    str, typer.Option("--out", "-o", metavar="FILE", help="New record file (.jsonl); never overwritten.")
]
OPS = Annotated[
    str,
    typer.Option(
        "--ops",
        metavar="LIST",
        help="Operations, or the groups collectives, messages, compute.",
        rich_help_panel=WHAT,
    ),
]
ALGORITHMS = Annotated[
    str,
    typer.Option(
        "--algorithms",
        metavar="LIST",
        help="Of the allreduce: vendor, ring, tree, ps … or all.",
        rich_help_panel=WHAT,
    ),
]
SIZES = Annotated[
    str,
    typer.Option("--sizes", metavar="RANGE", help="Vector sizes: 1K..16M, or 1K,1M.", rich_help_panel=WHAT),
]
PER_OCTAVE = Annotated[
    int, typer.Option("--per-octave", min=1, help="Sizes per doubling.", rich_help_panel=WHAT)
]
DTYPE = Annotated[
    str, typer.Option("--dtype", help="float16, bfloat16, float32 or float64.", rich_help_panel=WHAT)
]
WIRE = Annotated[
    str,
    typer.Option(
        "--wire",
        metavar="LIST",
        help="Types on the wire of our own rounds, such as same,float16.",
        rich_help_panel=WHAT,
    ),
]
PLACEMENT = Annotated[
    str,
    typer.Option("--placement", help="Of the library's collectives: both, out or in.", rich_help_panel=WHAT),
]
MODE = Annotated[
    str, typer.Option("--mode", help="individual, pipelined (as nccl-tests), or both.", rich_help_panel=HOW)
]
REPETITIONS = Annotated[
    int, typer.Option("--repetitions", min=1, help="Samples per size at least.", rich_help_panel=HOW)
]
MOST = Annotated[
    int,
    typer.Option(
        "--most", min=0, help="Samples per size at most (default: ten times the least).", rich_help_panel=HOW
    ),
]
PRECISION = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Go on until the median is known to so much (95 %); 0 takes just --repetitions.",
        rich_help_panel=HOW,
    ),
]
BUDGET = Annotated[
    str, typer.Option("--budget", metavar="TIME", help="Time for everything.", rich_help_panel=HOW)
]
START = Annotated[
    str,
    typer.Option(
        "--start", help="Ranks start behind a barrier, or in a window of time.", rich_help_panel=HOW
    ),
]
SEED = Annotated[int, typer.Option("--seed", min=0, help="Of the order of sizes.", rich_help_panel=HOW)]
TRANSPORT = Annotated[
    str, typer.Option("--transport", help="auto, host, staged, cuda or nccl.", rich_help_panel=WHERE)
]
WAITING = Annotated[
    str, typer.Option("--waiting", help="auto, poll or sleep: how ranks wait.", rich_help_panel=WHERE)
]
RANKS_SWEEP = Annotated[
    str,
    typer.Option(
        "--ranks-sweep",
        metavar="LIST",
        help="Scales in one job: 2,4,8 take the first ranks, 0+4+8 these.",
        rich_help_panel=WHERE,
    ),
]
SHARE_GPU = Annotated[
    bool, typer.Option("--share-gpu", help="Let ranks share one GPU.", rich_help_panel=WHERE)
]
LAUNCH = Annotated[
    int, typer.Option("--launch", min=0, metavar="N", help="Start N local ranks.", rich_help_panel=WHERE)
]
PRINT_LAUNCH = Annotated[
    str,
    typer.Option(
        "--print-launch",
        metavar="HOW",
        help="Print the command for mpiexec or srun, or a slurm-script, and measure nothing.",
        rich_help_panel=WHERE,
    ),
]
NODES = Annotated[
    int, typer.Option("--nodes", min=0, help="Machines, for --print-launch (1).", rich_help_panel=WHERE)
]
PER_NODE = Annotated[
    int,
    typer.Option("--per-node", min=0, help="Ranks on each, for --print-launch (2).", rich_help_panel=WHERE),
]

SPEC = (
    "out", "ops", "algorithms", "sizes", "per_octave", "dtype", "wire", "placement", "mode", "repetitions",
    "most", "precision", "budget", "start", "seed", "transport", "waiting", "ranks_sweep", "share_gpu",
)  # fmt: skip


def measure_spec(**given: Any) -> "MeasureSpec":
    """Return what the options ask for; ``SpecError`` for what cannot be."""
    from nearlinear.measure.operations.table import Wanted, algorithms_named, operations_named
    from nearlinear.measure.protocol.starts import STARTS
    from nearlinear.measure.runner import MeasureSpec
    from nearlinear.models.option import one_of

    placements = {"both": ("out", "in"), "out": ("out",), "in": ("in",)}
    return MeasureSpec(
        wanted=Wanted(
            operations=operations_named(words(given["ops"])),
            algorithms=algorithms_named(words(given["algorithms"])),
            placements=placements[one_of(*placements)(given["placement"], "--placement")],
            wires=_wires(given["wire"], given["dtype"]),
        ),
        sampling=_sampling(given),
        transport=transport_named(given["transport"]),
        start=one_of(*STARTS)(given["start"], "--start"),
        waiting=waiting_named(given["waiting"]),
        companies=_companies(given["ranks_sweep"]),
        share_gpu=given["share_gpu"],
        out=Path(given["out"]),
    )


def transport_named(text: str) -> str:
    """Return a transport, or ``auto``."""
    from nearlinear.measure.transports.choice import CHOICES
    from nearlinear.models.option import one_of

    return str(one_of(*CHOICES)(text, "--transport"))


def waiting_named(text: str) -> str:
    """Return a way to wait, or ``auto``."""
    from nearlinear.measure.transports.mpi import WAITING
    from nearlinear.models.option import one_of

    return str(one_of("auto", *WAITING)(text, "--waiting"))


def _sampling(given: dict[str, Any]) -> Any:
    from nearlinear.measure.elements import element_type
    from nearlinear.measure.protocol.stopping import Stopping
    from nearlinear.measure.sampling import Sampling
    from nearlinear.models.errors import SpecError
    from nearlinear.models.option import one_of
    from nearlinear.models.units import parse_duration, parse_fraction

    budget_s = parse_duration(given["budget"], "--budget")
    if budget_s <= 0:
        raise SpecError("--budget", "must be > 0", got=given["budget"])
    precision = parse_fraction(given["precision"], "--precision")
    least, most = given["repetitions"], given["most"]
    if most and most < least:
        raise SpecError("--most", f"must be at least --repetitions ({least})", got=most)
    modes = {"both": ("individual", "pipelined"), "individual": ("individual",), "pipelined": ("pipelined",)}
    return Sampling(
        sizes=_sizes(given["sizes"], given["per_octave"]),
        dtype=element_type(given["dtype"]).name,
        modes=modes[one_of(*modes)(given["mode"], "--mode")],
        stopping=Stopping(
            least=least, most=most or (10 * least if precision else least), precision=precision
        ),
        budget_s=budget_s,
        seed=given["seed"],
    )


def _sizes(text: str, per_octave: int) -> tuple[int, ...]:
    """Return the sizes of a range, or those of a list."""
    from nearlinear.measure.sizes import log_sizes
    from nearlinear.models.errors import SpecError
    from nearlinear.models.units import parse_size, parse_size_range

    if "," in text:
        found = [parse_size(word, "--sizes") for word in words(text)]
        smallest = min(found, default=0.0)
    else:
        smallest, largest = parse_size_range(text, "--sizes")
    if smallest < 1:
        raise SpecError("--sizes", "must be at least one byte", got=text, remedy="write 1K..16M, or 1K,1M")
    if "," in text:
        return tuple(sorted({int(size) for size in found}))
    return log_sizes(int(smallest), int(largest), per_octave)


def _wires(text: str, dtype: str) -> tuple[str, ...]:
    """Return types on the wire; that of the vector is empty text."""
    from nearlinear.measure.elements import element_type
    from nearlinear.models.errors import SpecError

    names = words(text)
    if not names:
        raise SpecError("--wire", "must name at least one type", remedy="write same, or same,float16")
    wires = ["" if word == "same" else element_type(word, "--wire").name for word in names]
    return tuple(dict.fromkeys("" if wire == dtype else wire for wire in wires))


def _companies(text: str) -> tuple[tuple[int, ...], ...]:
    """Return the ranks of each scale: ``8`` is the first eight, ``0+4+8`` these three."""
    from nearlinear.models.errors import SpecError

    remedy = "write --ranks-sweep 2,4,8, or 0+4+8 for these ranks"
    found = []
    for word in words(text):
        numbers = word.split("+")
        if not all(number.strip().isdecimal() for number in numbers):
            raise SpecError("--ranks-sweep", "must be numbers of ranks", got=word, remedy=remedy)
        ranks = tuple(int(number) for number in numbers)
        if max(ranks) > MOST_RANKS:
            raise SpecError("--ranks-sweep", f"must be at most {MOST_RANKS}", got=word)
        members = ranks if len(ranks) > 1 else tuple(range(ranks[0]))
        if not members or members[0] != 0 or list(members) != sorted(set(members)):
            raise SpecError("--ranks-sweep", "must rise from rank 0 on", got=word, remedy=remedy)
        found.append(members)
    return tuple(found)


def words(text: str) -> tuple[str, ...]:
    """Return the parts of a list separated by commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
