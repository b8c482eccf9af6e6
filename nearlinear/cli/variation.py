"""What varies in a run of steps, as options spell it: jitter of compute, loading of batches."""

from typing import TYPE_CHECKING

from nearlinear.models.errors import SpecError

if TYPE_CHECKING:
    from nearlinear.models.training.jitter import Jitter
    from nearlinear.models.training.loading import Loader

RECORD = ".jsonl"


def jitter_of(text: str) -> "Jitter":
    """Return the jitter of ``--jitter``: stated, or fitted to a record, of which one line tells.

    Raises
    ------
    SpecError
        Not a jitter, or no such file.
    FitError
        A record without the compute of enough steps.
    """
    from nearlinear.models.training.jitter import Jitter

    if not text.endswith(RECORD):
        return Jitter.of(text)
    from nearlinear.calibrate.jitter_fit import compute_times, fit_jitter
    from nearlinear.cli.output import say, warn
    from nearlinear.measure.records import read_record

    record = read_record(text)
    fitted = fit_jitter(compute_times(record))
    say(fitted.line())
    warn([*record.notes, *fitted.notes()])
    return fitted.jitter


def loader_of(text: str | None, prefetch: int | None, per_node: int | None, scatter: str | None) -> "Loader":
    """Return the loader of ``--loader``, ``--prefetch``, ``--loaders-per-node`` and ``--scatter``.

    Raises
    ------
    SpecError
        Malformed, or without effect.
    """
    from nearlinear.models.training.jitter import Jitter
    from nearlinear.models.training.loading import Loader
    from nearlinear.models.units import parse_duration, parse_size

    if not text:
        given = (("--prefetch", prefetch), ("--loaders-per-node", per_node), ("--scatter", scatter))
        for name, value in given:
            if value is not None:
                raise SpecError(name, "needs --loader", got=value, remedy="say --loader 30ms")
        return Loader()
    if scatter and per_node is not None:
        raise SpecError("--scatter", "excludes --loaders-per-node: one device loads for all", got=scatter)
    time, tilde, spread = text.partition("~")
    return Loader(
        time_s=parse_duration(time, "--loader"),
        jitter=Jitter.of(spread, "--loader") if tilde else Jitter(),
        prefetch=1 if prefetch is None else prefetch,
        per_node=per_node,
        scatter_bytes=parse_size(scatter, "--scatter") if scatter else 0.0,
    )
