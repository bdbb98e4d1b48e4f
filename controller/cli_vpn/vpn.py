"""Who may reach what over the VPN, and who is given access."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.app import open_registrar
from controller.cli_vpn import gateways as cli_vpn_gateways
from controller.cli_vpn import invite, join, person, site
from controller.cli_vpn.arguments import BecauseOption, refuse_place
from controller.cli_vpn.gateways import LaterOption
from controller.terminal.completion import (
    complete_gateway,
    complete_person,
    complete_role,
    complete_work_site,
)
from controller.terminal.controllers import ControllerOption, people_of_controller
from controller.terminal.folders import FolderOption
from controller.terminal.output import (
    Exit,
    Format,
    FormatOption,
    UsageProblem,
    emit,
    emit_rows,
    say,
    say_lines,
    show,
    write,
)
from controller.terminal.vpn_access import open_access, sites_access
from controller.wording import count

if TYPE_CHECKING:
    from controller.load import Loaded
    from vpn.grants.access import Destination
    from vpn.grants.documents import Test

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Say and test who may reach what over the VPN, and give people access.",
)
person.app.command(
    epilog="Example: sanaga vpn person invite b-oumarou --title 'B. Oumarou' --role nurse "
    "--site mora --because 'mobile clinic' --qr"
)(invite.invite)
app.add_typer(person.app, name="person")
app.command(
    epilog="Example: sudo sanaga vpn join --file /etc/wireguard/sanaga.conf",
    # A code that is written there by mistake is not repeated in a complaint.
    context_settings={"allow_extra_args": True},
)(join.join)
app.add_typer(site.app, name="site")


@app.command(epilog="Example: sanaga vpn check --dir my-network")
def check(folder: FolderOption = Path(), output: FormatOption = Format.TABLE) -> None:
    """Run the tests that the grants of an intent bring along; one that fails ends with code 1."""
    from controller.load import load

    loaded = load(folder)
    findings = [_finding(loaded, test) for test in loaded.access.tests]
    emit(findings, output, lambda: show(map(_line, findings)))
    failed = sum(not finding["holds"] for finding in findings)
    say(f"{count(len(findings), 'test')}, {failed} failed" if failed else _all_hold(len(findings)))
    if failed:
        raise typer.Exit(Exit.ERROR)


def _finding(loaded: "Loaded", test: "Test") -> dict[str, object]:
    from vpn.grants import expectations

    found = expectations.evaluate_access_test(test.sentence, loaded.access.policy, loaded.intent)
    return {
        "where": str(test.where),
        "text": found.text,
        "holds": found.holds,
        "because": found.because,
    }


def _line(finding: dict[str, object]) -> tuple[str, str]:
    said = f"{finding['text']}: {finding['because']}"
    if finding["holds"]:
        return f"holds  {said}", ""
    return f"FAILS  {finding['where']}: {said}", "bold red"


def _all_hold(number: int) -> str:
    if not number:
        return "no grant brings a test along; write some under its 'expect'"
    return f"{count(number, 'test')}, all hold"


@app.command(epilog="Example: sanaga vpn reach oncologist douala --dir my-network")
def reach(
    role: Annotated[
        str,
        typer.Argument(
            metavar="ROLE",
            help="Role of a person, as groups have it.",
            autocompletion=complete_role,
        ),
    ],
    site: Annotated[
        str,
        typer.Argument(
            metavar="SITE",
            help="Site where the person works.",
            autocompletion=complete_work_site,
        ),
    ],
    folder: FolderOption = Path(),
    output: FormatOption = Format.TABLE,
) -> None:
    """List all that somebody of a role at a site reaches, and by which grant."""
    from controller.load import load, unknown
    from vpn.grants import access
    from vpn.model import Person

    loaded = load(folder)
    policy, intent = loaded.access.policy, loaded.intent
    if site not in intent.sites:
        raise unknown("site", site, intent.sites)
    roles = {group.role: group for group in policy.groups}
    if role not in roles:
        raise unknown("role", role, roles)
    somebody = Person("somebody", "Somebody", role, site)
    rows = [_row(one) for one in access.destinations(policy, intent, somebody)]
    emit_rows(rows, output, _HEADINGS)
    if not rows:
        say(f"{role} at {site} reaches nothing; what no grant opens is shut")


_HEADINGS = {
    "target": "TARGET",
    "place": "PLACE",
    "where": "WHERE",
    "ports": "PORTS",
    "group": "GROUP",
    "because": "BECAUSE",
}


def _row(one: "Destination") -> dict[str, object]:
    return {
        "target": one.target,
        "place": one.place,
        "where": [str(where) for where in one.where],
        "ports": [str(ports) for ports in one.ports] or ["all"],
        "group": one.grant.group,
        "because": one.grant.because,
    }


@app.command(epilog="Example: sanaga vpn plan --dir my-network")
def plan(
    folder: FolderOption = Path(),
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what the groups and gateways of an intent would change, and for whom.

    Ends with code 2 when there is something to apply.
    """
    from controller.cli_vpn import terms

    refuse_place(controller, folder)
    with open_access(controller) as access:
        found = access.open_terms().plan(folder)
    emit(terms.as_data(found), output, lambda: show((line, "") for line in terms.lines(found)))
    if not found.differences:
        say("nothing to change")
        return
    raise typer.Exit(Exit.CHANGES)


@app.command(epilog="Example: sanaga vpn apply --dir my-network --because 'oncologists join'")
def apply(
    because: BecauseOption,
    folder: FolderOption = Path(),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    later: LaterOption = False,
    controller: ControllerOption = None,
) -> None:
    """Let the groups and gateways of an intent hold from now on; its tests must hold."""
    from controller.cli_vpn import terms

    refuse_place(controller, folder)
    with open_access(controller) as access:
        offered = access.open_terms()
        found = offered.plan(folder)
        show((line, "") for line in terms.lines(found))
        if not found.differences:
            say("nothing to change")
            return
        terms.confirm(found, yes=yes)
        dismissed = terms.accept(offered, folder, found, because, later=later)
        cli_vpn_gateways.tell(access.gateways, later=later)
    if not dismissed:
        raise typer.Exit(Exit.DIFFERS)


@app.command(epilog="Example: sanaga vpn load --within 10m")
def load(
    gateways: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[GATEWAY]...",
            help="Which gateways; all unless named.",
            autocompletion=complete_gateway,
        ),
    ] = None,
    within: Annotated[
        str,
        typer.Option(metavar="DURATION", help="How long to try again, such as 90s, 10m or 2h."),
    ] = "0s",
    controller: ControllerOption = None,
) -> None:
    """Push rosters to gateways; ends with code 5 when one could not be reached.

    Every verb that changes access does it by itself; this is for gateways that were not reached.
    """
    from controller.terminal.durations import seconds

    patience_s = seconds(within)
    with open_access(controller) as access:
        dialling = access.gateways.dialling()
        dialling.chosen(None)
        names = [dialling.chosen(name) for name in gateways or ()] or list(dialling.gateways)
        left = cli_vpn_gateways.load(access.gateways, names, within_s=patience_s)
    if left:
        raise typer.Exit(Exit.DIFFERS)


@app.command(epilog="Example: sanaga vpn status --people")
def status(
    people: Annotated[
        bool, typer.Option("--people", help="Who has dialled, from where, and how long ago.")
    ] = False,
    sites: Annotated[
        bool, typer.Option("--sites", help="Every path of every edge, and what takes it.")
    ] = False,
    folder: FolderOption = Path(),
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show what every gateway goes by, who of the people is there, and what it was not told yet.

    With --people or --sites, show the sessions instead; --dir is where the intent is, for --sites.
    """
    if people and sites:
        raise UsageProblem("say --people or --sites, one at a time")
    if sites:
        refuse_place(controller, folder)
        tunnels = sites_access(controller, folder).sessions()
        say_lines(tunnels.faults)
        emit_rows(tunnels.rows, output, cli_vpn_gateways.SITES)
        return
    with open_access(controller) as access:
        found = access.gateways.sessions() if people else access.gateways.status()
    if people:
        say_lines(found.faults)
    headings = cli_vpn_gateways.PEOPLE if people else cli_vpn_gateways.STATUS
    emit_rows(found.rows, output, headings)
    if not people:
        say_lines(found.faults)


@app.command(
    "import", epilog="Example: sanaga vpn import wg0.conf --role nurse --site mora > people.csv"
)
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", exists=True, dir_okay=False, help="wg-quick files."),
    ],
    role: Annotated[
        str,
        typer.Option(
            metavar="ROLE", help="What all of them are, for now.", autocompletion=complete_role
        ),
    ],
    site: Annotated[
        str,
        typer.Option(
            metavar="SITE",
            help="Where all of them work, for now.",
            autocompletion=complete_work_site,
        ),
    ],
) -> None:
    """Print a list of the people who dial a server today, to be corrected and applied.

    Their keys stay theirs, so no private key moves. Names come from the remarks in the file; what
    else cannot be read is skipped with a notice for each line.
    """
    from controller.cli_vpn import people_list

    people_list.list_people_of_servers(files, role, site)


@app.command(epilog="Example: sanaga vpn names --dir my-network > /etc/dnsmasq.hosts/sanaga.hosts")
def names(folder: FolderOption = Path(), output: FormatOption = Format.TABLE) -> None:
    """Print the names of services and devices as a hosts file, for a resolver of your own."""
    from controller.load import load
    from vpn.people import dns_names as known

    loaded = load(folder)
    network = loaded.intent.network.name
    found = known.dns_names(loaded.intent, loaded.access.policy)
    rows = [
        {"name": f"{n}.{known.network_domain(network)}", "addresses": list(a)} for n, a in found
    ]
    emit(rows, output, lambda: write(known.hosts_file(network, found).rstrip("\n")))


@app.command(epilog="Example: sanaga vpn audit a-ngono -o json")
def audit(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Only what was done about this person or edge.",
            autocompletion=complete_person,
        ),
    ] = "",
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="Only entries of a kind: vpn, accounts or network.",
        ),
    ] = "",
    noted: Annotated[
        str,
        typer.Option(
            metavar="HASH", help="A last hash that you noted; the chain must still have it."
        ),
    ] = "",
    controller: ControllerOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show who did what, when and why, by any door.

    A chain that was tampered with, or that lacks a hash that you noted, ends with code 1.
    """
    from accounts.audit import judge_chain
    from controller.cli_vpn.person_view import AUDIT_HEADINGS, audit_row, judge_audit
    from inventory.errors import UnknownNameError
    from vpn.people.terms import unknown_name

    if people := people_of_controller(controller):
        whole = people.trail()
        known = {trace.subject for trace in whole}
    else:
        with open_registrar() as registrar:
            whole, store = registrar.store.trail(), registrar.store
            known = {trace.subject for trace in whole} | {*store.site_keys.all().values()}
            known |= {entry.person.name for entry in store.entries()}
    if subject and subject not in known:
        raise UnknownNameError(unknown_name("person or edge", subject, dict.fromkeys(known)))
    wanted = [one for one in whole if subject in {"", one.subject} and kind in {"", one.kind}]
    emit_rows([audit_row(trace) for trace in wanted], output, AUDIT_HEADINGS)
    judge_audit(judge_chain(whole, noted), noted)
