"""A device's programs in its namespace: the FRR daemons, and sshd with the door behind it."""

import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from controller.drivers import frr_files
from controller.frr_door.configuration_text import split
from simulations.devices import faulty_door, monitoring, router_logs, sshd
from simulations.devices.ssh_keys import make_key
from simulations.netns import background
from simulations.netns.blueprint import BlueprintRouter
from simulations.netns.capabilities import DAEMONS, FRR
from simulations.netns.namespaces import entered_namespace
from simulations.netns.registry import Folder

FRR_USER: Final = "frr"
VTYSH_USERS: Final = "frrvty"
VTYSH: Final = "/usr/bin/vtysh"
# Programs of a router's folder that stand before the machine's own of the same name.
PROGRAMS: Final = "bin"
# Folders outside the laboratory's own that sshd and the daemons of FRR want, and who owns them.
WANTED: Final = ((Path("/run/sshd"), "root"), (Path("/run/frr"), FRR_USER))
MARK: Final = ".sanaga"
# What the door loads when the router boots, in its own folder.
STARTUP_FILTER: Final = "startup.nft"


def prepare_router(place: Folder, router: BlueprintRouter) -> str:
    """Write a router's folder and keys and return its public host key."""
    folder = place.router(router.device)
    folder.mkdir()
    names = f"hostname {router.device}\n"
    _write(folder / "blank.conf", names)
    # vtysh reads its own name here; without it the configuration would show this machine's.
    _write(folder / "vtysh.conf", names, VTYSH_USERS)
    # Its presence makes vtysh keep one file for all daemons.
    _write(folder / "frr.conf", names, VTYSH_USERS)
    _write_vtysh(folder)
    host_key = make_key(folder / "host_key")
    if router.management:
        sshd.configure_sshd(place, router, door_command(place, router))
    shutil.chown(folder, FRR_USER, FRR_USER)
    return host_key


def door_command(place: Folder, router: BlueprintRouter) -> str:
    """Return what the shell of an SSH login runs: the door, through the fault gate if one is set.

    Every request starts it again, and the gate is another Python.
    """
    folder = place.router(router.device)
    door = _door(place, folder)
    gate = (sys.executable, "-I", faulty_door.__file__, str(folder), router.namespace, "--")
    set_when = " -o ".join(f"-e {shlex.quote(str(folder / name))}" for name in faulty_door.SIGNS)
    through_gate = shlex.join(("exec", *gate, *door))
    return f"if [ {set_when} ]; then {through_gate}; fi; {shlex.join(('exec', *door))}"


def _door(place: Folder, folder: Path) -> tuple[str, ...]:
    door, tool = (str(place.router_files / name) for name in (frr_files.DOOR, frr_files.FILTER))
    plain = (sys.executable, "-I", door, "--vty-socket", str(folder))
    places = ("--confdir", str(folder), "--state", str(folder / "door"))
    return (*plain, *places, "--filter-tool", tool)


def start_router(place: Folder, router: BlueprintRouter, *, blank: bool = False) -> None:
    """Start a router's programs, blank or with its startup configuration, until they serve.

    Raises LabError with a program's own words when it does not start.
    """
    folder = place.router(router.device)
    with entered_namespace(router.namespace):
        if not blank and (folder / "door" / STARTUP_FILTER).exists():
            boot = ("/usr/bin/env", "SSH_ORIGINAL_COMMAND=boot", *_door(place, folder))
            sshd.launch_sshd(boot, router.device, folder / "start.log")
        for daemon in DAEMONS:
            argv, log = _daemon_argv(daemon, folder), folder / "start.log"
            sshd.launch_sshd(argv, router.device, log, name=daemon)
        if not blank:
            sshd.launch_sshd(vtysh_argv(folder, "-b"), router.device, folder / "start.log")
        if router.management:
            sshd.start_sshd(place, router)


def save_config(place: Folder, router: BlueprintRouter, config: str) -> None:
    """Write the startup configuration of a router that does not run, its packet filter included."""
    folder = place.router(router.device)
    own, table = split(config)
    _write(folder / "frr.conf", own, VTYSH_USERS)
    if table:
        (folder / "door").mkdir(mode=0o700, exist_ok=True)
        (folder / "door" / STARTUP_FILTER).write_text(table, encoding="utf-8")


def vtysh_argv(folder: Path, *arguments: str) -> tuple[str, ...]:
    """Return the command line of vtysh for a router."""
    return (VTYSH, "--vty_socket", str(folder), "--config_dir", str(folder), *arguments)


def _write_vtysh(folder: Path) -> None:
    """Write the program vtysh of a router, which speaks with that router's own daemons."""
    program = folder / PROGRAMS / Path(VTYSH).name
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(vtysh_argv(folder))} "$@"\n', encoding="utf-8")
    program.chmod(0o755)


def dead_programs(place: Folder, router: BlueprintRouter) -> tuple[str, ...]:
    """Return the programs of a router that should run and do not."""
    programs = (*DAEMONS, *(("sshd",) if router.management else ()))
    folder = place.router(router.device)
    dead = (name for name in programs if not background.program_runs(folder / f"{name}.pid"))
    return (*dead, *monitoring.dead_programs(folder))


def _daemon_argv(daemon: str, folder: Path) -> tuple[str, ...]:
    argv: tuple[str, ...] = (
        *(str(FRR / daemon), "-d", "-f", str(folder / "blank.conf")),
        *("-i", str(folder / f"{daemon}.pid"), "-z", str(folder / "zserv.sock")),
        *("--vty_socket", str(folder), "-u", FRR_USER, "-g", FRR_USER, "-P", "0"),
        *("--log", f"file:{folder / daemon}.log"),
    )
    if daemon == "bfdd":
        argv = (*argv, "--bfdctl", str(folder / "bfdd.sock"))
    return router_logs.with_own_log(folder, argv) if router_logs.has_log(folder) else argv


def _write(file: Path, text: str, group: str = FRR_USER) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o640)
    shutil.chown(file, FRR_USER, group)


def ensure_wanted(user: str) -> None:
    """Make the folders that the daemons want, and mark that someone uses them.

    The maker's mark says that the last user may remove the folder.
    """
    for folder, owner in WANTED:
        while not _marked(folder, owner, f"{MARK}-{user}"):
            pass


def remove_wanted(user: str) -> None:
    """Remove a user's marks, and with the last of them the folders that were made for us."""
    for folder, _ in WANTED:
        (folder / f"{MARK}-{user}").unlink(missing_ok=True)
        if (folder / MARK).exists() and not any(folder.glob(f"{MARK}-*")):
            (folder / MARK).unlink(missing_ok=True)
            with suppress(OSError):
                folder.rmdir()


def _marked(folder: Path, owner: str, mark: str) -> bool:
    """Return whether the mark stands; not when another user removed the folder just then."""
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o755)
            (folder / MARK).touch(0o600)
            shutil.chown(folder, owner, owner)
        (folder / mark).touch(0o600)
    except FileNotFoundError:
        return False
    return True
