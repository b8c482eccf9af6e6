"""The leaderboard: a suite replayed in every situation, scored by groups beside naive baselines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nearlinear.reports.validation.explanation import Explanation, explain
from nearlinear.reports.validation.replay import Replay, replay
from nearlinear.reports.validation.scores import Scores, score
from nearlinear.reports.validation.situation import SITUATIONS, find_situation
from nearlinear.reports.validation.suite import Suite, find_suite, read_suite


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """Curves that are scored together, in one situation.

    Attributes
    ----------
    name, situation : str
        Which.
    replays : tuple of Replay
        Its curves.
    scores : Scores
        Errors and coverage over them.
    """

    name: str
    situation: str
    replays: tuple[Replay, ...]
    scores: Scores

    @property
    def missed(self) -> list[tuple[Replay, Explanation]]:
        """Curves beyond 15 % at some scale, with what would have to be wrong."""
        found = ((one, explain(one)) for one in self.replays)
        return [(one, why) for one, why in found if why is not None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leaderboard:
    """A replayed suite.

    Attributes
    ----------
    suite : Suite
        What was replayed.
    groups : tuple of Group
        By group of curves, then by situation.
    """

    suite: Suite
    groups: tuple[Group, ...]

    @property
    def replays(self) -> tuple[Replay, ...]:
        """All replays."""
        return tuple(one for group in self.groups for one in group.replays)


def validate_suite(suite: str | Path, situations: Sequence[str] = tuple(SITUATIONS)) -> Leaderboard:
    """Replay the published curves of a suite and score the predictions.

    Parameters
    ----------
    suite : str or Path
        A suite of this package (``data-parallel``), or a folder of files of curves.
    situations : sequence of str
        What is known: ``one-device``, ``one-node``, ``no-anchor``; all unless given.

    Raises
    ------
    SpecError
        No such suite or situation.
    ContentError
        A file of the suite is wrong.
    """
    asked = [find_situation(name) for name in situations]
    read = read_suite(find_suite(str(suite)))
    groups = []
    for name in read.groups:
        curves = [curve for curve in read.curves if curve.published.group == name]
        for situation in asked:
            replays = tuple(one for curve in curves if (one := replay(curve, situation)) is not None)
            if replays:
                groups.append(
                    Group(name=name, situation=situation.name, replays=replays, scores=score(replays))
                )
    return Leaderboard(suite=read, groups=tuple(groups))
