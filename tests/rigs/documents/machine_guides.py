"""How recipes are followed that prepare a router or an edge, on a machine of its own."""

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.rigs.documents.follow import Guide
from tests.rigs.documents.prepared_machine import admit, write
from tests.rigs.documents.shell import Shell
from tests.sanaga_process import ROOT

NO_INDEX: Final = "it asks Debian's or Python's package index, and the machine has these packages"
NO_SYSTEMD: Final = "systemd is not the first process here; what it would start is started by hand"
FOLLOWED: Final = "'change the network' does it in the laboratory"
# What no test runs of what recipes say, and why.
NOT_RUN: Final[Mapping[str, Mapping[str, str]]] = {
    "prepare-an-frr-router": {"apt install": NO_INDEX, "systemctl reload ssh": NO_SYSTEMD},
    "prepare-a-linux-edge": {
        "make setup": NO_INDEX,
        "apt install": NO_INDEX,
        ".venv/bin/pip wheel": NO_INDEX,
        "/opt/sanaga/bin/pip install --no-index": "the wheels of the line before are missing",
        "systemctl": NO_SYSTEMD,
        "sanaga plan FOLDER": FOLLOWED,
        "sanaga apply": FOLLOWED,
    },
}
UNIT: Final = "/etc/systemd/system/sanaga-packet-filter.service"
SSHD: Final = "/usr/sbin/sshd"
FRR: Final = "/usr/lib/frr/frrinit.sh start"


def prepare_an_frr_router(folder: Path, controller: Shell, router: Shell) -> Guide:
    """Return how Debian's FRR and sshd get the door, through which the controller then asks."""

    def switch_on() -> None:
        daemons = "s/^(bgpd|bfdd|staticd)=no/\\1=yes/"
        assert router.run(f"sed -E -i '{daemons}' /etc/frr/daemons").code == 0
        write(router, "/etc/frr/vtysh.conf", "service integrated-vtysh-config\n")
        started = router.run(FRR)
        assert started.code == 0, started

    def start_sshd() -> None:
        assert router.run(SSHD).code == 0

    return Guide(
        documents={
            "Match User": lambda text: write(router, "/etc/ssh/sshd_config.d/sanaga.conf", text),
            "* * * * *": lambda text: write(router, "/etc/cron.d/sanaga-door", text),
            "sanaga ALL": lambda text: write(router, "/etc/sudoers.sanaga", text),
            "[Unit]": lambda text: write(router, UNIT, text),
        },
        before={
            "install -o root -g root -m 0644": lambda: admit(router, folder, "ROUTER"),
            "ssh sanaga@ROUTER status": start_sshd,
        },
        others={"sanaga inventory": lambda: controller},
        instead={"systemctl restart frr": switch_on},
        not_run=NOT_RUN["prepare-an-frr-router"],
    )


def clone(folder: Path) -> None:
    """Put a clone of the project into a folder, as 'make setup' leaves it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    outline = Path("inventory/national/outline.json")
    if (ROOT / outline).exists():
        shutil.copyfile(ROOT / outline, folder / outline)
    (folder / ".venv").symlink_to(Path(sys.prefix))


def prepare_a_linux_edge(folder: Path, controller: Shell, edge: Shell) -> Guide:
    """Return how a computer becomes an edge, whose daemon the controller then asks."""

    def bring_wheel() -> None:
        (wheel,) = (folder / "dist").glob("*.whl")
        shutil.copyfile(wheel, folder / wheel.name)

    def install() -> None:
        """Install the wheel; its libraries are those of the tests."""
        pip = (
            "/opt/sanaga/bin/pip install --no-index --no-deps ./sanaga-0.1.0+edge-py3-none-any.whl"
        )
        libraries = sysconfig.get_path("purelib")
        done = edge.run(pip)
        assert done.code == 0, done
        place = "/opt/sanaga/lib/python3*/site-packages"
        done = edge.run(f"echo {libraries} > $(echo {place})/libraries.pth")
        assert done.code == 0, done

    def start_daemon() -> None:
        unit = edge.run("cat /etc/systemd/system/sanaga-edge.service")
        command = next(line for line in unit.lines if line.startswith("ExecStart="))
        edge.run(f"({command.removeprefix('ExecStart=')} >daemon.log 2>&1 &)")
        waited = "for i in $(seq 600); do sanaga edge status >/dev/null 2>&1 && break; done"
        assert edge.run(f"{waited}; sanaga edge status").code == 0
        assert edge.run(SSHD).code == 0

    def authorize(text: str) -> None:
        key = admit(edge, folder, "EDGE")
        line, found = re.subn(r"ssh-ed25519 AAAA\.\.\.", lambda _: key, text)
        assert found == 1
        write(edge, "/root/.ssh/authorized_keys", line)

    on_edge = ("python3 -m venv", "ln -s", "sudo sanaga edge", "cp /opt", "sshd -t",
               "sanaga edge", "ssh root@EDGE")  # fmt: skip
    return Guide(
        documents={
            "PermitRootLogin": lambda text: write(edge, "/etc/ssh/sshd_config.d/sanaga.conf", text),
            "restrict,command": authorize,
        },
        before={
            "python3 -m venv": bring_wheel,
            "ssh root@EDGE status": start_daemon,
        },
        others=dict.fromkeys(on_edge, lambda: edge),
        instead={"/opt/sanaga/bin/pip install './sanaga": install},
        not_run=NOT_RUN["prepare-a-linux-edge"],
    )


GUIDES: Final = ("prepare-an-frr-router", "prepare-a-linux-edge")
