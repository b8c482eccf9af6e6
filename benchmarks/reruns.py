"""How much runs of the same network, batch and kind of device differ between owners of devices.

    python benchmarks/reruns.py --data DIR

DIR holds ``published/single_node_lambda.csv`` (servers of several makers) and ``published/dp_classics.csv``
(K80 of two clouds). The constant is ``[rerun]`` of ``models/data/priors.toml``.
"""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tables import rows

OWNERS = re.compile(r"^(LambdaCloud|DellTexas|Dell|1CC|SMC|RAIDZ1)\s+|\d+x\s*")
NETWORKS = ("resnet50", "bert_base_squad", "bert_large_squad", "ssd")
CLOUDS = ("tf-gce-k80", "tf-ec2-k80")


def differences(data: Path, network: str) -> Iterator[float]:
    """Yield log throughput over the median of all owners of the same devices."""
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in rows(data / "published/single_node_lambda.csv"):
        if row["model"] == network:
            device = OWNERS.sub("", row["device"])
            key = (device, row["n_devices"], row["precision"], row["notes"].rpartition(" ")[2])
            found[key].append(np.log(float(row["value"])))
    for values in found.values():
        if len(values) > 1:
            yield from np.array(values) - np.median(values)


def clouds(data: Path) -> list[float]:
    """Return log ratios of throughput on one die between two clouds, over the root of two."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows(data / "published/dp_classics.csv"):
        cloud = next((name for name in CLOUDS if row["curve_id"].startswith(name)), None)
        alone = row["metric"] == "throughput" and float(row["n_devices"]) == 1
        if cloud and alone and "-dist-" not in row["curve_id"]:
            found[row["curve_id"].removeprefix(cloud)][cloud] = float(row["value"])
    both = [pair for pair in found.values() if len(pair) == len(CLOUDS)]
    return [float(np.log(pair[CLOUDS[0]] / pair[CLOUDS[1]]) / np.sqrt(2)) for pair in both]


def main() -> None:
    """Print the standard deviation of log throughput for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    for network in NETWORKS:
        values = np.array(list(differences(data, network)))
        print(f"{network:18s} log_sd {values.std():.3f}  n {len(values)}")
    between = np.array(clouds(data))
    print(f"{'K80, two clouds':18s} log_sd {np.sqrt((between**2).mean()):.3f}  n {len(between)}")


if __name__ == "__main__":
    main()
