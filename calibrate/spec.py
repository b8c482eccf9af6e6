"""How to calibrate."""

from dataclasses import dataclass, field

from nearlinear.calibrate.importers import Hints
from nearlinear.calibrate.uncertainty import REPLICATES

DEFAULT_HOLDOUT = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrateSpec:
    """How to calibrate.

    Attributes
    ----------
    hints : Hints
        What the user knows about logs.
    holdout : float
        Fraction of the sizes to check on.
    seed, replicates : int
        Of hold-out and bootstrap.
    """

    hints: Hints = field(default_factory=Hints)
    holdout: float = DEFAULT_HOLDOUT
    seed: int = 0
    replicates: int = REPLICATES
