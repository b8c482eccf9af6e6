"""``nearlinear demo``: the whole loop on this machine and on bundled GPU logs, in under a minute."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nearlinear.calibrate.bundled import BundledLogs
    from nearlinear.models.prediction import Prediction
    from nearlinear.reports.report import Section

RANKS = 2
MEASURE = (
    "--ops", "allreduce,sendrecv", "--algorithms", "vendor,ring,tree,recursive-doubling", "--sizes", "1K..8M",
    "--per-octave", "2", "--repetitions", "24",
)  # fmt: skip
HOLDOUT = 0.3
MODELS = ("googlenet", "resnet-50")
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
FIRECAFFE = ("nin", "googlenet")
COMMAND = "nearlinear demo"


def demo(
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for record, profiles and report.")
    ] = "nearlinear-demo",
    budget: Annotated[str, typer.Option("--budget", metavar="TIME", help="Time for measuring here.")] = "15s",
) -> None:
    """Measure this machine, calibrate, predict, compare, and write a report that needs no network."""
    from nearlinear.cli.output import write_text
    from nearlinear.models.units import parse_duration
    from nearlinear.reports.report import render_report

    seconds = parse_duration(budget, "--budget")
    folder = _folder(out)
    sections: list[Section] = []
    sections += _this_machine(folder, seconds)
    sections += _bundled(folder)
    sections += _firecaffe()
    page = folder / "report.html"
    write_text(page, render_report("nearlinear demo: measure, calibrate, predict", sections, [COMMAND]))
    print(f"\nwrote {page}: open it in a browser, it needs no network")
    print("Next: nearlinear predict resnet-50 --cluster dgx-h100 --anchor 1:SAMPLES_PER_S")
    print("      nearlinear measure --help        on your own cluster")


def _folder(out: str) -> Path:
    from nearlinear.models.errors import ContentError

    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ContentError("--out", f"must be a folder ({error.strerror})", got=out) from None
    return folder


def _this_machine(folder: Path, budget_s: float) -> "list[Section]":
    """Measure and calibrate on this machine, or say why that is not possible here."""
    from nearlinear.models.errors import NearlinearError
    from nearlinear.reports.report import Section

    print(f"1. this machine: {RANKS} MPI ranks, {budget_s:g} s at most")
    try:
        record = _measure(folder, budget_s)
        return [_calibrate_here(folder, record)]
    except NearlinearError as error:
        print(f"   left out: {error}")
        return [Section(heading="This machine", notes=[f"Not measured: {error}"])]


def _measure(folder: Path, budget_s: float) -> Path:
    from nearlinear.measure.launch import launch
    from nearlinear.measure.launcher import mpiexec, require_mpi
    from nearlinear.models.errors import IncompleteError

    require_mpi()
    record = _free(folder)
    command = ["measure", "--out", str(record), "--budget", f"{budget_s:g}s", *MEASURE]
    ended = launch(mpiexec(), RANKS, command)
    if ended.interrupted:
        raise KeyboardInterrupt
    if ended.status:
        raise IncompleteError("measure", f"the ranks ended with status {ended.status}")
    return record


def _free(folder: Path) -> Path:
    """Return a record name that is not taken: records are never overwritten."""
    number = 1
    while (folder / f"run-{number}.jsonl").exists():
        number += 1
    return folder / f"run-{number}.jsonl"


def _calibrate_here(folder: Path, record: Path) -> "Section":
    from nearlinear.calibrate.calibration import CalibrateSpec, fit_profile
    from nearlinear.calibrate.profile_file import write_profile
    from nearlinear.measure.records import read_record
    from nearlinear.models.units import GB, MICROSECOND
    from nearlinear.reports.report import Section

    calibration = fit_profile([record], CalibrateSpec(holdout=HOLDOUT), name="host")
    write_profile(calibration.profile, folder / "host.toml")
    samples = len(read_record(record).samples)
    print(f"   measured {samples} samples -> {record}")
    for calibrated in calibration.links:
        link, held = calibrated.link, calibrated.link.holdout
        latency, bandwidth = link.latency_s.shown(MICROSECOND), link.bandwidth_bytes_per_s[-1].shown(GB)
        checked = f"; {held.points} sizes it did not fit: median error {held.median_ape:.0%}" if held else ""
        print(f"   {link.source:9s} latency {latency} us, bandwidth {bandwidth} GB/s{checked}")
    for note in calibration.notes:
        print(f"   ! {note}")
    heading = f"This machine: {RANKS} MPI ranks, measured now"
    command = f"nearlinear calibrate {record.name} --holdout {HOLDOUT:.0%} --plot fit.svg"
    return Section.of_calibration(calibration, heading, command)


def _bundled(folder: Path) -> "list[Section]":
    """Calibrate from bundled logs and predict two networks on each machine."""
    from nearlinear.calibrate.bundled import BUNDLED
    from nearlinear.calibrate.calibration import CalibrateSpec, fit_profile
    from nearlinear.calibrate.profile_file import write_profile
    from nearlinear.reports.report import Section

    sections: list[Section] = []
    for number, logs in enumerate(BUNDLED, start=2):
        print(f"{number}. {logs.title}")
        spec = CalibrateSpec(holdout=HOLDOUT, hints=logs.hints)
        calibration = fit_profile(logs.files, spec, name=logs.name)
        path = folder / f"{logs.name}.toml"
        write_profile(calibration.profile, path)
        for calibrated in calibration.links:
            held = calibrated.link.holdout
            if held is not None:
                errors = f"{held.points} held-out points, median error {held.median_ape:.1%}"
                print(f"   {calibrated.link.level}: {errors}, {held.coverage_90:.0%} in the 90 % band")
        files = " ".join(file.name for file in logs.files)
        command = f"nearlinear calibrate {files} --per-node 8 --holdout {HOLDOUT:.0%} -o {path.name}"
        sections.append(Section.of_calibration(calibration, f"Calibration: {logs.title}", command))
        sections += [_predict(folder, path, logs, model) for model in MODELS]
    return sections


def _predict(folder: Path, profile: Path, logs: "BundledLogs", model: str) -> "Section":
    import json

    from nearlinear.cli.output import write_text
    from nearlinear.models.closed_form import predict
    from nearlinear.models.document import to_document
    from nearlinear.models.scenario import Scenario
    from nearlinear.reports.report import Section

    scenario = Scenario.of(model=model, cluster=logs.cluster, precision=logs.precision, profile=str(profile))
    prediction = predict(scenario)
    _say(model, prediction)
    document = json.dumps(to_document(prediction), indent=2) + "\n"
    write_text(folder / f"{model}-{logs.name}.json", document)
    command = (
        f"nearlinear predict {model} --cluster {logs.cluster} --precision {logs.precision}"
        f" --profile {profile.name}"
    )
    return Section.of_prediction(prediction, command)


def _say(model: str, prediction: "Prediction") -> None:
    band, answer = prediction.answer.efficiency, prediction.answer
    print(
        f"   {model:10s} at {answer.largest_devices} devices: efficiency {band.median:.0%}"
        f" [{band.low:.0%} - {band.high:.0%}], knee at {answer.knee_devices}, binds: {answer.binding}"
    )


def _firecaffe() -> "list[Section]":
    """Compare FireCaffe's reduction tree with a parameter server on Titan's network."""
    from nearlinear.reports.comparison import compare
    from nearlinear.reports.report import Section

    print("4. FireCaffe's comparison on Titan: reduction tree against one parameter server")
    sections = []
    for model in FIRECAFFE:
        comparison = compare(model, "titan", ("tree", "ps"), WORKERS)
        gain = comparison.gain("ps", "tree")
        print(f"   {model:10s} at {WORKERS[-1]} workers the tree is {gain[-1]:.1f} times faster;"
              " formula, round engine and SimPy agree")  # fmt: skip
        sections.append(Section.of_comparison(comparison, COMMAND))
    return sections
