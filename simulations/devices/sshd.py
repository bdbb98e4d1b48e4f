"""The SSH server of a machine, which admits the controller's key to the machine's door alone."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from inventory.errors import LabError
from simulations.netns.background import last_words
from simulations.netns.blueprint import Machine
from simulations.netns.capabilities import SSHD
from simulations.netns.registry import Folder

START_WITHIN_S: Final = 120.0

CONFIG: Final = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {authorized_keys}
PidFile {folder}/sshd.pid
AuthenticationMethods publickey
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
DisableForwarding yes
PermitUserEnvironment no
PermitUserRC no
PrintMotd no
PrintLastLog no
UseDNS no
MaxStartups 100:30:200
MaxSessions 50
LoginGraceTime 20
# Else bash, called by sshd, would read ~/.bashrc before every request.
SetEnv SHLVL=2
ForceCommand {command}
"""


def configure_sshd(place: Folder, machine: Machine, command: str) -> None:
    """Write the server's configuration; command is what the shell of every login runs."""
    folder = place.router(machine.device)
    text = CONFIG.format(
        port=machine.port,
        address=machine.management.ip if machine.management else "",
        folder=folder,
        authorized_keys=place.authorized_keys,
        command=command,
    )
    (folder / "sshd_config").write_text(text, encoding="utf-8")


def start_sshd(place: Folder, machine: Machine) -> None:
    """Start the server in the namespace of the caller; its configuration is there.

    Raises LabError with its own words when it does not start.
    """
    folder = place.router(machine.device)
    argv = (str(SSHD), "-f", str(folder / "sshd_config"), "-E", str(folder / "sshd.log"))
    launch_sshd(argv, machine.device, folder / "start.log")


def launch_sshd(argv: Iterable[str], device: str, log: Path, name: str = "") -> None:
    """Run a program that goes to the background by itself; it must not hold our pipes.

    Raises LabError with its own words when it does not start.
    """
    argv = tuple(argv)
    with log.open("ab") as stream:
        # Words for a person; a daemon that stays keeps this file open, which hurts nobody.
        result = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            check=False,
            timeout=START_WITHIN_S,
            start_new_session=True,
        )
    if result.returncode:
        what = name or Path(argv[0]).name
        raise LabError(f"{device}: {what} did not start: {last_words(log)}")
