"""What an edge has installed: the wheel of its own rooms, and the libraries that this draws."""

import fcntl
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution, packages_distributions
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from tools.make_edge_wheel import build_wheel

ROOT: Final = Path(__file__).resolve().parents[3]
UNIT: Final = ROOT / "edge" / "systemd" / "sanaga-edge.service"
OURS: Final = (
    "database",
    "accounts",
    "inventory",
    "topology",
    "policies",
    "vpn",
    "edge",
    "controller",
    "simulations",
)
# Refuses every library that an edge has not, and then runs what follows.
WITHOUT_THE_REST: Final = """
import sys
LACKING = set({lacking!r})
class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in LACKING:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refusal())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in LACKING else found(name, *more)
"""


@dataclass(frozen=True, slots=True)
class EdgeInstallation:
    """A virtual environment as the recipe makes it; it knows nothing of this tree."""

    folder: Path

    @property
    def python(self) -> str:
        """Return the interpreter that has the libraries of an edge alone."""
        return str(self.folder / "bin" / "python")

    @property
    def sanaga(self) -> str:
        """Return the command."""
        return str(self.folder / "bin" / "sanaga")

    @property
    def packages(self) -> Path:
        """Return the folder of what is installed."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def own_files(self) -> list[Path]:
        """Return the files of the wheel, bytecode included, without the libraries'."""
        # In a folder of its own is bytecode of libraries that are one module.
        tops = (top for top in self.packages.iterdir() if top.name != "__pycache__")
        own = (top for top in tops if top.is_dir() and not top.is_symlink())
        return [path for top in own for path in top.rglob("*") if path.is_file()]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the interpreter away from this tree."""
        argv = [self.python, "-P", *words]
        return subprocess.run(argv, cwd=self.folder, capture_output=True, text=True, check=False)


def install_edge(folder: Path) -> EdgeInstallation:
    """Build the wheel of an edge and install it below a folder, once for all who ask for it there.

    The libraries are those of this environment, which a link stands for.
    """
    made = EdgeInstallation(folder / "edge-installation")
    with (folder / "edge-installation.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.folder.exists():
            _install(made, build_wheel(folder))
    return made


def _install(made: EdgeInstallation, wheel: Path) -> None:
    venv.create(made.folder, symlinks=True)
    into = ["--python", made.python, "--no-deps", "--offline", "--no-cache", "--compile-bytecode"]
    uv = [sys.executable, "-m", "uv", "--quiet", "pip", "install"]
    subprocess.run([*uv, *into, str(wheel)], check=True)
    for library in edge_libraries().values():
        # Bytecode of single modules and commands are in folders that libraries share.
        for top in {file.parts[0] for file in library.files or ()} - {"..", "__pycache__"}:
            (made.packages / top).symlink_to(str(library.locate_file(top)))


def edge_libraries() -> dict[str, Distribution]:
    """Return the libraries that pip installs with `sanaga[edge]`, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["edge"]]
    found: dict[str, Distribution] = {}
    while wanted:
        need = Requirement(wanted.pop())
        if need.name in found or (need.marker and not need.marker.evaluate({"extra": ""})):
            continue
        found[need.name] = distribution(need.name)
        wanted += found[need.name].requires or ()
    return found


def lacking_modules() -> list[str]:
    """Return the modules installed here that an edge has not."""
    there = {_plain(name) for name in edge_libraries()} | {"sanaga"}
    return [
        module
        for module, owners in packages_distributions().items()
        if module not in {*OURS, *sys.stdlib_module_names} and not there & set(map(_plain, owners))
    ]


def command(program: str, lacking: Sequence[str] | None = None) -> list[str]:
    """Return the command line of a program without some libraries, or with an edge's alone."""
    without = lacking_modules() if lacking is None else [*lacking]
    return [sys.executable, "-c", WITHOUT_THE_REST.format(lacking=without) + program]


def installed_bytes(libraries: Iterable[Distribution]) -> int:
    """Return what libraries hold on the disk, bytecode included."""
    files = [library.locate_file(file) for library in libraries for file in library.files or ()]
    return sum(Path(str(file)).stat().st_size for file in files if Path(str(file)).is_file())


def unit_settings() -> dict[str, str]:
    """Return the settings of the daemon's unit for systemd."""
    lines = UNIT.read_text().splitlines()
    return {name: said for name, equals, said in (line.partition("=") for line in lines) if equals}


def unit_capabilities() -> list[str]:
    """Return what is left of root's power, as setpriv names it."""
    names = unit_settings()["CapabilityBoundingSet"].split()
    return [name.removeprefix("CAP_").lower() for name in names]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
