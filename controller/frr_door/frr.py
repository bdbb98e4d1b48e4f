"""FRR on the router: reading what it runs, making it run another configuration, saving it."""

from __future__ import annotations

import os
import re

from controller.frr_door.configuration_text import body
from controller.frr_door.router import DoorError, Router, run_program
from controller.frr_door.state_files import write_file

RELOAD_TIMEOUT_S = 180
VTYSH_TIMEOUT_S = 30
FEW_DELETIONS = 8
BATCH = 32

_HEADER = re.compile(r"(frr version|hostname) .*")
_DELETIONS = "\nLines To Delete\n===============\n"


def read_frr(router: Router) -> str:
    """Return what FRR runs, as it shows it."""
    command = [*router.vtysh(str(router.file("work"))), "-c", "show running-config"]
    code, output = run_program(command, VTYSH_TIMEOUT_S)
    _, found, text = output.partition("Current configuration:")
    if code or not found or not text.rstrip().endswith("\nend"):
        raise DoorError("vtysh", f"show running-config failed: {output.strip()[-300:]}")
    return text


def reload_frr(router: Router, mode: str, text: str, running: str) -> tuple[int, str]:
    """Run frr-reload.py on a whole configuration; return its exit code and output.

    It saves the startup configuration after a reload unless the file it is given is called
    CONFDIR/frr.conf, so it gets a folder of its own.
    """
    work = router.file("work")
    header = [line for line in running.split("\n") if _HEADER.fullmatch(line)]
    write_file(work / "frr.conf", "\n".join([*header, text]))
    options = ["--stdout", "--confdir", str(work), "--rundir", str(work), "--bindir", router.bindir]
    socket = ["--vty_socket", router.vty_socket] if router.vty_socket else []
    command = [router.frr_reload, mode, *options, *socket, str(work / "frr.conf")]
    return run_program(command, RELOAD_TIMEOUT_S)


def apply_frr(router: Router, own: str, ran: str) -> tuple[int, str]:
    """Make FRR run its own part of a configuration."""
    if body(own) == body(ran):
        return 0, ""
    surplus = set(ran.splitlines()).difference(own.splitlines())
    if len(surplus) > FEW_DELETIONS:
        _delete_lines(router, own, ran)
    return reload_frr(router, "--reload", own, ran)


def _delete_lines(router: Router, text: str, running: str) -> None:
    """Delete in one vtysh what frr-reload.py would delete with a vtysh of its own per line.

    It gets the same commands in the same order. A refused one ends the batch: frr-reload.py,
    which follows, does the rest in its own way.
    """
    _, output = reload_frr(router, "--test", text, running)
    lines = output.partition(_DELETIONS)[2].partition("\nLines To Add\n")[0].splitlines()
    groups: list[list[str]] = []
    for line in filter(str.strip, lines):
        if not line.startswith(" "):
            groups.append(["end", "configure"])
        # FRR takes no text here; frr-reload.py would find that out word by word.
        groups[-1].append(" no description" if line.startswith(" no description ") else line)
    vtysh = router.vtysh(str(router.file("work")))
    for start in range(0, len(groups), BATCH):
        commands = [command for group in groups[start : start + BATCH] for command in group][1:]
        run_program(
            [*vtysh, *(word for command in commands for word in ("-c", command))], VTYSH_TIMEOUT_S
        )


def save_startup(router: Router) -> None:
    """Write the startup configuration, through watchfrr (which may) where it runs."""
    integrated: list[str] = []
    if not os.access(f"{router.confdir}/frr.conf", os.F_OK):
        # vtysh sees no integrated file there, because there is none or the door may not look,
        # and would write one file per daemon.
        for command in ("configure", "service integrated-vtysh-config", "end"):
            integrated += ["-c", command]
    command_line = [*router.vtysh(router.confdir), *integrated, "-c", "write memory"]
    code, output = run_program(command_line, VTYSH_TIMEOUT_S)
    if code or "[OK]" not in output:
        why = " ".join(output.split())[-400:]
        raise DoorError(
            "not-saved", f"it runs, but the startup configuration was not written: {why}"
        )
