"""The picture of a rank x rank matrix: what every pair of ranks reaches."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from nearlinear.models.units import format_size
from nearlinear.reports.measured import Summary
from nearlinear.reports.measured_tables import pair_matrix
from nearlinear.reports.style import styled

NUMBERED = 16  # ranks up to which every cell shows its number


def draw_pairs(rows: Sequence[Summary]) -> Figure:
    """Return the time of the smallest and the bandwidth of the largest message between all pairs.

    Parameters
    ----------
    rows : sequence of Summary
        Of the operation ``pairs`` by one transport.
    """
    sizes = [row.size_bytes for row in rows]
    with styled():
        figure = Figure(figsize=(10.0, 4.6))
        axes = figure.subplots(1, 2)
        for place, (size, unit, name) in zip(
            axes, ((min(sizes), "us", "time one way"), (max(sizes), "GB/s", "bandwidth")), strict=True
        ):
            matrix = pair_matrix(rows, size, unit)
            colours = "viridis_r" if unit == "us" else "viridis"
            image = place.imshow(np.ma.masked_invalid(matrix), cmap=colours, interpolation="nearest")
            figure.colorbar(image, ax=place, label=unit, shrink=0.85)
            place.set(
                title=f"{name}, {format_size(size)}, {rows[0].transport}, {rows[0].mode}",
                xlabel="rank",
                ylabel="rank",
            )
            place.grid(visible=False)
            place.xaxis.get_major_locator().set_params(integer=True)
            place.yaxis.get_major_locator().set_params(integer=True)
            _number(place, matrix)
        return figure


def _number(place: object, matrix: np.ndarray) -> None:
    if len(matrix) > NUMBERED:
        return
    middle = float(np.nanmean([np.nanmin(matrix), np.nanmax(matrix)]))
    for row, column in zip(*np.nonzero(~np.isnan(matrix)), strict=True):
        value = matrix[row, column]
        dark = (value < middle) if place.images[0].get_cmap().name == "viridis" else (value > middle)  # type: ignore[attr-defined]
        place.text(  # type: ignore[attr-defined]
            column,
            row,
            f"{value:.3g}",
            ha="center",
            va="center",
            fontsize=7,
            color="white" if dark else "black",
        )
