"""How figures look: one colour per term across all of them, safe for colour-blind readers."""

from collections.abc import Iterator
from contextlib import contextmanager

# Okabe and Ito 2008, "Color universal design"
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000", "#7F7F7F",
)  # fmt: skip
TERMS = {
    "forward_s": ("forward", SKY),
    "backward_s": ("backward", BLUE),
    "optimizer_s": ("optimiser", PURPLE),
    "exposed_communication_s": ("exposed exchange", RED),
    "contention_s": ("hidden exchange contends", ORANGE),
    "data_wait_s": ("waiting for data", GREEN),
    "in_node_loss_s": ("loss in the node", YELLOW),
    "unexplained_s": ("beyond the model", GREY),
}
SERIES = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY)
BAND_ALPHA = 0.2
WIDTH_IN, HEIGHT_IN = 9.0, 3.6
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nearlinear",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw with these settings and leave the caller's as they were."""
    import matplotlib

    with matplotlib.rc_context(SETTINGS):  # type: ignore[arg-type]
        yield
