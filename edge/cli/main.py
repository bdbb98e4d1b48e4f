"""sanaga edge: the daemon of a site's Linux edge, and what may be asked of it."""

import os
import sys
from pathlib import Path
from typing import Annotated

from edge.cli import calls, policy
from edge.cli.declare import Argument, Option, Typer
from edge.cli.output import DirOption, Format, FormatOption, emit, folder, say, write

app = Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Run a site's Linux edge: measure its circuits, keep its traffic on the good ones.",
)
app.add_typer(policy.app, name="policy")
app.add_typer(calls.app, name="call")


@app.command(epilog="Example: sudo sanaga edge enrol --controller-key controller.pub")
def enrol(
    controller_key: Annotated[
        str,
        Option(
            metavar="FILE|BASE64", help="The key that signs policies: a file, or the key itself."
        ),
    ],
    device: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help="This device in the intent; if not said, as enrolled before, or the host's name.",
        ),
    ] = None,
    force: Annotated[
        bool, Option("--force", help="Take another name or another controller's key.")
    ] = False,
    wireguard_py: Annotated[
        bool | None,
        Option(
            "--wireguard-py/--no-wireguard-py",
            help="Let the optional extra of that name make keys and give them to the kernel.",
            show_default=False,
        ),
    ] = None,
    directory: DirOption = None,
) -> None:
    """Make this device's key, store the controller's key, and print its line for DIR/edge_keys.

    A second enrolment keeps the key; name and trust change with --force alone.
    """
    from edge.identity import enrolment, trust

    file = Path(controller_key)
    named = "--controller-key"
    if len(controller_key) < 200 and file.is_file():
        named, controller_key = controller_key, file.read_text(encoding="utf-8", errors="replace")
    trusted = trust.controller_key(controller_key, named)
    place = folder(directory)
    line = enrolment.enrol(place, device, trusted, force=force, wireguard_py=wireguard_py)
    name = line.split()[0]
    write(line.rstrip("\n"))
    say(f"{name} is enrolled in {place}; add the line above to edge_keys of the intent")
    if wireguard_py is not None:
        maker = "wireguard-py" if wireguard_py else "cryptography"
        say(f"{maker} makes this device's keys from now on; restart the daemon if it runs")


@app.command(epilog="Example: sudo sanaga edge run")
def run(directory: DirOption = None) -> None:
    """Run the edge until it is told to stop; a signal leaves the kernel as it is.

    Traffic goes on by what stands in the kernel while the daemon is away, so that it can be
    restarted during a call; 'sanaga edge stop' takes everything back.
    """
    _become("edge.main", folder(directory))


@app.command(epilog="Example: sanaga edge status -o json")
def status(directory: DirOption = None, output: FormatOption = Format.TABLE) -> None:
    """Show every path, what each class of traffic takes and why, and the policy that runs."""
    from edge.cli import tables
    from edge.control import client as control

    answer = control.request(folder(directory), "status")
    emit(answer["status"], output, lambda: tables.show_status(answer["status"]))


@app.command(epilog="Example: sanaga edge explain consultation-video -n 5")
def explain(
    about: Annotated[
        str | None,
        Argument(metavar="[CLASS|PEER]", help="A class of traffic, a peer or a path."),
    ] = None,
    number: Annotated[int, Option("-n", min=1, max=10_000, help="How many at most.")] = 20,
    everything: Annotated[
        bool, Option("--all", help="Also what was put right in the kernel, such as settings.")
    ] = False,
    directory: DirOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show the last decisions with their reasons; works without the daemon, too.

    What the daemon put right in the kernel is left out unless you say --all, or ask for repair.
    """
    from edge.cli import explanations, tables
    from edge.identity import device as identity
    from edge.storage import journal

    place = folder(directory)
    identity.require_readable(place)
    entries = list(journal.read_journal(place))
    if about is not None:
        names = explanations.policy_names(place)
        entries = list(explanations.entries_about(entries, about, names))
        if (decided := names.decided_as(about)) != about:
            say(f"{about} travels with {decided}; the decisions of both are these")
    elif not everything:
        entries = list(explanations.without_kernel(entries))
    emit(entries[-number:], output, lambda: tables.show_entries(entries[-number:]))
    if not entries:
        what = f"nothing about '{about}'" if about else "nothing"
        say(f"{what} has been decided yet")


@app.command(epilog="Example: sanaga edge segments")
def segments(directory: DirOption = None, output: FormatOption = Format.TABLE) -> None:
    """Show what passes between the segments of this site, and how much was dropped.

    The figures count from the last time that the rules were loaded.
    """
    from edge.cli import tables
    from edge.control import client as control

    report = control.request(folder(directory), "segments")["segments"]
    emit(report, output, lambda: tables.show_segments(report))


@app.command(epilog="Example: sudo sanaga edge stop")
def stop(directory: DirOption = None) -> None:
    """End the daemon and take back everything it put into the kernel, at once."""
    from edge.agent import offline
    from edge.control import client as control

    place = folder(directory)
    try:
        control.request(place, "stop")
    except control.NotRunningError as error:
        say(str(error))
        words = offline.remove_from_kernel(place)
        say("; ".join(words) if words else "the kernel held nothing of the edge's")
    else:
        say("the edge is stopped, and the kernel as it was before")


@app.command(epilog="Example: sanaga edge door --dir /var/lib/sanaga/edge")
def door(directory: DirOption = None) -> None:
    """Answer one request of the controller, as the forced command of its SSH key.

    'python -P -m edge.door DIR' does the same and starts sooner.
    """
    _become("edge.door", folder(directory))


def _become(module: str, place: Path) -> None:
    """Go on as a program without the command line's libraries, which it never needs."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, str(place)])  # noqa: S606 - ours
