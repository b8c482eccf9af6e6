"""The ``nearlinear`` command: its verbs, its errors, its exit codes."""

import os
import sys
from typing import Annotated

import typer

import nearlinear
from nearlinear.cli.calibrate import calibrate
from nearlinear.cli.catalogue import list_entries, show
from nearlinear.cli.check import check
from nearlinear.cli.compare import compare
from nearlinear.cli.demo import demo
from nearlinear.cli.failure import INTERRUPTED, failed
from nearlinear.cli.goodput import goodput, stated
from nearlinear.cli.import_log import import_logs
from nearlinear.cli.measure import measure
from nearlinear.cli.options import with_scenario
from nearlinear.cli.predict import predict
from nearlinear.cli.records import records
from nearlinear.cli.report import report
from nearlinear.cli.schema import schema
from nearlinear.cli.simulate import alone, simulate
from nearlinear.cli.train import train
from nearlinear.cli.validate import validate

app = typer.Typer(
    name="nearlinear",
    help="Will it scale? Measure, calibrate, predict, and say how sure you are.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo)
app.command("predict")(with_scenario(predict))
app.command("simulate")(with_scenario(simulate, instead=alone))
app.command("goodput")(with_scenario(goodput, instead=stated))
app.command("measure")(measure)
app.command("train")(train)
app.add_typer(records, name="records")
app.command("import")(import_logs)
app.command("calibrate")(calibrate)
app.command("check")(check)
app.command("compare")(compare)
app.command("report")(report)
app.command("validate")(validate)
app.command("list")(list_entries)
app.command("show")(show)
app.command("schema")(schema)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"nearlinear {nearlinear.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Will it scale? Measure, calibrate, predict, and say how sure you are."""


PIPE_CLOSED = 1  # the option parser ends with this when the reader of a pipe went away


def main() -> None:
    """Run the command line; errors are one line on standard error and an exit code."""
    try:
        sys.exit(_run(sys.argv[1:]))
    except BrokenPipeError:  # the reader of a pipe went away; that is its choice
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _run(arguments: list[str]) -> int:
    try:
        code = app(arguments, prog_name="nearlinear", standalone_mode=False)
        if code == INTERRUPTED:  # the option parser may turn the interruption into a code
            raise KeyboardInterrupt
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        raise
    except SystemExit as ended:
        if ended.code == PIPE_CLOSED:
            raise BrokenPipeError from None
        raise
    except (Exception, KeyboardInterrupt) as error:
        return failed(error)


if __name__ == "__main__":
    main()
