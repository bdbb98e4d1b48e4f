"""Names for shell completion, found by a glance at the documents instead of reading them all.

Names of people, and the roles, sites and gateways of the terms that hold, are on record.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from inventory.errors import SanagaError

if TYPE_CHECKING:
    from controller.store.people import People
    from controller.transport.api_client import ApiClient
    from vpn.people.terms import AccessTerms

_SECTION: Final = re.compile(r"^(\w+):")
_NAME: Final = re.compile(r"^(\s*)-\s*\{?\s*name:\s*[\"']?([\w.-]+)")
_EDGE: Final = re.compile(r"\brole:\s*[\"']?edge\b")
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


def complete_edge(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the edges that begin with what was typed."""
    folder = Path(ctx.params.get("folder") or Path())
    known = _on_record(
        lambda store: store.site_keys.all().values(),
        lambda client: [one["edge"] for one in client.all("/vpn/edges")],
    )
    return _beginning({*edge_names(folder), *known}, incomplete)


def edge_names(folder: Path) -> Iterator[str]:
    """Yield the names of a folder's edges; what cannot be read has none."""
    for file in sorted(folder.rglob("*.y*ml")):
        if file.stat().st_size <= _LARGEST:
            name = ""
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                entry = _NAME.match(line)
                name = entry[2] if entry else name
                if name and _EDGE.search(line):
                    yield name


def complete_person(incomplete: str) -> list[str]:
    """Return the people that begin with what was typed."""
    known = _on_record(
        lambda store: [entry.person.name for entry in store.entries()],
        lambda client: [one["name"] for one in client.all("/vpn/people", state="all")],
    )
    return _beginning(known, incomplete)


def complete_role(incomplete: str) -> list[str]:
    """Return the roles of groups that begin with what was typed."""
    return _beginning(_of_terms("roles", lambda terms: terms.roles), incomplete)


def complete_work_site(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the sites, of the folder or on record, that begin with what was typed."""
    known = _of_terms("sites", lambda terms: terms.sites)
    return _beginning({*complete_site(ctx, incomplete), *known}, incomplete)


def complete_gateway(incomplete: str) -> list[str]:
    """Return the gateways of people that begin with what was typed."""
    known = _of_terms("gateways", lambda terms: [g.device for g in terms.gateways])
    return _beginning(known, incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})


def _of_terms(kind: str, ask: "Callable[[AccessTerms], Iterable[str]]") -> list[str]:
    """Return names that the terms that hold have; none where there are no terms."""

    def of_store(store: "People") -> Iterable[str]:
        return ask(terms) if (terms := store.terms()) else ()

    return _on_record(of_store, lambda client: client.get("/vpn/terms")[kind])


def _on_record(
    ask: "Callable[[People], Iterable[str]]", ask_there: "Callable[[ApiClient], Iterable[str]]"
) -> list[str]:
    """Return names that are on record; none where there is no record, or it cannot be read.

    While a controller runs here, it is asked, and the record is left to it.
    """
    from controller.app import local_controller
    from controller.environment import state_dir
    from controller.store.place import record_exists

    try:
        if client := local_controller():
            return list(ask_there(client))
        if not record_exists(state_dir()):
            return []
        from controller.store.people import People

        with closing(People.open(state_dir())) as store:
            return list(ask(store))
    except (SanagaError, OSError):
        return []
