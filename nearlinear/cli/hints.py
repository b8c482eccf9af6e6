"""Options for what a log may not say, shared by the verbs that read logs."""

from typing import Annotated

import typer

PANEL = "What a log may not say"
COLLECTIVE = Annotated[
    str | None, typer.Option("--collective", help="Such as allreduce.", rich_help_panel=PANEL)
]
RANKS = Annotated[int | None, typer.Option("--ranks", min=2, help="Ranks.", rich_help_panel=PANEL)]
PER_NODE = Annotated[
    int | None, typer.Option("--per-node", min=1, help="Ranks per node.", rich_help_panel=PANEL)
]
NICS = Annotated[
    int | None, typer.Option("--nics", min=1, help="Network adapters per node.", rich_help_panel=PANEL)
]
COLUMNS = Annotated[
    str,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN:UNIT,...",
        help="Columns of a CSV table: size=bytes:B,time=lat:us,ranks=np,dtype:=float32.",
        rich_help_panel=PANEL,
        show_default=False,
    ),
]
