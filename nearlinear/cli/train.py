"""``nearlinear train``: a small data-parallel training run, to check predictions of whole steps against."""

from pathlib import Path

from nearlinear.cli import measuring, training
from nearlinear.cli.options import JSON
from nearlinear.cli.ranks import check_new, launch_ranks, prepare_rank, said_once


def train(
    network: training.NETWORK = "mlp",
    out: measuring.OUT = "train.jsonl",
    data: training.DATA = "synthetic",
    image: training.IMAGE = "",
    noise: training.NOISE = 0.0,
    samples: training.SAMPLES = 0,
    width: training.WIDTH = 0,
    batch: training.BATCH = 32,
    loader: training.LOADER = "inline",
    load_delay: training.LOAD_DELAY = "0s",
    rule: training.RULE = "bsp",
    algorithm: training.ALGORITHM = "vendor",
    wire: training.WIRE = "same",
    bucket: training.BUCKET = "",
    overlap: training.OVERLAP = False,
    averages: training.AVERAGES = None,
    period: training.PERIOD = None,
    elasticity: training.ELASTICITY = None,
    probability: training.PROBABILITY = None,
    staleness: training.STALENESS = None,
    epochs: training.EPOCHS = 3,
    budget: training.BUDGET = "600s",
    rate: training.RATE = 0.02,
    momentum: training.MOMENTUM = 0.9,
    decay: training.DECAY = 0.0,
    seed: training.SEED = 0,
    transport: measuring.TRANSPORT = "auto",
    waiting: measuring.WAITING = "auto",
    share_gpu: measuring.SHARE_GPU = False,
    launch: measuring.LAUNCH = 0,
    as_json: JSON = False,
) -> None:
    """Train a small network on every rank, and record where the time of each step goes."""
    asked = dict(locals())
    prepare_rank()
    from nearlinear.cli.failure import failed
    from nearlinear.measure.progress import Progress
    from nearlinear.measure.training.trainer import TrainHow
    from nearlinear.measure.training.trainer import train as run

    with said_once():
        spec = training.train_spec(**{name: asked[name] for name in training.SPEC})
        how = TrainHow(
            transport=measuring.transport_named(transport), waiting=measuring.waiting_named(waiting),
            share_gpu=share_gpu, out=Path(out),
        )  # fmt: skip
        check_new(how.out)
    if launch:
        launch_ranks("train", launch, how.out)
        return
    progress = Progress()
    trained = run(spec, how, failed, progress)
    progress.clear()
    if trained.rank == 0:
        _print(how.out, trained.reason, spec.network.model, as_json)


def _print(out: Path, reason: str, model: str, as_json: bool) -> None:
    from nearlinear.cli.output import print_document
    from nearlinear.measure.records import read_record
    from nearlinear.reports.trained import trained_plain, trained_text

    record = read_record(out)
    if as_json:
        print_document("training", {"record": str(out)}, {"ended": reason, **trained_plain(record)})
        return
    print(trained_text(record))
    spent = " (the budget is spent)" if reason == "budget" else ""
    print(f"\nwrote {out}: {len(record.steps)} steps{spent}")
    print(f"Next: nearlinear records show {out}, or nearlinear predict {model} --help")
