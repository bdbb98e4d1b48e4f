"""Builds the wheel of an edge: the room `edge` and the modules that it imports, nothing else.

It is called sanaga as the controller's wheel is, so each replaces the other; its version ends in
`+edge`. Everything in it comes from this tree and from pyproject.toml.

    .venv/bin/python tools/make_edge_wheel.py [FOLDER]

writes it to FOLDER, which is `dist` unless said.
"""

import ast
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
ROOM: Final = "edge"
LICENCES: Final = ("LICENSE", "NOTICE")
# Extras that an edge may ask for; what the first one names is in the wheel's base already.
EXTRAS: Final = ("edge", "wireguard-py")
PROJECT: Final = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "sanaga"
version = {version}
description = {description}
requires-python = {python}
license = {licence}
license-files = {licences}
dependencies = {dependencies}

[project.optional-dependencies]
{extras}

[project.scripts]
sanaga = "edge.cli.alone:main"

[tool.hatch.build.targets.wheel]
packages = {packages}
"""


def described() -> dict[str, Any]:
    """Return what pyproject.toml says of the whole project."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, Any] = tomllib.loads(text)["project"]
    return found


def carried_modules() -> set[Path]:
    """Return the files, relative to the tree, of all modules that an edge may ever import."""
    found: set[Path] = set()
    waiting = [path.relative_to(ROOT) for path in (ROOT / ROOM).rglob("*.py")]
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found.add(module)
        waiting += [parent / "__init__.py" for parent in module.parents if parent.name]
        waiting += imported_modules(ROOT / module)
    return found


def imported_modules(file: Path) -> Iterator[Path]:
    """Yield the files of this project's modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
        else:
            continue
        for name in names:
            place = Path(*name.split("."))
            both = (place.with_suffix(".py"), place / "__init__.py")
            yield from (path for path in both if (ROOT / path).is_file())


def data_files() -> Iterator[Path]:
    """Yield the files of the room edge that are no modules, such as the unit for systemd."""
    for path in (ROOT / ROOM).rglob("*"):
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT)


def project_file(rooms: set[str]) -> str:
    """Return the pyproject.toml of the wheel."""
    whole = described()
    extras = {name: whole["optional-dependencies"][name] for name in EXTRAS}
    needs = [*whole["dependencies"], *extras[ROOM]]
    # A list of strings is written the same in JSON and in TOML.
    return PROJECT.format(
        version=json.dumps(f"{whole['version']}+{ROOM}"),
        description=json.dumps(f"{whole['description']}: the edge"),
        python=json.dumps(whole["requires-python"]),
        licence=json.dumps(whole["license"]),
        licences=json.dumps(LICENCES),
        dependencies=json.dumps(needs),
        extras="\n".join(f"{name} = {json.dumps(extras[name])}" for name in EXTRAS),
        packages=json.dumps(sorted(rooms)),
    )


def build_wheel(folder: Path) -> Path:
    """Write the wheel to a folder and return its file."""
    files = carried_modules() | {*data_files()}
    with TemporaryDirectory() as made:
        tree = Path(made)
        for file in (*files, *map(Path, LICENCES)):
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, tree / file)
        written = project_file({file.parts[0] for file in files})
        (tree / "pyproject.toml").write_text(written, encoding="utf-8")
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
        subprocess.run([*command, "-d", "built"], cwd=tree, check=True, capture_output=True)  # noqa: S603
        (wheel,) = (tree / "built").iterdir()
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy2(wheel, folder))


def main(arguments: list[str]) -> int:
    """Build the wheel and say where it is."""
    print(f"wrote {build_wheel(Path(*arguments[:1] or ['dist']))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
