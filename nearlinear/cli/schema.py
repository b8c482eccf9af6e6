"""``nearlinear schema``: the JSON Schema of every file that nearlinear reads or writes."""

from typing import Annotated

import typer

NAMES = (
    "curves", "goodput", "logs", "prediction", "profile", "record", "scenario", "simulation", "validation",
)  # fmt: skip


def schema(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.", metavar="NAME")],
) -> None:
    """Print the JSON Schema of a file contract."""
    from nearlinear.models.catalogue import DATA
    from nearlinear.models.option import one_of

    chosen = one_of(*NAMES)(name, "NAME")
    print((DATA / "schemas" / f"{chosen}.json").read_text(encoding="utf-8"), end="")
