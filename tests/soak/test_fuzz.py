"""Damaged input of every kind: it is read, or refused in one line, and nothing else ever happens."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nearlinear.calibrate.bundled import BUNDLED
from nearlinear.calibrate.importers import Hints, read_measurements
from nearlinear.cli.predictions import write
from nearlinear.measure.records import RecordWriter
from nearlinear.models.case import Case
from nearlinear.models.closed_form import predict
from nearlinear.models.document import read_document, to_document
from nearlinear.models.errors import NearlinearError
from nearlinear.models.profile import read_profile
from nearlinear.models.scenario import Scenario
from tests.unit.measure.test_records import _sample

FEW, MANY = 150, 30_000
PRINTABLE = bytes(range(32, 127)) + b"\n\t\0\xff\xc3"


def _damaged(whole: bytes, rng: random.Random) -> bytes:
    """Return the content cut, with bytes changed, doubled, or taken out."""
    content = bytearray(whole)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        place = rng.randrange(len(content) + 1)
        match rng.randrange(5):
            case 0:
                content[place:] = b""
            case 1:
                content[place : place + 1] = bytes([rng.choice(PRINTABLE)])
            case 2:
                content[place:place] = bytes([rng.choice(PRINTABLE)])
            case 3:
                content[place : place + rng.randrange(1, 40)] = b""
            case _:
                content[place:place] = content[place : place + rng.randrange(1, 80)]
    return bytes(content)


def _log(folder: Path) -> bytes:
    return BUNDLED[1].files[1].read_bytes()


def _record(folder: Path) -> bytes:
    writer = RecordWriter(folder / "whole.jsonl", {"hosts": ["n1"]})
    for repetition in range(4):
        writer.add(_sample(repetition))
    writer.end(complete=True, reason="done")
    return (folder / "whole.jsonl").read_bytes()


def _scenario(folder: Path) -> bytes:
    return (
        b'[workload]\nmodel = "nin"\nprecision = "fp32"\n[machine]\ncluster = "dgx-1v"\nper-node = 4\n'
        b'net = "100Gb"\n[plan]\ndevices = [1, 2, 4]\nbatch-per-device = 32\nalgorithm = "ring"\n'
        b'bucket = "25MiB"\noverlap = true\n[knowledge]\nanchor = ["1:118.0"]\nsamples = 51\nseed = 3\n'
    )


def _cluster(folder: Path) -> bytes:
    return (
        b'title = "Two levels"\ndevice = "a100-40gb"\ndevices_per_node = 8\n'
        b'[[levels]]\nname = "node"\nlink = "nvlink3"\nuplinks = 1\n'
        b'[[levels]]\nname = "network"\nuplinks = 4\n'
        b'bandwidth_gbit_per_s = { value = 200, status = "datasheet", source = "infiniband-rates" }\n'
        b'latency_us = { value = 5.0, status = "measured", source = "nccl-tuning" }\n'
    )


def _document(folder: Path) -> bytes:
    prediction = predict(Scenario.of(model="nin", cluster="titan", devices="1,2", samples="51"))
    write(prediction, to_document(prediction), folder / "w.json")
    return (folder / "w.json").read_bytes()


def _profile(folder: Path) -> bytes:
    from nearlinear.calibrate.calibration import CalibrateSpec, fit_profile
    from nearlinear.calibrate.profile_file import write_profile

    made = fit_profile(BUNDLED[0].files, CalibrateSpec(replicates=50, holdout=0.0))
    write_profile(made.profile, folder / "damaged.toml")  # its samples lie beside the damaged file, whole
    return (folder / "damaged.toml").read_bytes()


def _samples(folder: Path) -> bytes:
    _profile(folder)  # its samples are what is damaged
    return (folder / "damaged.npz").read_bytes()


def _use_samples(beside: Path) -> None:
    profile = read_profile(beside.with_suffix(".toml"))
    assert all(np.isfinite(link.cost.latency_s).all() for link in profile.links)


def _use_scenario(path: Path) -> None:
    Case.of(Scenario.from_file(path))


def _use_cluster(path: Path) -> None:
    Case.of(Scenario.of(model="nin", cluster=str(path), devices="1..8"))


READERS: dict[str, tuple[str, Callable[[Path], bytes], Callable[[Path], object]]] = {
    "log": ("damaged.log", _log, lambda path: read_measurements(path, Hints(per_node=8))),
    "record": ("damaged.jsonl", _record, lambda path: read_measurements(path, Hints())),
    "scenario": ("damaged.toml", _scenario, _use_scenario),
    "cluster": ("damaged.toml", _cluster, _use_cluster),
    "prediction": ("damaged.json", _document, read_document),
    "profile": ("damaged.toml", _profile, read_profile),
    "samples": ("damaged.npz", _samples, _use_samples),
}


def _refusal(read: Callable[[Path], object], path: Path, content: bytes) -> NearlinearError | None:
    """Return why the content is refused, or nothing; any other error fails the test with its input."""
    try:
        read(path)
    except NearlinearError as error:
        return error
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error} from {content!r}") from error
    return None


def _plain(refusals: list[NearlinearError | None]) -> bool:
    """Return whether every refusal is one line with an exit code of bad input."""
    return all(one is None or (one.exit_code in (2, 3, 4) and "\n" not in str(one)) for one in refusals)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", READERS)
def test_read_or_refused(kind: str, count: int, tmp_path: Path) -> None:
    name, make, read = READERS[kind]
    path, whole, rng = tmp_path / name, make(tmp_path), random.Random(7)
    path.write_bytes(whole)
    assert _refusal(read, path, whole) is None
    refusals = []
    for _ in range(count):
        content = _damaged(whole, rng)
        path.write_bytes(content)
        refusals.append(_refusal(read, path, content))
    assert any(refusals)
    assert _plain(refusals)
