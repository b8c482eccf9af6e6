"""The leaderboard: a suite replayed in every situation, scored by groups beside naive baselines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nearlinear.models.errors import SpecError, nearest
from nearlinear.reports.validation.explanation import Explanation, explain
from nearlinear.reports.validation.log_replay import LogReplay, replay_logs
from nearlinear.reports.validation.log_situation import LOG_SITUATIONS, LogSituation
from nearlinear.reports.validation.replay import Replay, replay
from nearlinear.reports.validation.scores import Scores, score
from nearlinear.reports.validation.situation import SITUATIONS, Situation, find_situation
from nearlinear.reports.validation.suite import Suite, find_suite, read_suite

ALL_SITUATIONS: dict[str, Situation | LogSituation] = {**SITUATIONS, **LOG_SITUATIONS}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """Curves, or logs, that are scored together in one situation.

    Attributes
    ----------
    name, situation : str
        Which.
    replays : tuple of Replay or of LogReplay
        Its curves or logs.
    scores : Scores
        Errors and coverage over them.
    """

    name: str
    situation: str
    replays: tuple[Replay, ...] | tuple[LogReplay, ...]
    scores: Scores

    @property
    def title(self) -> str:
        """What is known, in words."""
        title = ALL_SITUATIONS[self.situation].title
        smallest = {int(one.curve.devices[0]) for one in self.replays if isinstance(one, Replay)}
        return title.replace("one device", "the smallest scale") if smallest - {1} else title

    @property
    def kind(self) -> str:
        """What is scored: curves or logs."""
        return "logs" if self.situation in LOG_SITUATIONS else "curves"

    @property
    def quantity(self) -> str:
        """What is predicted: throughput or bandwidth."""
        return "bandwidth" if self.situation in LOG_SITUATIONS else "throughput"

    @property
    def missed(self) -> list[tuple[Replay, Explanation]]:
        """Curves beyond 15 % at some scale, with what would have to be wrong."""
        found = ((one, explain(one)) for one in self.replays if isinstance(one, Replay))
        return [(one, why) for one, why in found if why is not None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leaderboard:
    """A replayed suite.

    Attributes
    ----------
    suite : Suite
        What was replayed.
    groups : tuple of Group
        By group of curves or logs, then by situation.
    """

    suite: Suite
    groups: tuple[Group, ...]

    @property
    def replays(self) -> tuple[Replay | LogReplay, ...]:
        """All replays."""
        return tuple(one for group in self.groups for one in group.replays)


def validate_suite(
    suite: str | Path, situations: Sequence[str] = tuple(ALL_SITUATIONS), groups: Sequence[str] = ()
) -> Leaderboard:
    """Replay the published curves and logs of a suite and score the predictions.

    Parameters
    ----------
    suite : str or Path
        A suite of this package (``data-parallel``), or a folder of files of curves and logs.
    situations : sequence of str
        What is known: ``one-device``, ``one-node``, ``no-anchor``; of logs ``half-sizes`` and
        ``rank-count``; all unless given.
    groups : sequence of str
        Groups of curves and logs; all unless given.

    Raises
    ------
    SpecError
        No such suite, situation or group.
    ContentError
        A file of the suite is wrong.
    """
    asked = [find_situation(name, ALL_SITUATIONS) for name in dict.fromkeys(situations)]
    read = read_suite(find_suite(str(suite)))
    _check_groups(groups, read)
    found = []
    for name in dict.fromkeys(groups or read.groups):
        for situation in asked:
            replays = _replays(read, name, situation)
            if replays:
                found.append(
                    Group(name=name, situation=situation.name, replays=replays, scores=score(replays))
                )
    return Leaderboard(suite=read, groups=tuple(found))


def _check_groups(groups: Sequence[str], suite: Suite) -> None:
    for name in groups:
        if name not in suite.groups:
            remedy = nearest(name, list(suite.groups)) or f"{suite.name} has {', '.join(suite.groups)}"
            raise SpecError("--group", "must be a group of the suite", got=name, remedy=remedy)


def _replays(
    suite: Suite, group: str, situation: Situation | LogSituation
) -> tuple[Replay, ...] | tuple[LogReplay, ...]:
    if isinstance(situation, LogSituation):
        logs = [log for log in suite.logs if log.published.group == group]
        return tuple(replay_logs(logs, situation))
    curves = [curve for curve in suite.curves if curve.published.group == group]
    return tuple(one for curve in curves if (one := replay(curve, situation)) is not None)
