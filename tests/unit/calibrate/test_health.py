"""A run held against a profile: healthy machines pass, sick ones fail with a hint at the cause."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nearlinear.calibrate.health import (
    ALL_SIZES,
    LARGE_SIZES,
    PROCESSORS,
    SMALL_SIZES,
    Curve,
    check_run,
)  # fmt: skip
from nearlinear.calibrate.importers import Imported
from nearlinear.calibrate.levels import fit_levels
from nearlinear.calibrate.points import medians
from nearlinear.calibrate.profile_file import write_profile
from nearlinear.calibrate.spec import CalibrateSpec
from nearlinear.measure.records import RecordWriter, Sample
from nearlinear.models.errors import ContentError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.profile import Profile
from tests.unit.calibrate.measured import file_of, samples
from tests.unit.cli.conftest import Cli, cli

HEALTHY = LinkCost.of(1e-5, 1e10)

__all__ = ["cli"]


@pytest.fixture(scope="module")
def profile() -> Profile:
    file = file_of(samples("vendor", HEALTHY, noise=0.03, repeats=5, seed=1))
    links = fit_levels(medians([file]), CalibrateSpec(replicates=100), [])
    return Profile(name="healthy", links=tuple(c.link for c in links), provenance={})


def _run(cost: LinkCost, seed: int = 2, change: Callable[[Sample], Sample] = lambda s: s) -> Imported:
    return file_of([change(s) for s in samples("vendor", cost, noise=0.03, repeats=5, seed=seed)])


def _checked(run: Imported, profile: Profile) -> Curve:
    (curve,) = check_run(run, profile, None, [])
    return curve


def test_a_healthy_machine_passes(profile: Profile) -> None:
    curves = [_checked(_run(HEALTHY, seed=seed), profile) for seed in range(2, 22)]
    assert not any(curve.fails for curve in curves)
    assert all(curve.causes == () and not curve.beyond for curve in curves)
    covered = np.mean([(c.low_s <= c.measured_s) & (c.measured_s <= c.high_s) for c in curves])
    assert covered > 0.85


@pytest.mark.parametrize(
    ("cost", "cause"),
    [
        (LinkCost.of(1e-5, 5e9), LARGE_SIZES),
        (LinkCost.of(4e-5, 1e10), SMALL_SIZES),
        (LinkCost.of(3e-5, 3.3e9), ALL_SIZES),
    ],
)
def test_a_sick_machine_fails_with_a_hint(profile: Profile, cost: LinkCost, cause: str) -> None:
    curve = _checked(_run(cost), profile)
    assert curve.verdict == "fail"
    assert curve.causes == (cause,)


def test_a_faster_machine_is_no_failure_but_a_warning(profile: Profile) -> None:
    curve = _checked(_run(LinkCost.of(5e-6, 2e10)), profile)
    assert curve.verdict == "warn"
    assert not curve.slow.any()


def test_busy_processors_and_one_slow_rank_are_said(profile: Profile) -> None:
    def sick(sample: Sample) -> Sample:
        times = (1e-6, 2e-6, sample.time_s, 1e-6)
        return replace(sample, processor_bound=True, per_rank_s=times)

    curve = _checked(_run(LinkCost.of(3e-5, 3e9), change=sick), profile)
    assert curve.causes == (ALL_SIZES, PROCESSORS, "rank 2 is the slowest in 100% of the samples")


def test_sizes_beyond_the_profile_have_wider_bands(profile: Profile) -> None:
    far = file_of(samples("vendor", HEALTHY, sizes=np.exp2(np.arange(27.0, 33.0)), repeats=2))
    curve = _checked(far, profile)
    width = curve.high_s / curve.low_s
    assert curve.beyond
    assert (np.diff(width) > 0).all()


def test_what_the_profile_does_not_know_is_said(profile: Profile) -> None:
    notes: list[str] = []
    both = file_of(samples("vendor", HEALTHY), samples("ring", HEALTHY))
    assert len(check_run(both, profile, None, notes)) == 1
    what = "allreduce by ring among 4 on 1 through mpi-host, float32"
    assert notes == [f"not checked: {what}, of which the profile has nothing"]
    with pytest.raises(ContentError, match="must hold something that the profile knows"):
        check_run(file_of(samples("ring", HEALTHY)), profile, None, [])


def test_ranks_beyond_the_profile_are_said_and_have_wider_bands(profile: Profile) -> None:
    near, far = (_checked(file_of(samples("vendor", HEALTHY, ranks=ranks)), profile) for ranks in (4, 16))
    assert (near.beyond, far.beyond) == (False, True)
    assert (far.high_s / far.low_s > near.high_s / near.low_s).all()


def test_modes_and_types_are_never_mixed(profile: Profile) -> None:
    def quick(sample: Sample) -> Sample:
        return replace(sample, mode="pipelined", time_s=sample.time_s / 2)

    notes: list[str] = []
    alone, narrow = _run(HEALTHY), _run(HEALTHY, change=lambda s: replace(s, dtype="float16"))
    everything = (*alone.samples, *_run(HEALTHY, change=quick).samples, *narrow.samples)
    both = Imported(path="x", format="record", samples=everything)
    (curve,) = check_run(both, profile, None, notes)
    assert curve.measured_s.tolist() == _checked(alone, profile).measured_s.tolist()
    assert "points left out: 19 (pipelined, and calls timed alone are there, too)" in notes
    assert any("through mpi-host, float16, of which the profile has nothing" in note for note in notes)


def test_another_mode_than_that_of_the_profile_is_said(profile: Profile) -> None:
    told = Profile(name="a", links=profile.links, provenance={"files": [{"modes": ["pipelined"]}]})
    notes: list[str] = []
    check_run(_run(HEALTHY), told, None, notes)
    assert notes == ["doubtful: individual times against a profile of pipelined ones"]


def _record(path: str, run: Imported) -> None:
    writer = RecordWriter(Path(path), {"run_id": path, "ranks": 4, "nodes": 1})
    for sample in run.samples:
        writer.add(sample)
    writer.end(complete=True, reason="done")


def test_the_command(cli: Cli, profile: Profile) -> None:
    write_profile(profile, Path("p.toml"))
    _record("good.jsonl", _run(HEALTHY))
    _record("bad.jsonl", _run(LinkCost.of(1e-5, 5e9)))
    good = cli("check", "good.jsonl", "--profile", "p.toml", "--junit", "good.xml")
    assert good.code == 0, good.err
    assert "allreduce vendor, 4 ranks on 1: " in good.out
    assert 'failures="0"' in Path("good.xml").read_text()
    bad: Any = cli("check", "bad.jsonl", "--profile", "p.toml", "--junit", "bad.xml", "--json")
    assert bad.code == 5
    assert "error: bad.jsonl: 1 of 1 curves are slower than the profile expects; first allreduce" in bad.err
    assert '"verdict": "fail"' in bad.out
    assert LARGE_SIZES in Path("bad.xml").read_text()
    assert cli("check", "good.jsonl", "--profile", "none.toml").error.startswith("none.toml: ")
    assert cli("check", "good.jsonl", "--profile", "p.toml", "--junit", "a.txt").code == 2
