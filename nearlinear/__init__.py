"""Will it scale? Measure, calibrate, predict, and say how sure you are.

The public names load on first use, so that ``import nearlinear`` and ``nearlinear --help`` stay light.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nearlinear.calibrate.calibration import fit_profile
    from nearlinear.models.closed_form import predict
    from nearlinear.models.scenario import Knowledge, Machine, Plan, Scenario, Workload
    from nearlinear.models.throughput import Anchor, Throughput
    from nearlinear.reports.report import render_report
    from nearlinear.reports.validation.leaderboard import validate_suite
    from nearlinear.simulator.simulation import simulate

__version__ = "0.1.0"
__all__ = [
    "Anchor",
    "Knowledge",
    "Machine",
    "Plan",
    "Scenario",
    "Throughput",
    "Workload",
    "__version__",
    "fit_profile",
    "predict",
    "render_report",
    "simulate",
    "validate_suite",
]

_HOME = {
    "Anchor": "models.throughput",
    "Knowledge": "models.scenario",
    "Machine": "models.scenario",
    "Plan": "models.scenario",
    "Scenario": "models.scenario",
    "Throughput": "models.throughput",
    "Workload": "models.scenario",
    "fit_profile": "calibrate.calibration",
    "predict": "models.closed_form",
    "render_report": "reports.report",
    "simulate": "simulator.simulation",
    "validate_suite": "reports.validation.leaderboard",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a public name from its layer."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)

    def __dir__() -> list[str]:
        """Return the public names, loaded or not."""
        return __all__
