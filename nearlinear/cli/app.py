"""The ``nearlinear`` command: its verbs, its errors, its exit codes."""

import sys
from typing import Annotated, Any

import typer

import nearlinear
from nearlinear.cli.calibrate import calibrate
from nearlinear.cli.catalogue import list_entries, show
from nearlinear.cli.demo import demo
from nearlinear.cli.measure import measure
from nearlinear.cli.options import with_scenario
from nearlinear.cli.predict import predict
from nearlinear.cli.report import report
from nearlinear.cli.schema import schema
from nearlinear.cli.simulate import simulate
from nearlinear.models.errors import NearlinearError

INTERNAL, USAGE, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="nearlinear",
    help="Will it scale? Measure, calibrate, predict, and say how sure you are.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo)
app.command("predict")(with_scenario(predict))
app.command("simulate")(with_scenario(simulate))
app.command("measure")(measure)
app.command("calibrate")(calibrate)
app.command("report")(report)
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


def main() -> None:
    """Run the command line; errors are one line on standard error and an exit code."""
    try:
        sys.exit(_run(sys.argv[1:]))
    except BrokenPipeError:  # the reader of a pipe went away; that is its choice
        sys.stderr.close()
        sys.exit(0)


def _run(arguments: list[str]) -> int:
    try:
        code = app(arguments, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except NearlinearError as error:
        _fail(error, arguments)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        return _unexpected(error, arguments)


def _unexpected(error: Exception, arguments: list[str]) -> int:
    """Return the code of an error of the option parser, or of a defect."""
    if _is_usage(error):
        text = error.format_message()  # type: ignore[attr-defined]
        print(text if not text or text[0] == "\n" else f"error: {' '.join(text.split())}", file=sys.stderr)
        return USAGE
    _fail(error, arguments)
    return INTERNAL


def _is_usage(error: Any) -> bool:
    """Return whether the option parser raised it; its module moved between versions of typer."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def _fail(error: Exception, arguments: list[str]) -> None:
    if "--debug" in arguments:
        import traceback

        traceback.print_exception(error)
    elif isinstance(error, NearlinearError):
        print(f"error: {error}", file=sys.stderr)
    else:
        kind = type(error).__name__
        print(f"error: internal: {kind}: {error}; run again with --debug and report it", file=sys.stderr)


if __name__ == "__main__":
    main()
