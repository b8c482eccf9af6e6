"""The leaderboard as a self-contained page."""

from nearlinear.reports.figures import svg
from nearlinear.reports.report import Picture, Section, Table, render_report
from nearlinear.reports.validation.board_table import tables
from nearlinear.reports.validation.leaderboard import Group, Leaderboard
from nearlinear.reports.validation.pictures import draw_board

CAPTION = (
    "Predicted against published values with 90 % bands, and the errors beside those of a naive predictor."
)


def page(board: Leaderboard) -> str:
    """Return the HTML of a leaderboard."""
    command = f"nearlinear validate {board.suite.name} --out FILE.html"
    return render_report(
        f"Published results: {board.suite.name}", [_section(group) for group in board.groups], [command]
    )


def _section(group: Group) -> Section:
    found = list(tables(group))
    return Section(
        heading=found[0].heading,
        pictures=[Picture(svg=svg(draw_board([group])), caption=CAPTION)],
        notes=[table.heading for table in found[1:] if table.heading],
        tables=[Table(columns=table.columns, rows=table.rows) for table in found],
    )
