"""What lets a router be watched: snmpd, and lldpd, which tells snmpd the neighbours (AgentX)."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from inventory.model import DeviceName
from simulations.netns import background
from simulations.netns.blueprint import Blueprint, BlueprintRouter
from simulations.netns.capabilities import LLDPD, SNMPD
from simulations.netns.namespaces import entered_namespace
from simulations.netns.registry import Folder

USER: Final = "sanaga"
PROGRAMS: Final = ("snmpd", "lldpd")
# Seconds between what lldpd says of itself; a cable that is moved shows as soon.
SAY_AGAIN_S: Final = 10
# The user by whom snmpd asks itself whether links are up; no host but a router has its passphrase.
_WITHIN: Final = "sanaga-within"
# How often snmpd looks at interfaces, in seconds; its own default is 15 and for links 60.
_LOOK_S: Final = 1
# nsCacheTimeout of ifTable (NET-SNMP-AGENT-MIB), and what IF-MIB calls links; snmpd loads no MIBs.
_CACHE_OF_INTERFACES: Final = "1.3.6.1.4.1.8072.1.5.3.1.2.1.3.6.1.2.1.2.2"
_IF_ENTRY: Final = "1.3.6.1.2.1.2.2.1"
_LINK_DOWN, _LINK_UP = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4"


@dataclass(frozen=True, slots=True)
class Passphrases:
    """The two passphrases of a laboratory's SNMP user."""

    authentication: str = field(repr=False)
    privacy: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WatchedRouter:
    """A router to watch: its namespace, the folder for its files, and where circuits land.

    extra are further lines of snmpd.conf; lldpd sends every say_again_s seconds. Traps go to noc,
    an address; without one nobody is told.
    """

    device: DeviceName
    namespace: str
    folder: Path
    interfaces: tuple[str, ...]
    extra: tuple[str, ...] = ()
    say_again_s: int = SAY_AGAIN_S
    noc: str = ""


def make_passphrases(place: Folder) -> Passphrases:
    """Make a laboratory's passphrases and write them into files that root alone may read."""
    made = Passphrases(secrets.token_urlsafe(24), secrets.token_urlsafe(24))
    _write_private(place.snmp_authentication, made.authentication)
    _write_private(place.snmp_privacy, made.privacy)
    return made


def watched_router(place: Folder, blueprint: Blueprint, router: BlueprintRouter) -> WatchedRouter:
    """Return what watching a laboratory's router takes."""
    ends = (end for wire in blueprint.wires for end in (wire.a, wire.b))
    interfaces = tuple(end.interface for end in ends if end.namespace == router.namespace)
    noc = blueprint.noc_address(router)
    folder = place.router(router.device)
    return WatchedRouter(router.device, router.namespace, folder, interfaces, noc=noc)


def prepare_monitoring(router: WatchedRouter, passphrases: Passphrases) -> None:
    """Write the configurations of a router's snmpd and lldpd."""
    folder = router.folder
    (folder / "snmp").mkdir(mode=0o700)
    words = f'"{passphrases.authentication}" AES "{passphrases.privacy}"'
    snmpd = (
        "agentaddress udp:161",
        "master agentx",
        f"agentXSocket {folder / 'agentx'}",
        f"createUser {USER} SHA-256 {words}",
        f"rouser {USER} authpriv",
        f"sysName {router.device}",
        "interface_replace_old yes",
        f"engineID sanaga-{router.device}",
        *(_trap_lines(router.noc, passphrases) if router.noc else ()),
        *router.extra,
    )
    _write_private(folder / "snmpd.conf", "".join(f"{line}\n" for line in snmpd))
    lldpd = (
        f"configure system hostname {router.device}",
        "configure lldp portidsubtype ifname",
        f"configure lldp tx-interval {router.say_again_s}",
    )
    (folder / "lldpd.conf").write_text("".join(f"{line}\n" for line in lldpd), encoding="ascii")


def _trap_lines(noc: str, passphrases: Passphrases) -> tuple[str, ...]:
    """Return the lines by which snmpd tells of links that are lost and back (DISMAN-EVENT-MIB)."""
    said = f'-a SHA-256 -A "{passphrases.authentication}" -x AES -X "{passphrases.privacy}"'
    link = " ".join(f"-o {_IF_ENTRY}.{column}" for column in (1, 7, 8))
    state = f"{_IF_ENTRY}.8"
    return (
        f"trapsess -v3 -u {USER} -l authPriv {said} {noc}:162",
        f'createUser {_WITHIN} SHA-256 "{secrets.token_urlsafe(24)}"',
        f"rwuser {_WITHIN} auth",
        f"iquerySecName {_WITHIN}",
        f"setEvent quick -I {_CACHE_OF_INTERFACES} = {_LOOK_S}",
        'monitor -I -r 3600 -e quick "look often" 1.3.6.1.2.1.1.7.0 > 0',
        f"notificationEvent linkLost {_LINK_DOWN} {link}",
        f"notificationEvent linkBack {_LINK_UP} {link}",
        f'monitor -r {_LOOK_S} -e linkLost "link lost" {state} != 1',
        f'monitor -S -r {_LOOK_S} -e linkBack "link back" {state} == 1',
    )


def start_snmpd(router: WatchedRouter) -> None:
    """Start a router's snmpd, which serves soon after.

    Raises LabError with the program's own words when it does not start.
    """
    folder = router.folder
    _start(
        router,
        *("/usr/bin/env", f"SNMP_PERSISTENT_DIR={folder / 'snmp'}"),
        *(str(SNMPD), "-f", "-C", "-m", "", "-c", str(folder / "snmpd.conf")),
        *("-Lf", str(folder / "snmpd.log")),
    )


def start_lldpd(router: WatchedRouter) -> None:
    """Start a router's lldpd; one that finds no snmpd looks for it again 15 s later.

    Raises LabError with the program's own words when it does not start.
    """
    folder = router.folder
    # The marks let lldpd take interfaces whose kind it would pass over.
    interfaces = ",".join(f"!!{name}" for name in router.interfaces) or "!*"
    _start(
        router,
        *(str(LLDPD), "-d", "-u", str(folder / "lldpd.socket"), "-O", str(folder / "lldpd.conf")),
        *("-x", "-X", str(folder / "agentx"), "-I", interfaces),
    )


def _start(router: WatchedRouter, *argv: str) -> None:
    name = "lldpd" if str(LLDPD) in argv else "snmpd"
    pid_file, log = (router.folder / f"{name}.{end}" for end in ("pid", "log"))
    with entered_namespace(router.namespace):
        background.start_program(argv, pid_file=pid_file, log=log)


def dead_programs(folder: Path) -> tuple[str, ...]:
    """Return which of a router's programs for watching it should run and do not."""
    return tuple(n for n in PROGRAMS if not background.program_runs(folder / f"{n}.pid"))


def _write_private(file: Path, text: str) -> None:
    file.touch(0o600)
    file.chmod(0o600)
    file.write_text(text, encoding="ascii")
