"""One network, one central site, and every other site one level below its parent."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from inventory.documents.entries import Documents
from inventory.documents.folder import printable_text
from inventory.documents.partial import PartialDocuments, SiteDraft, seen_at
from inventory.errors import Fault, Location
from inventory.free_text import quoted
from inventory.model import PARENT_LEVEL, Level


def one_network(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault where the section is missing or written again."""
    if not drafts.networks and not drafts.documents.torn:
        yield Fault(_somewhere(drafts.documents), "no file has the section 'network'", _NETWORK)
    for entry in drafts.networks[1:]:
        hint = f"merge the two; {seen_at(drafts.networks[0].where())}"
        yield Fault(entry.where(), "a second section 'network'", hint)


def several_intents(documents: Documents) -> Iterator[Fault]:
    """Yield one fault where folders below this one have a network each: these are several intents.

    Checked together they would only be taken for copies of each other.
    """
    networks = documents.entries.get("network", ())
    homes = sorted({Path(entry.file).parent for entry in networks})
    if len(homes) > 1:
        named = [printable_text(documents.folder / home) for home in homes]
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        what = f"this folder holds {len(homes)} intents: {', '.join(named[:_NAMED])}{more}"
        hint = "name one of them, or keep copies elsewhere"
        yield Fault(Location(printable_text(documents.folder)), what, hint)


def one_central(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault where no site is central, and for every second one."""
    central = [site for site in drafts.sites if site.level is Level.CENTRAL]
    unclear = drafts.documents.torn or any(site.level is None for site in drafts.sites)
    if not central and not unclear:
        where = drafts.sites[0].entry.where() if drafts.sites else _somewhere(drafts.documents)
        yield Fault(where, "no site is central", "give one site 'level: central'")
    for site in central[1:]:
        hint = f"choose another level; {seen_at(central[0].entry.where('level'))}"
        yield Fault(site.entry.where("level"), "a second central site", hint)


def check_parents(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every parent that is missing, superfluous or of the wrong level."""
    circular = {name for circle in _circles(drafts.site_by_name) for name in circle}
    for site in drafts.sites:
        if site.level is None:
            continue
        if fault := _parent_fault(site, site.level, drafts.site_by_name, circular):
            yield fault


def check_regions(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every site below a regional one that is in another region than its parent.

    The sites of one region fail, count and are drawn together.
    """
    for site in drafts.sites:
        above = drafts.site_by_name.get(site.parent or "")
        if above is None or site.level not in _WITHIN_REGIONS:
            continue
        if above.level is not PARENT_LEVEL[site.level]:
            continue
        if above.region and site.region and above.region != site.region:
            what = f"region is {site.region}, but its parent {quoted(site.parent)} is in another"
            hint = f"write region: {above.region}, or name a parent in {site.region}"
            yield Fault(site.entry.where("region"), what, hint)


def check_circles(drafts: PartialDocuments) -> Iterator[Fault]:
    """Yield a fault for every circle of parents, at the first site of it."""
    order = {name: index for index, name in enumerate(drafts.site_by_name)}
    for circle in _circles(drafts.site_by_name):
        start = min(range(len(circle)), key=lambda i: order[circle[i]])
        around = [*circle[start:], *circle[: start + 1]]
        shown = around if len(around) <= 8 else [*around[:4], "...", *around[-3:]]
        where = drafts.site_by_name[around[0]].entry.where("parent")
        what = f"the hierarchy runs in a circle: {' -> '.join(shown)}"
        yield Fault(where, what, "give each of them a parent one level up")


_WITHIN_REGIONS = frozenset({Level.DEPARTMENTAL, Level.ARRONDISSEMENT})
_NETWORK = "add 'network:' with name, asn and addressing, as in docs/intent.md"
# How many intents are named where a folder holds several.
_NAMED = 5


def _parent_fault(
    site: SiteDraft, level: Level, known: Mapping[str, SiteDraft], circular: set[str]
) -> Fault | None:
    """Return what is wrong with the parent of one site."""
    wanted = PARENT_LEVEL[level]
    written = site.entry.get("parent")
    if wanted is None:
        if written is None:
            return None
        what = "the central site has a parent"
        return Fault(site.entry.where_key("parent"), what, "remove 'parent'")
    if written is None:
        what = f"{_a(level)} site without a parent"
        named = [name for name, other in known.items() if other.level is wanted]
        only = named[0] if len(named) == 1 else "NAME"
        hint = f"add 'parent: {only}', {_a(wanted)} site"
        return None if _blamed(site) else Fault(site.entry.where("parent"), what, hint)
    parent = known.get(site.parent or "")
    if parent is None or parent.level in (wanted, None) or site.name in circular:
        return None
    what = f"the parent of {_a(level)} site is {_a(wanted)} one; {quoted(site.parent)} is"
    hint = f"name {_a(wanted)} site, or correct the level"
    return Fault(site.entry.where("parent"), f"{what} {parent.level}", hint)


def _circles(sites: Mapping[str, SiteDraft]) -> list[list[str]]:
    """Return every circle of parents once, as names in order."""
    done: set[str] = set()
    found: list[list[str]] = []
    for name in sites:
        trail: dict[str, int] = {}
        at: str | None = name
        while at is not None and at in sites and at not in done and at not in trail:
            trail[at] = len(trail)
            at = sites[at].parent
        if at is not None and at in trail:
            found.append(list(trail)[trail[at] :])
        done.update(trail)
    return found


def _blamed(site: SiteDraft) -> bool:
    """Return whether the notation of the parent is at fault already."""
    where = site.entry.where("parent")
    return (where.line, where.column) in site.entry.blamed


def _a(level: Level) -> str:
    return f"an {level}" if level is Level.ARRONDISSEMENT else f"a {level}"


def _somewhere(documents: Documents) -> Location:
    """Return a place for what is missing from the whole folder."""
    return Location(documents.files[0] if documents.files else printable_text(documents.folder))
