"""What is asked: workload, cluster, plan and knowledge, as one frozen ``Scenario``.

Command-line options and TOML keys are made from the fields below, so they cannot drift apart: a field
``batch_per_device`` of the table ``plan`` is the option ``--batch-per-device`` and the key
``batch-per-device`` under ``[plan]``. This file imports nothing heavy; the command line reads it for
``--help``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from nearlinear.models.bucket_size import bucket, bucket_text
from nearlinear.models.economics.question import Cost, Target, check_target
from nearlinear.models.errors import ContentError, SpecError, nearest
from nearlinear.models.global_batch import GlobalBatch, global_batch, plain
from nearlinear.models.option import at_most, count, flag, one_of, option, text, whole
from nearlinear.models.strict import line_of, read_toml
from nearlinear.models.throughput import Anchor, Throughput, anchors, throughputs
from nearlinear.models.units import parse_counts

DEFAULT_DEVICES = "1,2,4..256"
DEFAULT_BATCH = 32
DEFAULT_BUCKET = "25MiB"  # PyTorch DistributedDataParallel, bucket_cap_mb = 25
MOST_SAMPLES = 100_000  # bands do not get better, and memory is not endless
DEFAULT_SAMPLES = 401  # odd, so that the median is one of the samples; 5 % of them is 20
WIRES = {"float32": 4, "float16": 2, "bfloat16": 2}
DEFAULT_WIRE = "float32"
REPLACES = {  # an option given beside a file also replaces the keys that it excludes
    "batch_per_device": ("global_batch",),
    "global_batch": ("batch_per_device",),
    "until_accuracy": ("epochs", "critical_batch", "epoch_samples"),
    "epochs": ("until_accuracy",),
    "instance": ("price_per_device_h",),
    "price_per_device_h": ("instance",),
}
LISTED = ("anchor", "throughput")  # may be given several times
PRECISIONS = ("fp32", "tf32", "fp16", "bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is trained."""

    model: str = option(text, "Network of the zoo (nearlinear list models).", metavar="MODEL")
    precision: str = option(
        one_of(*PRECISIONS), "Arithmetic of forward and backward: fp32, tf32, fp16 or bf16.", "fp32"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What it is trained on: a cluster by name, or a device with its links."""

    cluster: str | None = option(
        text, "Cluster of the catalogue (nearlinear list clusters), or a TOML file.", None
    )
    device: str | None = option(text, "Device of the catalogue; replaces the cluster's.", None)
    per_node: int | None = option(count, "Devices per node. (default: the cluster's, else 1)", None)
    node_link: str | None = option(
        text, "Link between devices of a node. (default: the cluster's, else the device's)", None
    )
    net: str | None = option(
        text, "Network between nodes: a link of the catalogue or a bandwidth per adapter (100Gb).", None
    )
    nics: int | None = option(count, "Network adapters per node. (default: the cluster's, else 1)", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How it is trained."""

    devices: tuple[int, ...] = option(
        parse_counts, "Device counts to predict.", parse_counts(DEFAULT_DEVICES), "1,2,4..256"
    )
    batch_per_device: int | None = option(
        count, f"Samples per device and step (weak scaling). (default: {DEFAULT_BATCH})", None
    )
    global_batch: GlobalBatch | None = option(
        global_batch, "Samples per step over all devices (strong scaling), or one for each scale, "
        "DEVICES:SAMPLES,...", None, "SAMPLES",
    )  # fmt: skip
    algorithm: str = option(
        text, "auto, ring, tree, copper, copper16, ps, ps-sharded, asa, asa16, hierarchical, "
        "recursive-doubling or halving-doubling.", "auto",
    )  # fmt: skip
    outer: str | None = option(
        text, "Allreduce between nodes that hierarchical uses: ring, tree, recursive-doubling or "
        "halving-doubling. (default: the best)", None,
    )  # fmt: skip
    servers: int = option(whole, "Parameter servers for ps and ps-sharded; 0 is their default.", 0)
    bucket: float = option(
        bucket, "Gradients exchanged together: a size, or layer or tensor for each of these alone.",
        bucket(DEFAULT_BUCKET, "--bucket"), "SIZE",
    )  # fmt: skip
    overlap: bool = option(flag, "Exchange buckets while backward goes on.", True)
    wire: str = option(
        one_of(*WIRES), "Type of gradients on the wire: float32, float16 or bfloat16; sums are 32-bit.",
        DEFAULT_WIRE,
    )  # fmt: skip
    staged: str | None = option(
        text, "Copy gradients to host memory and back over this link of the catalogue (pcie3), as MPI does "
        "that is not CUDA-aware.", None, "LINK",
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What is known from measurements, and how bands are drawn."""

    profile: str | None = option(text, "Profile that nearlinear calibrate wrote.", None, metavar="FILE")
    anchor: tuple[Anchor, ...] = option(
        anchors, "Measured throughput, DEVICES:SAMPLES_PER_S; may be repeated.", (), "N:RATE"
    )
    throughput: tuple[Throughput, ...] = option(
        throughputs, "Measured on one device, BATCH:SAMPLES_PER_S; may be repeated.", (), "B:RATE"
    )
    samples: int = option(at_most(MOST_SAMPLES), "Parameter samples behind each band.", DEFAULT_SAMPLES)
    seed: int = option(whole, "Seed of the samples.", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Workload, machine, plan, knowledge, target and cost: all that a prediction depends on.

    Raises
    ------
    SpecError
        Contradictory choices: no machine, both a batch per device and a global batch, a cost without target.
    """

    workload: Workload
    machine: Machine
    plan: Plan = Plan()
    knowledge: Knowledge = Knowledge()
    target: Target = field(default_factory=Target)
    cost: Cost = field(default_factory=Cost)

    def __post_init__(self) -> None:
        if self.machine.cluster is None and self.machine.device is None:
            remedy = "say --cluster dgx-a100, or --device a100 with --net"
            raise SpecError("--cluster", "a cluster or a device is needed", remedy=remedy)
        if self.plan.batch_per_device is not None and self.plan.global_batch is not None:
            remedy = "drop one: --batch-per-device is weak scaling"
            raise SpecError("--global-batch", "excludes --batch-per-device", remedy=remedy)
        check_target(self.target, self.cost)

    @classmethod
    def of(cls, **options: Any) -> Self:
        """Return the scenario of options by name, as on the command line.

        Examples
        --------
        >>> Scenario.of(model="nin", cluster="titan", devices="1,2..8").plan.devices
        (1, 2, 4, 8)
        """
        return cls.from_options(options, lambda table, key: _flag_name(key))

    @classmethod
    def from_options(cls, options: Mapping[str, Any], where: Callable[[str, str], str]) -> Self:
        """Return the scenario of raw values by field name; ``where(table, key)`` names a value."""
        home = {spec.name: table for table, spec in option_fields()}
        tables: dict[str, dict[str, Any]] = {table: {} for table in TABLES}
        for name, raw in options.items():
            if name not in home:
                remedy = nearest(name, list(home)) or "see --help"
                raise SpecError(where("", name), "unknown option", got=name, remedy=remedy)
            if raw is not None:
                tables[home[name]][name] = raw
        return cls(**{t: _read(c, tables[t], t, where) for t, c in TABLES.items()})

    @classmethod
    def from_file(cls, path: Path, overrides: Mapping[str, Any] | None = None) -> Self:
        """Return the scenario of a TOML file, with options on top.

        Raises
        ------
        SpecError
            The file is not there, or an option is wrong.
        ContentError
            The file says something impossible; the message has its line.
        """
        options, places = _read_options(path)
        given = {name: raw for name, raw in (overrides or {}).items() if raw is not None}
        replaced = {other for name in REPLACES if given.get(name) for other in REPLACES[name]}
        options = {name: raw for name, raw in options.items() if name not in replaced}
        try:
            return cls.from_options(options | given, lambda table, key: _place(key, given, places))
        except SpecError as error:
            raise _in_file(error, str(path)) from None

    def to_tables(self) -> dict[str, dict[str, Any]]:
        """Return the scenario as TOML tables of plain values; fields left open are absent."""
        tables: dict[str, dict[str, Any]] = {}
        for table, spec in option_fields():
            value = getattr(getattr(self, table), spec.name)
            if value is not None and value != ():
                tables.setdefault(table, {})[spec.name.replace("_", "-")] = _plain(spec.name, value)
        return tables


TABLES: dict[str, type[Any]] = {
    "workload": Workload,
    "machine": Machine,
    "plan": Plan,
    "knowledge": Knowledge,
    "target": Target,
    "cost": Cost,
}


def option_fields() -> Iterator[tuple[str, Field[Any]]]:
    """Yield (table, field) of every option in order."""
    for table, cls in TABLES.items():
        for spec in fields(cls):
            yield table, spec


def places_in(path: Path, overrides: Mapping[str, Any]) -> dict[str, str]:
    """Return where in a scenario file the value of each option stands, by the option's name.

    What is wrong with a value may show only when it is looked up; the error can then name the file.
    """
    _, places = _read_options(path)
    return {_flag_name(key): place for key, place in places.items() if overrides.get(key) is None}


def _read_options(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return raw values by field name, and where each stands in the file."""
    options: dict[str, Any] = {}
    places: dict[str, str] = {}
    for table, content in read_toml(path).items():
        if table not in TABLES or not isinstance(content, dict):
            remedy = nearest(table, list(TABLES)) or f"known are {', '.join(TABLES)}"
            raise ContentError(line_of(path, table), "unknown table", got=table, remedy=remedy)
        for key, raw in content.items():
            options[key.replace("-", "_")] = raw
            places[key.replace("-", "_")] = f"{line_of(path, f'{table}.{key}')}: {table}.{key}"
    return options, places


def _flag_name(key: str) -> str:
    return "MODEL" if key == "model" else "--" + key.replace("_", "-")


def _place(key: str, given: Mapping[str, Any], places: Mapping[str, str]) -> str:
    return _flag_name(key) if key in given or key not in places else places[key]


def _in_file(error: SpecError, path: str) -> SpecError:
    """Return the error as one of the file's content where the file is what it names."""
    if not error.where.startswith(path):
        return error
    return ContentError(error.where, error.rule, field=error.field, got=error.got, remedy=error.remedy)


def _read(cls: type[Any], raw: Mapping[str, Any], table: str, where: Callable[[str, str], str]) -> Any:
    ready = {}
    for spec in fields(cls):
        if spec.name in raw:
            ready[spec.name] = spec.metadata["reader"](raw[spec.name], where(table, spec.name))
        elif spec.default is MISSING:
            raise SpecError(where(table, spec.name), "is needed", remedy="see --help")
    return cls(**ready)


def _plain(name: str, value: Any) -> Any:
    if name in LISTED:
        return [str(one) for one in value]
    if name == "bucket":
        return bucket_text(value)
    if name == "global_batch":
        return plain(value)
    if name == "learning_rate":
        return str(value)
    return list(value) if isinstance(value, tuple) else value
