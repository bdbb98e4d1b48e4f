"""Writes the map of rooms, docs/architecture.md and docs/reference/rooms.md, from docstrings."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "architecture.md"
REFERENCE: Final = ROOT / "docs" / "reference" / "rooms.md"
MARK: Final = re.compile(r"(<!-- rooms -->\n).*?(<!-- /rooms -->)", re.DOTALL)

# Packages of migrations are listed on the page of all modules alone.
_SCRIPTS: Final = frozenset({"migrations", "versions"})

HEAD: Final = """\
# Every module, room by room

`make docs` writes this page from the docstrings of the packages and modules; a test fails when it
is out of date. [The architecture](../architecture.md) says which room is for what.
"""


def contracts() -> list[dict[str, Any]]:
    """Return the import contracts of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    return found


def layers(contract: str) -> list[str]:
    """Return the layers of a contract, the highest first."""
    found: list[str] = next(c for c in contracts() if c["id"] == contract)["layers"]
    return found


def rooms() -> list[str]:
    """Return the names of all rooms, the lowest first, as imports may flow."""
    return [room for layer in reversed(layers("rooms")) for room in layer.split(" | ")]


def packages(room: str) -> list[Path]:
    """Return the packages of a room, its own folder first."""
    return [file.parent for file in sorted((ROOT / room).rglob("__init__.py"))]


def modules(package: Path) -> list[Path]:
    """Return the modules of a package, without its `__init__`."""
    return [file for file in sorted(package.glob("*.py")) if file.name != "__init__.py"]


def docstring(file: Path) -> str:
    """Return the first paragraph of a file's docstring on one line; empty where it has none."""
    found = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(found.split("\n\n", 1)[0].split())


def sentence(file: Path) -> str:
    """Return the first sentence of a file's docstring."""
    return re.split(r"(?<=\.)\s+(?=[A-Z`])", docstring(file), maxsplit=1)[0]


def page(written: str) -> str:
    """Return the page on the architecture, with the map between its marks made again."""
    made = "\n".join(overview())
    return MARK.sub(lambda found: f"{found[1]}{made}\n{found[2]}", written)


def overview() -> Iterator[str]:
    """Yield the lines of the map: rooms and packages, then the directions of imports."""
    yield "| folder | what it holds | modules |\n|---|---|---|"
    for room in rooms():
        for package in packages(room):
            if package.name not in _SCRIPTS:
                yield _row(package)
    yield "\n**Imports flow downward only** (pyproject.toml, `make check`). Rooms:\n"
    yield f"    {' → '.join(layers('rooms'))}\n"
    for room in ("controller", "edge"):
        yield f"Inside {room}:\n"
        yield f"    {' → '.join(layers(room)[:5])}"
        yield f"    → {' → '.join(layers(room)[5:])}\n"
    for contract in contracts():
        if contract["type"] == "protected":
            yield f"- {contract['name']}: only {_code(contract['allowed_importers'])} " + (
                f"may import {_code(contract['protected_modules'])}."
            )
        if contract["type"] == "forbidden":
            yield f"- {contract['name']}: not {_code(contract['forbidden_modules'])}."


def _row(package: Path) -> str:
    name = package.relative_to(ROOT).as_posix()
    shown = f"`{name}/`" if "/" in name else f"**`{name}/`**"
    said = sentence(package / "__init__.py")
    said = said if "/" in name else f"**{said}**"
    anchor = re.sub(r"[^\w-]", "", name)
    return f"| {shown} | {said} | [{len(modules(package))}](reference/rooms.md#{anchor}) |"


def reference() -> str:
    """Return the page of all modules."""
    return HEAD + "".join(_section(package) for room in rooms() for package in packages(room))


def _section(package: Path) -> str:
    name = package.relative_to(ROOT).as_posix()
    lines = [f"\n{'###' if '/' in name else '##'} {name}\n", sentence(package / "__init__.py")]
    if found := modules(package):
        lines.append("\n| module | what it holds |\n|---|---|")
        lines.extend(f"| `{file.name}` | {_cell(sentence(file))} |" for file in found)
    return "\n".join(lines) + "\n"


def _code(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write both pages."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    REFERENCE.parent.mkdir(exist_ok=True)
    REFERENCE.write_text(reference(), encoding="utf-8")
    for file in (PAGE, REFERENCE):
        print(f"wrote {file.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
