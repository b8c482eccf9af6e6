"""Run the commands that pages show, and put what they print now below them.

    python docs/rebuild.py docs/seeds.md [PAGE ...]

Commands are lines that begin with ``$`` in blocks of kind ``console``; those that show nothing are run and
left as they are. They run in an empty folder with the files of ``docs/examples`` beside, as the tests of the
documentation run them.
"""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

DOCS = Path(__file__).parent
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
START = {"nearlinear": ["-m", "nearlinear.cli.app"], "python": []}


def rebuild(page: Path) -> None:
    """Rewrite the blocks of a page."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for example in (DOCS / "examples").glob("*.*"):
            shutil.copy(example, folder)
        text = BLOCK.sub(lambda found: f"```console\n{_block(found[1], folder)}```", page.read_text("utf-8"))
    page.write_text(text, "utf-8")


def _block(block: str, folder: Path) -> str:
    """Return a block with what its commands print."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return "".join(_run(*part.partition("\n")[::2], folder) for part in parts)


def _run(command: str, shown: str, folder: Path) -> str:
    verb, *arguments = shlex.split(command)
    run = [sys.executable, "-P", *START[verb], *arguments]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command}\n{done.stdout}{done.stderr}")
    return f"$ {command}\n{done.stdout if shown else ''}"


if __name__ == "__main__":
    for given in sys.argv[1:]:
        rebuild(Path(given))
