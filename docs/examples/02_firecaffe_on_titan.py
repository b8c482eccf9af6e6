"""FireCaffe's speed-ups on Titan, predicted from one GPU and the author's own MPI benchmark.

    python 02_firecaffe_on_titan.py

Links: the allreduce of ``titan_allreduce.csv``, calibrated, and copies between GPU and host over PCI Express
2. Compute: the time of one GPU (the first row of each network) at its batch; at other batches per GPU with
the fixed time per step of ``models/data/priors.toml``. Extra epochs count against the speed-up. No row of
the table but those of one GPU was used, directly or for a constant.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from nearlinear import Scenario, fit_profile, predict
from nearlinear.calibrate.profile_file import write_profile

HERE = Path(__file__).parent
IMAGES = 1.2e6  # of an epoch, as the schedules of forresti/dnn_dsx count
HOUR_S = 3600.0
Row = Mapping[str, str]


def rows() -> list[Row]:
    """Return the published rows."""
    with (HERE / "firecaffe_results.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def predicted(row: Row, alone: Row, profile: Path) -> tuple[float, float, float]:
    """Return median, low and high speed-up of a row over the one GPU of its network."""
    rate = float(alone["epochs"]) * IMAGES / (float(alone["hours"]) * HOUR_S)
    scenario = Scenario.of(
        model=row["network"], cluster="titan", devices=row["devices"], global_batch=int(row["batch"]),
        throughput=f"{alone['batch']}:{rate!r}", bucket="layer", overlap=False, staged="pcie2",
        profile=str(profile),
    )  # fmt: skip
    band = predict(scenario).points[0].throughput_per_s
    fewer = float(alone["epochs"]) / float(row["epochs"]) / rate
    return band.median * fewer, band.low * fewer, band.high * fewer


def main() -> None:
    """Print every row beside its prediction."""
    with TemporaryDirectory() as folder:
        profile = Path(folder) / "titan.toml"
        write_profile(fit_profile([HERE / "titan_allreduce.csv"]).profile, profile)
        print("network    GPUs  batch  measured  known       predicted  90 % band    error  Paleo")
        known = rows()
        for row in known:
            alone = next(one for one in known if one["network"] == row["network"])
            if row is alone:
                continue
            median, low, high = predicted(row, alone, profile)
            error, paleo = median / float(row["speed_up"]) - 1, row["paleo"] or "-"
            given = f"{row['network']:9s} {row['devices']:>5s} {row['batch']:>6s} {row['speed_up']:>9s}"
            ours = f"{median:10.1f}  {low:4.1f} - {high:4.1f} {error:+7.0%}"
            print(f"{given}  {row['known']:10s} {ours} {paleo:>6s}")


if __name__ == "__main__":
    main()
