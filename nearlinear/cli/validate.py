"""``nearlinear validate``: published results replayed, beside naive baselines."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearlinear.cli.options import JSON

if TYPE_CHECKING:
    from nearlinear.reports.validation.history import Worse
    from nearlinear.reports.validation.leaderboard import Leaderboard

LEFT = ((0,), (0, 1), (0, 3, 4))  # columns of words in each table of a group
SUFFIXES, PICTURES = (".json", ".md", ".html"), (".svg", ".png", ".pdf")
SUITE = Annotated[
    str | None,
    typer.Argument(
        metavar="SUITE|FOLDER",
        help="A shipped suite, or a folder of files of curves and logs.",
        show_default=False,
    ),
]
SITUATION = Annotated[
    list[str] | None,
    typer.Option(
        "--situation", metavar="NAME",
        help="What is known: one-device, one-node or no-anchor; of logs half-sizes or rank-count;"
        " may be repeated. (default: all)",
    ),
]  # fmt: skip
GROUP = Annotated[
    list[str] | None,
    typer.Option("--group", metavar="NAME", help="Only these groups of the suite; may be repeated."),
]
BRIEF = Annotated[bool, typer.Option("--brief", help="Scores only, no curves.")]
HISTORY = Annotated[
    str | None,
    typer.Option(
        "--history", metavar="FILE", help="Earlier errors to compare with. (default: the suite's own)"
    ),
]
RECORD = Annotated[
    str | None, typer.Option("--record", metavar="FILE", help="Write errors for --history (.csv).")
]
PLOT = Annotated[
    str | None, typer.Option("--plot", metavar="FILE", help="Draw parity and errors (.svg, .png, .pdf).")
]
OUT = Annotated[str | None, typer.Option("--out", "-o", metavar="FILE", help="Write .json, .md or .html.")]


def validate(
    suite: SUITE = None,
    situation: SITUATION = None,
    group: GROUP = None,
    brief: BRIEF = False,
    history: HISTORY = None,
    record: RECORD = None,
    plot: PLOT = None,
    out: OUT = None,
    as_json: JSON = False,
) -> None:
    """Replay published results: errors, bands and naive baselines; leaves with 5 if a curve got worse."""
    from nearlinear.cli.output import check_out, envelope, print_json
    from nearlinear.models.errors import SpecError
    from nearlinear.reports.validation.board_document import document
    from nearlinear.reports.validation.history import write_history
    from nearlinear.reports.validation.leaderboard import ALL_SITUATIONS, validate_suite

    if suite is None:
        _check_bare(situation or group or brief or history or record or plot or out)
        _list_suites(as_json)
        return
    written, drawn = check_out(out, SUFFIXES), check_out(plot, PICTURES, "--plot")
    recorded = check_out(record, (".csv",), "--record")
    if recorded is not None and (situation or group):
        raise SpecError("--record", "keeps all of a suite", remedy="leave out --situation and --group")
    board = validate_suite(suite, situation or list(ALL_SITUATIONS), group or [])
    if not board.groups:
        _nothing(suite, situation)
    before, worse = _compare(board, history)
    asked = {"situation": situation or list(ALL_SITUATIONS), "group": group or list(board.suite.groups)}
    inputs = {"suite": suite, **asked, "history": before}
    result = document(board) | {"worse": [_plain(one) for one in worse]} if as_json or out else {}
    if as_json:
        print_json(envelope("validation", inputs, result))
    else:
        _print(board, brief)
    if written is not None:
        _write(board, written, envelope("validation", inputs, result))
    if drawn is not None:
        _draw(board, drawn)
    recorded = None if worse else recorded  # a record of better results is not lost
    if recorded is not None:
        write_history(recorded, board.replays)
    _say([path for path in (written, drawn, recorded) if path is not None], as_json)
    _refuse(suite, worse, before)


def _check_bare(given: object) -> None:
    """Refuse options that a list of suites would ignore."""
    if given:
        from nearlinear.models.errors import SpecError
        from nearlinear.reports.validation.suite import shipped

        remedy = f"shipped are {', '.join(shipped())}; or name a folder of TOML files"
        raise SpecError("SUITE", "is needed with these options", remedy=remedy)


def _list_suites(as_json: bool) -> None:
    """Print the shipped suites."""
    from nearlinear.cli.output import print_document, print_table
    from nearlinear.reports.validation.suite import find_suite, read_suite, shipped

    rows = [(name, read_suite(find_suite(name))) for name in shipped()]
    if as_json:
        suites = [
            {"name": name, "curves": len(suite.curves), "logs": len(suite.logs), "groups": list(suite.groups)}
            for name, suite in rows
        ]
        print_document("suites", {}, {"suites": suites})
        return
    cells = [
        [name, f"{len(suite.curves)}", f"{len(suite.logs)}", ", ".join(suite.groups)] for name, suite in rows
    ]
    print_table(["suite", "curves", "logs", "groups"], cells, left=(0, 3))
    print("\nNext: nearlinear validate SUITE, or a folder with files of your own curves and logs")


def _nothing(suite: str, situation: list[str] | None) -> None:
    from nearlinear.models.errors import SpecError

    asked = ", ".join(situation or ["any situation"])
    raise SpecError("--situation", f"leaves nothing to judge in {suite}", got=asked)


def _compare(board: "Leaderboard", history: str | None) -> "tuple[str | None, list[Worse]]":
    """Return the history compared with, and the curves that got worse."""
    from nearlinear.cli.output import warn
    from nearlinear.reports.validation.history import read_history, worse
    from nearlinear.reports.validation.suite import HISTORY as OWN

    own = board.suite.folder / OWN
    path = Path(history) if history else own
    if history is None and not own.is_file():
        return None, []
    before = read_history(path)
    if not any((one.curve.name, one.situation.name) in before for one in board.replays):
        warn([f"{path} has none of these curves: nothing was compared"])
    logs = [name for log in board.suite.logs for name in (log.name, log.system)]
    gone = {name for name, _ in before} - {curve.name for curve in board.suite.curves} - set(logs)
    if gone:
        warn([f"{path} has {len(gone)} that the suite no longer has, such as {min(gone)}"])
    return str(path) if history else OWN, list(worse(board.replays, before))


def _print(board: "Leaderboard", brief: bool) -> None:
    from nearlinear.cli.output import print_table
    from nearlinear.reports.validation.board_table import footer, tables

    for group in board.groups:
        for index, table in enumerate(tables(group)):
            if brief and index:
                break
            if table.heading:
                print(f"{table.heading}\n")
            print_table(table.columns, table.rows, left=LEFT[index])
            print()
    print(footer(board.groups))


def _write(board: "Leaderboard", path: Path, content: dict[str, Any]) -> None:
    from nearlinear.cli.output import write_json, write_text
    from nearlinear.reports.validation.board_table import markdown, tables

    if path.suffix == ".json":
        write_json(path, content)
    elif path.suffix == ".md":
        write_text(path, "\n".join(markdown(table) for group in board.groups for table in tables(group)))
    else:
        from nearlinear.reports.validation.page import page

        write_text(path, page(board))


def _draw(board: "Leaderboard", path: Path) -> None:
    from nearlinear.reports.figures import save
    from nearlinear.reports.validation.pictures import draw_board

    save(draw_board(board.groups), path)


def _say(paths: list[Path], as_json: bool) -> None:
    from nearlinear.cli.output import say

    for path in paths:
        say(f"wrote {path}") if as_json else print(f"wrote {path}")


def _plain(one: "Worse") -> dict[str, Any]:
    return {"curve": one.curve, "situation": one.situation, "before": one.before, "now": one.now}


def _refuse(suite: str, worse: "list[Worse]", history: str | None) -> None:
    """Leave with 5 where a curve got worse than recorded."""
    if not worse:
        return
    from nearlinear.models.errors import TargetError
    from nearlinear.reports.validation.history import MARGIN

    first = max(worse, key=lambda one: one.now - one.before)
    many = f"{len(worse)} curves are" if len(worse) > 1 else "1 curve is"
    told = f"{many} worse by more than {100 * MARGIN:g} points than in {history}"
    remedy = f"first {first.curve}, {first.situation}: {first.before:.1%} before, {first.now:.1%} now"
    raise TargetError(suite, told, remedy=remedy)
