"""The command sanaga: finds the verb, runs it, and turns what went wrong into words and a code."""

import errno
import gc
import logging
import os
import select
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from controller.environment import SettingError
from controller.terminal.characters import write_any_character
from controller.terminal.output import Exit, OutputClosedError, UsageProblem, heed_hangups, say
from inventory.errors import (
    IntentError,
    NoControllerError,
    SanagaError,
    UnreachableError,
    how_to_install,
)

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

# Where each verb lives; a module is imported only when its verb is used or help is asked for.
VERBS: Final = {
    "init": "controller.cli.intent",
    "validate": "controller.cli.intent",
    "plan": "controller.cli.plan",
    "apply": "controller.cli.apply",
    "confirm": "controller.cli.apply",
    "rollback": "controller.cli.apply",
    "history": "controller.cli.history",
    "show": "controller.cli.show",
    "explain": "controller.cli.explain",
    "topology": "controller.cli.topology",
    "inventory": "controller.cli.inventory",
    "vpn": "controller.cli_vpn.vpn",
    "account": "controller.cli_service.account",
    "backup": "controller.cli_service.backup",
    "serve": "controller.cli_service.serve",
    "noc": "controller.cli_service.noc",
    "notices": "controller.cli_service.notices",
    "watch": "controller.cli_service.watch",
    "report": "controller.cli_service.report",
    "schedule": "controller.cli_service.schedule",
}
PANELS: Final = {
    **dict.fromkeys(("init", "validate", "plan", "apply", "confirm", "rollback"), "Change"),
    **dict.fromkeys(("history", "show", "explain", "topology", "inventory"), "Understand"),
    **dict.fromkeys(("vpn", "account"), "Give access"),
    **dict.fromkeys(("serve", "noc", "notices", "watch", "report"), "Watch"),
    **dict.fromkeys(("backup", "schedule"), "Keep"),
    "edge": "At a site",
}
REHEARSE: Final = "Rehearse"
# What 'sanaga --help' says of each verb, so that it need not import them; a test compares both.
HELPS: Final = {
    "init": "Write an intent folder to edit.",
    "validate": "Check an intent folder and list all of its faults at once.",
    "plan": "Show what would change on which device, in which order, and who could be hurt.",
    "apply": "Apply a plan: every device ends up new, or every device as it was.",
    "confirm": "Keep an apply that waits for you since apply --confirm-within.",
    "rollback": "Undo an apply: the one that is not over, or the last one that was confirmed.",
    "history": "List what was applied, newest first; with an ID, every act on every device.",
    "show": "Show a device's configuration, intended or running, or how they differ.",
    "explain": "Explain a site, circuit or device: what it is, its ways out, and what fails "
    "with it.",
    "topology": "Show, draw and question the graph of the network.",
    "inventory": "List what exists; export and import inventories.",
    "vpn": "Say and test who may reach what over the VPN, and give people access.",
    "backup": "Back up the controller's records and keys, rehearse it, and put it back.",
    "serve": "Monitor edges and routers, decide what is wrong and who is hurt, and tell whom it "
    "concerns.",
    "account": "Let the first administrator in, and people who lost their second factor.",
    "notices": "Say who is on call, and test whether notices reach people.",
    "noc": "Incidents, consultations and maintenance windows of a running controller.",
    "watch": "Follow incidents and sites in this terminal; keys acknowledge, mute and comment.",
    "report": "Reports of availability and of preventive maintenance, as a page, PDF or table.",
    "schedule": "What the controller does by itself every day, week and month, and doing it now.",
    "demo": "Run the main job on a laboratory of real routers, and write a report.",
    "lab": "Bring up a laboratory of real routers, break it, look at it, take it down.",
    "edge": "Run a site's Linux edge: measure its circuits, keep its traffic on the good ones.",
}
PLUGINS: Final = "sanaga.commands"
# A library without which a verb of another room cannot run, and is not listed.
NEEDS: Final = {"demo": "pyroute2", "lab": "pyroute2", "edge": "pyroute2"}
CODES: Final[Mapping[type[SanagaError], Exit]] = {
    UnreachableError: Exit.UNREACHABLE,
    NoControllerError: Exit.UNREACHABLE,
    SettingError: Exit.USAGE,
}

# What installs a library that only some verbs need.
EXTRAS: Final = {
    "apprise": "messengers",
    "fastapi": "service",
    "matplotlib": "drawing",
    "netmiko": "routers",
    "paramiko": "routers",
    "pyroute2": "edge",
    **dict.fromkeys(("alembic", "pysqlite3", "sqlalchemy"), "planning"),
    "psycopg": "postgresql",
    "reportlab": "service",
    "smpplib": "service",
    "textual": "service",
    "uvicorn": "service",
}


class VerbGroup(TyperGroup):
    """The verbs by name, each imported at the last moment; others plug in by entry point."""

    _listing = False

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, for which no verb is imported that HELPS knows."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the verbs in the order in which they are used, then what plugs in."""
        plugged = {point.name for point in _points()}
        return [*VERBS, *(name for name in sorted(plugged) if _can_run(name))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a verb, importing it."""
        if self._listing and cmd_name in HELPS:
            panel = PANELS.get(cmd_name, REHEARSE)
            return TyperCommand(cmd_name, help=HELPS[cmd_name], rich_help_panel=panel)
        if cmd_name in VERBS:
            return _verb(import_module(VERBS[cmd_name]).app, cmd_name)
        app = _plugged(cmd_name)
        return _verb(app, cmd_name) if app else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb; for one that is unknown, typer needs the names to suggest another."""
        if args and args[0] not in VERBS:
            plugged = {point.name for point in _points()}
            if args[0] in plugged:
                _plugged(args[0], strict=True)
            self.commands = cast("Any", dict.fromkeys((*VERBS, *plugged)))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; typer would end without a word when any pipe breaks, a device's too."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            if _reader_gone():
                raise OutputClosedError from error
            raise PipeFault(str(error)) from error


def _points() -> "EntryPoints":
    """Return what other rooms offer; looking for it takes longer than most verbs."""
    from importlib.metadata import entry_points

    return entry_points(group=PLUGINS)


def _can_run(name: str) -> bool:
    """Return whether what a verb of another room needs is installed."""
    return bool(find_spec(NEEDS[name]) if name in NEEDS else _plugged(name))


def _plugged(name: str, *, strict: bool = False) -> typer.Typer | None:
    """Return a command that another room offers, if what it needs is installed.

    Raises UsageProblem when it is not and strict is asked for.
    """
    for point in _points().select(name=name):
        try:
            app: typer.Typer = point.load()
        except ModuleNotFoundError as error:
            if strict:
                what = f"{name} cannot run here: {error}"
                raise UsageProblem(f"{what}; {how_to_install('lab')}") from error
            return None
        return app
    return None


class PipeFault(Exception):  # noqa: N818 - it is reported, never caught by name
    """A pipe broke that is not our standard output."""


def _reader_gone() -> bool:
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


def _verb(app: typer.Typer, name: str) -> Any:
    command: Any = get_command(app)
    if isinstance(command, TyperGroup) and name in command.commands:
        command = command.commands[name]
    command.name = name
    command.rich_help_panel = PANELS.get(name, REHEARSE)
    return command


app = typer.Typer(
    cls=VerbGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done or nothing to change, 1 error, 2 plan has changes, 3 rolled back, "
    "4 unreachable and nothing changed, 5 devices differ, 64 wrong usage.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"sanaga {version('sanaga')}")
        raise typer.Exit


@app.callback()
def sanaga(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where in the program an error arose.")
    ] = False,
) -> None:
    """Plan, change and explain a network that keeps medical consultations alive.

    Start with: sanaga init my-network --example northern-spur
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        result = get_command(app).main(list(arguments), prog_name="sanaga", standalone_mode=False)
    except typer.TyperException as error:
        return _wrong_usage(error)
    except typer.Abort:
        return _interrupted()
    return _interrupted() if result == Exit.INTERRUPTED else int(result or Exit.DONE)


def _wrong_usage(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "sanaga"
    if type(error).__name__ == "NoArgsIsHelpError":
        return Exit.USAGE  # the help is on the screen
    say(f"{path}: {error.format_message()}")
    if context:
        say(context.get_usage())
    say(f"Try '{path} --help' for help.")
    return Exit.USAGE


def _interrupted() -> int:
    say("sanaga: interrupted")
    return Exit.INTERRUPTED


def guarded(arguments: Sequence[str], *, debug: bool) -> int:
    """Run one command line; whatever goes wrong becomes a message and an exit code."""
    try:
        return run(arguments)
    except UsageProblem as error:
        say(f"sanaga: {error}")
        return Exit.USAGE
    except OutputClosedError:
        return _closed()
    except SanagaError as error:
        return _known(error, debug=debug)
    except OSError as error:
        return _machine(error, debug=debug)
    except Exception as error:  # noqa: BLE001 - the program's one outermost guard
        return _unexpected(error, debug=debug)


def _known(error: SanagaError, *, debug: bool) -> int:
    _trace(debug=debug)
    if isinstance(error, IntentError):
        say(str(error))
        faults = len(error.faults)
        say(f"sanaga: {faults} fault{'s' if faults != 1 else ''}; nothing was done")
    else:
        say(f"sanaga: {error}")
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), Exit.ERROR)


def _machine(error: OSError, *, debug: bool) -> int:
    _trace(debug=debug)
    about = f"{error.filename}: " if error.filename else ""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    advice = "; free some space and say this again" if full else ""
    say(f"sanaga: {about}{error.strerror or error}{advice}")
    return Exit.ERROR


def _unexpected(error: Exception, *, debug: bool) -> int:
    _trace(debug=debug)
    if isinstance(error, ModuleNotFoundError) and (extra := EXTRAS.get(str(error.name))):
        say(f"sanaga: {error.name} is not installed; {how_to_install(extra)}")
        return Exit.ERROR
    say(f"sanaga: a fault of this program, not of your documents: {type(error).__name__}: {error}")
    if not debug:
        say("Run the same command with --debug and report what it prints.")
    return Exit.ERROR


def _trace(*, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()


def _closed() -> int:
    # Python flushes stdout once more at exit; it must find a place where that succeeds.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.CLOSED


def _without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Take --debug out wherever it stands, so that it can be appended to a command that failed."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [word for word in arguments[:end] if word != "--debug"]
    return [*kept, *arguments[end:]], len(kept) < end


def main() -> NoReturn:
    """Run the command line of this process."""
    write_any_character()
    # A command ends before there is garbage worth looking for.
    gc.set_threshold(100_000)
    # No verb is to leave half-way what it would take back for Ctrl-C.
    heed_hangups()
    arguments, debug = _without_debug(sys.argv[1:])
    # Libraries report on connections that break; what matters of it comes as an error anyway.
    logging.basicConfig(level=logging.INFO if debug else logging.CRITICAL)
    code = guarded(arguments, debug=debug)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _closed()
    except OSError as error:
        # What was printed before the disk was full is not on it.
        _closed()
        code = code or _machine(error, debug=debug)
    sys.exit(code)


if __name__ == "__main__":
    main()
