"""Files that are written whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from nearlinear.models.errors import ContentError


def write_whole(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file under another name and rename it, so that a reader never sees half of it.

    Raises
    ------
    ContentError
        It cannot be written; nothing is left behind.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            write(file)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ContentError(str(path), f"cannot be written ({error.strerror})") from None
