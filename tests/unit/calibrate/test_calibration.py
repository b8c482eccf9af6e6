"""Files in, a profile out: levels on top of each other, warnings, refusals, and the file itself."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nearlinear.calibrate import calibration
from nearlinear.calibrate.calibration import CalibrateSpec, Calibration, Hints, fit_profile
from nearlinear.calibrate.expected import expected_band
from nearlinear.calibrate.profile_file import write_profile
from nearlinear.measure.records import RecordWriter, Sample
from nearlinear.models.errors import ContentError, FitError, SpecError
from nearlinear.models.hardware.message import LinkCost
from nearlinear.models.profile import read_profile
from tests.unit.calibrate.measured import samples
from tests.unit.calibrate.sealed import put_samples

NODE, NETWORK = LinkCost.of(3e-6, 200e9), LinkCost.of(15e-6, 10e9)
QUICK = CalibrateSpec(replicates=60)


def _record(path: Path, *groups: Sequence[Sample]) -> Path:
    writer = RecordWriter(path, {"hosts": ["n1", "n2", "n1"]})
    for group in groups:
        for sample in group:
            writer.add(sample)
    writer.end(complete=True, reason="done")
    return path


@pytest.fixture(scope="module")
def two_levels_measured(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    inside = samples("vendor", NODE, ranks=8, noise=0.03)
    across = samples("vendor", NETWORK, ranks=32, nodes=4, inner=NODE, noise=0.03)
    ring = samples("ring", NODE, ranks=8, noise=0.03)
    ping = samples("vendor", NODE, operation="sendrecv", ranks=2, noise=0.03)
    return fit_profile(
        [_record(tmp_path_factory.mktemp("run") / "run.jsonl", inside, across, ring, ping)], QUICK
    )


def test_every_level_and_source(two_levels_measured: Calibration) -> None:
    links = {(x.level, x.source): x for x in two_levels_measured.profile.links}
    assert set(links) == {("node", "vendor"), ("network", "vendor"), ("node", "rounds"), ("node", "pingpong")}
    network = links["network", "vendor"]
    assert 1 / network.cost.seconds_per_byte[-1][0, 0] == pytest.approx(10e9, rel=0.1)
    assert network.ranks == (4,)
    assert links["node", "vendor"].ranks == (8,)
    assert (network.form, links["node", "rounds"].form) == ("library", "")
    assert network.low_bytes == 256 / 8
    assert (
        two_levels_measured.profile.link("node", ("vendor", "rounds"), True, False) is links["node", "vendor"]
    )
    assert two_levels_measured.profile.link("node", ("rounds",), True, False) is links["node", "rounds"]


def test_provenance_names_files_and_hashes(two_levels_measured: Calibration) -> None:
    (file,) = two_levels_measured.profile.provenance["files"]
    assert (file["path"], file["format"], file["hosts"]) == ("run.jsonl", "record", ["n1", "n2"])
    assert len(file["sha256"]) == 64


def test_a_network_of_fat_nodes_needs_a_node(tmp_path: Path) -> None:
    across = samples("ring", NETWORK, ranks=32, nodes=4, inner=NODE)
    spec = replace(QUICK, hints=Hints(nics=8))
    with pytest.raises(FitError, match="runs on several nodes of several ranks need runs inside one node"):
        fit_profile([_record(tmp_path / "run.jsonl", across)], spec)


def test_a_library_across_nodes_is_kept_as_measured_where_nothing_is_known_inside(tmp_path: Path) -> None:
    across = samples("vendor", NETWORK, ranks=32, nodes=4, inner=NODE)
    made = fit_profile([_record(tmp_path / "run.jsonl", across)], QUICK)
    assert any("nothing was measured inside one node; its links are taken as free" in n for n in made.notes)
    (link,) = made.profile.links
    assert link.surface is not None
    sizes = np.array([sample.size_bytes for sample in across], dtype=float)
    assert link.surface.time_s(4, sizes) == pytest.approx([sample.time_s for sample in across])
    assert (link.per_node, link.ranks) == (8, (4,))


def test_a_network_behind_slower_nodes_is_left_out(tmp_path: Path) -> None:
    inside = samples("vendor", NODE, ranks=8)
    across = samples("vendor", LinkCost.of(1e-5, 400e9), ranks=32, nodes=4, inner=NODE)
    made = fit_profile([_record(tmp_path / "run.jsonl", inside, across)], QUICK)
    assert [link.level for link in made.profile.links] == ["node"]
    assert any("network: bandwidth is not identified, links inside nodes bind" in note for note in made.notes)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (2.0 ** np.arange(18, 28), "latency is not identified, the smallest message is 256 KiB"),
        (2.0 ** np.arange(3, 9), "bandwidth is not identified, even 256 B take no longer than less"),
        (
            2.0 ** np.arange(6, 13),
            "bandwidth is hardly identified, even 4 KiB take 14.1 us with a latency",
        ),
    ],
)
def test_sweeps_that_cannot_tell(tmp_path: Path, sizes: np.ndarray, message: str) -> None:
    taken = samples("vendor", LinkCost.of(1e-5, 1e9), sizes=sizes, noise=1e-4, operation="sendrecv", ranks=2)
    try:
        notes = fit_profile([_record(tmp_path / "run.jsonl", taken)], QUICK).notes
    except FitError as error:
        notes = (str(error),)
    assert any(message in note for note in notes)


def test_intervals_that_say_nothing_are_refused(tmp_path: Path) -> None:
    taken = samples("ring", LinkCost.of(1e-5, 1e9), noise=1.0, sizes=2.0 ** np.arange(10, 20))
    with pytest.raises(FitError, match=r"90 % interval of the bandwidth spans a factor of \d+; measure more"):
        fit_profile([_record(tmp_path / "run.jsonl", taken)], QUICK)


def test_collectives_that_fits_do_not_use(tmp_path: Path) -> None:
    taken = samples("vendor", NODE, ranks=8)
    other = [replace(sample, operation="hypercube") for sample in taken]
    made = fit_profile([_record(tmp_path / "run.jsonl", taken, other)], QUICK)
    assert any(note.startswith("hypercube: read, but fits use") for note in made.notes)
    with pytest.raises(FitError, match="nothing could be fitted") as caught:
        fit_profile([_record(tmp_path / "two.jsonl", other)], QUICK)
    assert caught.value.exit_code == 7


def test_nothing_to_read() -> None:
    with pytest.raises(SpecError, match="needs at least one record or log"):
        fit_profile([])


def test_hold_out_can_be_left_off(tmp_path: Path) -> None:
    taken = samples("vendor", NODE, ranks=8)
    made = fit_profile([_record(tmp_path / "run.jsonl", taken)], CalibrateSpec(replicates=60, holdout=0.0))
    assert made.links[0].held is None
    assert made.profile.links[0].holdout is None


def test_the_same_files_give_the_same_profile(tmp_path: Path) -> None:
    record = _record(tmp_path / "run.jsonl", samples("ring", NODE, ranks=8, noise=0.1))
    for name in ("a.toml", "b.toml"):
        write_profile(fit_profile([record], QUICK).profile, tmp_path / name)
    assert (tmp_path / "a.toml").read_bytes() == (tmp_path / "b.toml").read_bytes()


def test_a_profile_is_read_as_it_was_written(two_levels_measured: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    write_profile(two_levels_measured.profile, path)
    again = read_profile(path)
    assert len(again.links) == len(two_levels_measured.profile.links)
    for left, right in zip(again.links, two_levels_measured.profile.links, strict=True):
        for name in ("level", "source", "transport", "dtype", "form", "spread", "spread_per_octave",
                     "spread_per_doubling", "low_bytes", "high_bytes", "ranks", "holdout"):  # fmt: skip
            assert getattr(left, name) == getattr(right, name)
        assert (left.cost.latency_s == right.cost.latency_s).all()
        assert left.cost.break_bytes == right.cost.break_bytes
        for one, other in zip(left.cost.seconds_per_byte, right.cost.seconds_per_byte, strict=True):
            assert (one == other).all()


def test_numbers_for_people_are_those_of_the_samples(
    two_levels_measured: Calibration, tmp_path: Path
) -> None:
    write_profile(two_levels_measured.profile, tmp_path / "p.toml")
    written = tomllib.loads((tmp_path / "p.toml").read_text())["links"][0]
    cost = two_levels_measured.profile.links[0].cost
    assert written["latency_s"]["best"] == cost.latency_s[0, 0]
    assert written["latency_s"]["low"] == pytest.approx(np.percentile(cost.latency_s, 5))
    assert written["bandwidth_bytes_per_s"][0]["best"] == pytest.approx(1 / cost.seconds_per_byte[0][0, 0])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("nearlinear/profile", "nearlinear/record", "must be a nearlinear/profile, got 'nearlinear/record'"),
        ("version = 2", "version = 1", "must be of version 2, got 1"),
        ('level = "node"', "levle = 1", "must be whole"),
        ("break_bytes = []", "break_bytes = [4.0]", "break_bytes must be one fewer than the pieces"),
        ("[[links]]", "[[links", "must be"),
        (r"spread = [\d.e-]+", "spread = -5.0", "must lie in 0..10"),
        (r"spread_per_doubling = [\d.e-]+", "spread_per_doubling = -1.0", "must lie in 0..10"),
        (r"high_bytes = [\d.]+", "high_bytes = 0.0", "at most high_bytes"),
        ("per_node = 1", "per_node = 0", "per_node 1 or more"),
        (r"ranks = \[\n +8,\n\]", "ranks = [0]", "must be 2 or more"),
        (r"ranks = \[\n +8,\n\]", "ranks = [4]", "one curve for each of ranks"),
        (r"\[links.latency_s\]\nbest = ", "[links.latency_s]\nbest = 1", "those of the samples beside"),
        (r"hop_s = [\d.e-]+", "hop_s = -1.0", "must be >= 0 and finite"),
        (r"\n\[links.growth\]\n(.+\n)+", "\n", "for a library's collective, and for it alone"),
        (r"units = 8", "units = 1", "must have rising sizes"),
        ('samples_sha256 = "', 'samples_sha256 = "0', "must lie beside the samples"),
    ],
)
def test_a_profile_that_was_edited_wrongly(
    two_levels_measured: Calibration, tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "p.toml"
    write_profile(two_levels_measured.profile, path)
    text = path.read_text()
    edited = text.replace(old, new, 1) if old in text else re.sub(old, new, text, count=1)
    assert edited != text
    path.write_text(edited)
    with pytest.raises(ContentError, match=message) as caught:
        read_profile(path)
    assert caught.value.exit_code == 3


def test_samples_that_are_missing_cut_or_of_another_profile(
    two_levels_measured: Calibration, tmp_path: Path
) -> None:
    path, beside = tmp_path / "p.toml", tmp_path / "p.npz"
    write_profile(two_levels_measured.profile, path)
    whole = beside.read_bytes()
    beside.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ContentError, match=r"p.npz: must be a"):
        read_profile(path)
    np.savez(beside, other=np.ones(3))
    with pytest.raises(ContentError, match=r"must lie beside the samples .* p.npz has others"):
        read_profile(path)
    beside.unlink()
    with pytest.raises(SpecError, match="must be there: it holds the samples of the profile"):
        read_profile(path)


def test_nothing_is_left_behind_where_a_profile_cannot_be_written(
    two_levels_measured: Calibration, tmp_path: Path
) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(ContentError):
        write_profile(two_levels_measured.profile, tmp_path / "none" / "p.toml")
    assert set(tmp_path.iterdir()) == before


def test_the_band_of_a_curve_widens_beyond_the_measured_sizes(two_levels_measured: Calibration) -> None:
    calibrated = two_levels_measured.links[0]
    kind, sizes = calibrated.problem.kinds[0], np.array([2.0**20, 2.0**36])
    low, median, high = expected_band(kind, calibrated.link, None, sizes)
    assert (low < median).all()
    assert (median < high).all()
    assert (high / low)[1] > (high / low)[0] * 1.05


def test_hints_are_part_of_the_public_names() -> None:
    assert calibration.Hints is Hints


def test_samples_that_cannot_be_are_refused(two_levels_measured: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    write_profile(two_levels_measured.profile, path)
    with np.load(path.with_suffix(".npz")) as archive:
        arrays = {name: archive[name] for name in archive.files}
    key = next(name for name in arrays if name.endswith("seconds_per_byte"))
    for bad, message in ((0.0, "bandwidths above 0"), (-1.0, "finite and >= 0"), (np.nan, "finite and >= 0")):
        put_samples(path, arrays | {key: arrays[key] * bad})
        with pytest.raises(ContentError, match=message):
            read_profile(path)
    put_samples(path, arrays | {key: 2 * arrays[key]})
    with pytest.raises(ContentError, match="must be those of the samples beside"):
        read_profile(path)


def test_counts_of_other_fillings_are_not_measured_counts(tmp_path: Path) -> None:
    """Nodes of 4 were measured at 4 and 8 nodes, nodes of 8 at 2."""
    taken = [samples("vendor", NETWORK, ranks=4 * nodes, nodes=nodes, inner=NODE) for nodes in (4, 8)]
    other = samples("vendor", NETWORK, ranks=16, nodes=2, inner=NODE)
    inside = samples("vendor", NODE, ranks=4)
    made = fit_profile([_record(tmp_path / "run.jsonl", inside, *taken, other)], QUICK)
    network = next(link for link in made.profile.links if link.level == "network")
    assert (network.ranks, network.per_node) == ((4, 8), 4)
    assert network.fills(4)
    assert not network.fills(8)
    assert network.rank_spread(4, 4) == 0.0
    assert network.rank_spread(4, 8) == pytest.approx(network.spread_per_doubling)
    assert network.rank_spread(2, 4) == pytest.approx(network.spread_per_doubling)


def test_one_size_of_every_count_still_has_a_band(tmp_path: Path) -> None:
    taken = [samples("vendor", NODE, ranks=2**k, sizes=np.array([4.0**k * 1024])) for k in range(1, 5)]
    try:
        made = fit_profile([_record(tmp_path / "run.jsonl", *taken)], QUICK)
    except FitError:
        return
    assert all(link.spread > 0 for link in made.profile.links)


def test_below_the_smallest_size_the_band_widens(tmp_path: Path) -> None:
    taken = samples("vendor", NODE, ranks=8, sizes=np.exp2(np.arange(26.0, 33.0)), noise=0.01)
    made = fit_profile([_record(tmp_path / "run.jsonl", taken)], QUICK)
    kind, link = made.links[0].problem.kinds[0], made.profile.links[0]
    low, _, high = expected_band(kind, link, None, np.exp2([10.0, 18.0, 26.0]))
    width = np.log(high / low)
    assert width[0] > 1.2 * width[1] > 1.4 * width[2]


def test_other_fillings_are_expected_with_a_wider_band(tmp_path: Path) -> None:
    taken = [samples("vendor", NETWORK, ranks=4 * n, nodes=n, inner=NODE, noise=0.01) for n in (2, 4)]
    made = fit_profile([_record(tmp_path / "run.jsonl", samples("vendor", NODE, ranks=4), *taken)], QUICK)
    network = next(one for one in made.links if one.link.level == "network")
    kind = next(kind for kind in network.problem.kinds if kind.nodes == 4)
    inner, sizes = network.problem.inner, np.exp2([20.0])
    widths = [
        np.diff(np.log(np.ravel(expected_band(replace(kind, ranks=ranks), network.link, inner, sizes)[::2])))
        for ranks in (16, 32)
    ]
    assert widths[1] > 3 * widths[0]


def test_streams_are_fitted_as_time_per_message_and_never_used(tmp_path: Path) -> None:
    stream = samples("vendor", LinkCost.of(1e-6, 20e9), operation="bandwidth", ranks=2, nodes=2, noise=0.02)
    stream = [replace(sample, mode="pipelined") for sample in stream]
    made = fit_profile([_record(tmp_path / "run.jsonl", stream)], QUICK)
    (link,) = made.profile.links
    assert (link.source, link.operation, link.surface) == ("stream", "", None)
    assert link.bandwidth_bytes_per_s[-1].best == pytest.approx(20e9, rel=0.05)
    (row,) = [row for row in made.profile.holdout if row.by == "sizes"]
    assert (row.collective, row.points) == ("bandwidth", 4)
    assert made.profile.link("network", ("vendor", "rounds", "pingpong"), True, False) is None
    write_profile(made.profile, tmp_path / "p.toml")
    assert read_profile(tmp_path / "p.toml").links[0].source == "stream"


def _lone_size(folder: Path, ranks: Sequence[int], size: int = 2**24) -> Path:
    """Write a record of one size at several rank counts: 5 us a hop, 1 GB/s."""
    cost = LinkCost.of(5e-6, 1e9)
    groups = [
        [
            replace(one, transport="mpi-host")
            for one in samples("vendor", cost, ranks=count, nodes=count)
            if one.size_bytes == size
        ]
        for count in ranks
    ]
    return _record(folder / "one-size.jsonl", *groups)


def test_one_size_at_three_rank_counts_shows_the_bandwidth(tmp_path: Path) -> None:
    made = fit_profile([_lone_size(tmp_path, (4, 16, 64))], QUICK)
    (link,) = made.profile.links
    assert link.bandwidth_bytes_per_s[0].best == pytest.approx(1e9, rel=0.02)
    assert "latency" in link.assumed
    assert any(
        "latency is not identified" in n and "a latency of the catalogue stands in" in n for n in made.notes
    )


@pytest.mark.parametrize(("ranks", "size"), [((4, 16), 2**24), ((4, 16, 64), 2**12)])
def test_one_size_is_refused_elsewhere(tmp_path: Path, ranks: Sequence[int], size: int) -> None:
    with pytest.raises(
        FitError, match="needs at least 4 different sizes to fit latency and bandwidth, got 1"
    ):
        fit_profile([_lone_size(tmp_path, ranks, size)], QUICK)
