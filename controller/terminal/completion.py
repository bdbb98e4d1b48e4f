"""Names for shell completion, found by a glance at the documents instead of reading them all."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import typer

_SECTION: Final = re.compile(r"^(\w+):")
_NAME: Final = re.compile(r"^(\s*)-\s*\{?\s*name:\s*[\"']?([\w.-]+)")
_LARGEST: Final = 8_000_000


def names(folder: Path, *sections: str) -> Iterator[str]:
    """Yield the names of a folder's entries in some sections; what cannot be read has none."""
    for file in sorted(folder.rglob("*.[yY]*[mM][lL]")):
        if file.stat().st_size <= _LARGEST:
            yield from _names_in(file.read_text(encoding="utf-8", errors="replace"), sections)


def _names_in(text: str, sections: tuple[str, ...]) -> Iterator[str]:
    section, indent = "", None
    for line in text.splitlines():
        if top := _SECTION.match(line):
            section, indent = top[1], None
        elif section in sections and (entry := _NAME.match(line)):
            # Facilities and rooms have names too, farther to the right.
            indent = entry[1] if indent is None else indent
            if entry[1] == indent:
                yield entry[2]


def _complete(ctx: typer.Context, incomplete: str, *sections: str) -> list[str]:
    folder = ctx.params.get("place") or ctx.params.get("folder") or Path()
    return [name for name in names(Path(folder), *sections) if name.startswith(incomplete)]


def complete_device(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the devices that begin with what was typed."""
    return _complete(ctx, incomplete, "devices")


def complete_site(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the sites that begin with what was typed."""
    return _complete(ctx, incomplete, "sites")


def complete_group(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the devices and sites that begin with what was typed."""
    return _complete(ctx, incomplete, "devices", "sites")


def complete_thing(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the sites, devices and circuits that begin with what was typed."""
    return _complete(ctx, incomplete, "sites", "devices", "circuits")
