"""Tables of published results, as rows of texts."""

import csv
from pathlib import Path

Row = dict[str, str]
READ = "2026-11-21"  # when the tables were made from their sources


def rows(path: Path) -> list[Row]:
    """Return the rows of a CSV file; lines that begin with # are notes."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))
