"""The door as sshd runs it, before a pretended FRR that keeps its configuration in a file."""

import json
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from controller.drivers.frr_files import DOOR
from controller.frr_door.configuration_text import canonical

OLD = "frr defaults traditional\n!\ninterface lo\n description old\nexit\n!\n"
NEW = OLD.replace("old", "new")

VTYSH = """#!{python} -IS
import pathlib, signal, sys
running = pathlib.Path({folder!r}, "running")
with pathlib.Path({folder!r}, "calls").open("a") as calls:
    print(sys.argv[1:], file=calls)
if "write memory" in sys.argv:
    pathlib.Path({folder!r}, "startup").write_text(running.read_text())
    print("[OK]")
elif "show running-config" in sys.argv:
    print("Building configuration...\\n\\nCurrent configuration:\\n!\\nfrr version 8.4.4")
    print("hostname somewhere\\n" + running.read_text() + "end")
else:
    print(sys.argv[1:], "for at most", signal.alarm(0), "s")
"""
RELOAD = """#!{python} -IS
import pathlib, select, sys
wanted = pathlib.Path(sys.argv[-1]).read_text()
assert "frr version 8.4.4\\nhostname somewhere\\n" in wanted
if "unknown" in wanted:
    sys.exit("line 3: % Unknown command: unknown")
if "--test" in sys.argv:
    print("noise")
    gone = pathlib.Path({folder!r}, "gone")
    if gone.exists():
        print("\\nLines To Delete\\n===============\\n" + gone.read_text())
    print("\\nLines To Add\\n============\\nchange")
    sys.exit(0)
if "slow" in wanted:
    pathlib.Path({folder!r}, "begun").touch()
    select.select([], [], [], 1.5)
kept = [x for x in wanted.split("\\n")[2:] if "refused" not in x]
pathlib.Path({folder!r}, "running").write_text("\\n".join(kept))
if "refused" in wanted:
    print("% Cannot do that\\nline 4: Failure to communicate[13] to bgpd, line: refused")
    sys.exit(1)
"""
# Keeps a table in a file, and calls rules otherwise than they were given, as nft does.
FILTER = """#!{python} -IS
import hashlib, json, pathlib, sys
table, given = pathlib.Path({folder!r}, "table"), sys.stdin.read()
digest = lambda: hashlib.sha256(table.read_bytes()).hexdigest() if table.exists() else ""
answer = dict(ok=True)
if "refused" in given:
    answer = dict(ok=False, message="nft refused the packet filter")
elif sys.argv[1] == "load":
    table.write_text(given)
elif sys.argv[1] == "delete":
    table.unlink(missing_ok=True)
if sys.argv[1] == "list":
    text = table.read_text().replace("rule", "counter rule") if table.exists() else ""
    answer.update(text="" if given == digest() else text)
print(json.dumps(dict(answer, digest=digest())))
"""
SUDO = """#!{python} -IS
import os, sys
assert sys.argv[1] == "-n"
os.execv(sys.executable, [sys.executable, "-IS", *sys.argv[2:]])
"""
OPEN, SHUT = (f"packet-filter\n table x {{\n \trule {x}\n }}\nexit\n!\n" for x in ("open", "shut"))


@dataclass(frozen=True)
class Door:
    """A door in a folder of its own."""

    folder: Path

    def ask(self, request: str, data: str = "") -> tuple[int, dict[str, Any]]:
        done = self.run(request, data)
        return done.returncode, json.loads(done.stdout)

    def command(self) -> list[str]:
        places = ("--state", self.folder / "state", "--confdir", self.folder)
        tools = ("--bindir", self.folder, "--frr-reload", self.folder / "frr-reload.py")
        root = ("--filter-tool", self.folder / "filter", "--sudo", self.folder / "sudo")
        return [sys.executable, "-I", *map(str, (self.folder / DOOR, *places, *tools, *root))]

    def run(self, request: str, data: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(),
            input=data,
            env={"SSH_ORIGINAL_COMMAND": request},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def start(self, request: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(),
            env={"SSH_ORIGINAL_COMMAND": request},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            text=True,
        )

    def stage(self, txn: str, text: str) -> tuple[int, dict[str, Any]]:
        data = text.encode()
        return self.ask(f"stage {txn} {len(data)} {sha256(data).hexdigest()}", text)

    def running(self) -> str:
        return (self.folder / "running").read_text()

    def table(self) -> str:
        file = self.folder / "table"
        return file.read_text() if file.exists() else ""

    def read(self) -> str:
        return canonical(str(self.ask("read")[1]["config"]))

    def guards(self) -> list[int]:
        entries = (p for p in Path("/proc").iterdir() if p.name.isdigit())
        return [int(p.name) for p in entries if str(self.folder) in _cmdline(p)]


def _cmdline(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text()
    except OSError:
        return ""
