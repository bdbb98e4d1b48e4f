"""Whose format a file has, by its name and, where that says too little, its text."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from inventory.documents.entries import SECTIONS
from inventory.documents.text_file import read_octets
from inventory.errors import Fault, IntentError, Location
from inventory.exchange import ansible, nornir
from inventory.exchange.ansible_files import GROUP_KEYS, VAULT, looks_like_ini
from inventory.exchange.graphml import import_graphml
from inventory.exchange.netbox import import_netbox
from inventory.exchange.report import Imported, printable
from inventory.exchange.yaml_values import read_ansible_yaml


class Source(StrEnum):
    """Whose inventories can be imported."""

    NETBOX = "netbox"
    NORNIR = "nornir"
    ANSIBLE = "ansible"
    GRAPHML = "graphml"


MAX_BYTES: Final = 64 * 2**20
READ: Final = (
    "what can be read: NetBox's CSV exports, Nornir's hosts.yaml or its folder, Ansible's "
    "inventories (YAML, INI, JSON, folders), GraphML"
)
_BY_SUFFIX: Final[Mapping[str, Source]] = {
    ".csv": Source.NETBOX,
    ".graphml": Source.GRAPHML,
    ".ini": Source.ANSIBLE,
}
_YAML: Final = frozenset({".yaml", ".yml", ".json"})
_TEXT: Final = frozenset({"", ".txt", ".tsv", ".xml", ".cfg", ".inv", ".hosts"})
# Formats that are known and not read, and what to give instead.
_REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    ".gml": ("GML", "the Topology Zoo has the same network as GraphML"),
    ".gexf": ("GEXF", "export GraphML instead"),
    ".dot": ("Graphviz's DOT", "export GraphML instead"),
    ".geojson": ("GeoJSON", "export GraphML instead"),
    ".xlsx": ("an Excel workbook", "save its sheet as CSV"),
    ".xls": ("an Excel workbook", "save its sheet as CSV"),
    ".ods": ("a spreadsheet of LibreOffice", "save its sheet as CSV"),
    ".toml": ("TOML", "write the inventory as YAML"),
    ".py": ("a program", "give what it prints"),
    ".sh": ("a program", "give what it prints"),
    ".sql": ("a database's dump", "export CSV from NetBox"),
    ".pdf": ("PDF", "give the inventory that it was made from"),
}
_MAGIC: Final[Mapping[bytes, str]] = {
    b"PK\x03\x04": ".xlsx",
    b"%PDF": ".pdf",
    b"#!": ".sh",
    b"\xd0\xcf\x11\xe0": ".xls",
}
_IGNORED: Final = frozenset(
    {".md", ".rst", ".cfg", ".py", ".pyc", ".retry", ".orig", ".bak", ".swp"}
)


def import_path(path: Path, source: Source | None = None) -> Imported:
    """Return what a file or folder of another tool becomes; source says whose it is.

    Raises IntentError when it cannot be read, or is of a format that is not known.
    """
    try:
        return _imported(path, source)
    except IntentError as error:
        faults = [replace(fault, what=printable(fault.what)) for fault in error.faults]
        raise IntentError(faults) from error


def _imported(path: Path, source: Source | None) -> Imported:
    if path.is_dir():
        return _folder(path, source)
    text = read_text(path)
    chosen = source or recognise(path, text)
    if chosen is Source.NETBOX:
        return import_netbox(str(path), text)
    if chosen is Source.GRAPHML:
        return import_graphml(str(path), text)
    if chosen is Source.NORNIR:
        return _nornir(path, text)
    return ansible.import_ansible(str(path), {str(path): text}, _variables(path.parent))


def recognise(path: Path, text: str) -> Source:
    """Return whose format a file has; raises IntentError by the name of another one."""
    suffix = path.suffix.lower()
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if suffix in _REFUSED:
        raise _refused(path, *_REFUSED[suffix])
    begin = text.lstrip("\ufeff \t\r\n")[:200]
    if begin.startswith(("<?xml", "<graphml", "<!DOCTYPE")):
        return Source.GRAPHML
    if text.startswith(VAULT):
        raise _refused(path, "a file that ansible-vault encrypted", "decrypt it first")
    if suffix not in _YAML | _TEXT:
        raise _refused(path, f"of an unknown format, '{suffix[:20]}'", READ)
    return _by_content(path, suffix, text)


def _by_content(path: Path, suffix: str, text: str) -> Source:
    if suffix == ".tsv" or _is_table(text):
        return Source.NETBOX
    if suffix not in _YAML and looks_like_ini(text):
        return Source.ANSIBLE
    try:
        content = read_ansible_yaml(str(path), text)
    except IntentError:
        if suffix in _YAML:
            raise
        raise _refused(path, "of an unknown format", READ) from None
    if isinstance(content, list) and any(isinstance(i, dict) and "hosts" in i for i in content):
        raise _refused(path, "an Ansible playbook", "give the inventory that it is run on")
    if not isinstance(content, dict):
        raise _refused(path, "of an unknown format", READ)
    return _of_mapping(path, content)


def _of_mapping(path: Path, content: Mapping[Any, Any]) -> Source:
    """Return whose a mapping is by its keys; raises IntentError by the name of another format."""
    values = [value for value in content.values() if value is not None]
    mappings = [value for value in values if isinstance(value, dict)]
    inner = {key for value in mappings for key in value}
    if "_meta" in content or (inner & GROUP_KEYS and not inner & nornir.KEYS):
        return Source.ANSIBLE
    if len(mappings) == len(values) and (inner & nornir.KEYS or path.stem == "hosts"):
        return Source.NORNIR
    if "all" in content:
        return Source.ANSIBLE
    raise _refused(path, *_known_mapping(content))


# Keys of the mappings of other tools, what such a mapping is, and what to do with it.
_MAPPINGS: Final[tuple[tuple[frozenset[str], str, str], ...]] = (
    *(
        (frozenset({section}), "an intent document already", "put it into the intent's folder")
        for section in SECTIONS
    ),
    (
        frozenset({"plugin"}),
        "the configuration of an inventory plugin",
        "give what 'ansible-inventory -i FILE --list' prints",
    ),
    (frozenset({"inventory"}), "Nornir's configuration", "give the folder of its hosts.yaml"),
    (frozenset({"manufacturer", "model"}), "a device type of NetBox", "export devices as CSV"),
    (frozenset({"count", "results"}), "an answer of NetBox's API", "export CSV from its pages"),
    (frozenset({"type", "features"}), "GeoJSON", "export GraphML instead"),
    (frozenset({"nodes", "links"}), "a node-link graph", "export GraphML instead"),
    (frozenset({"nodes", "edges"}), "a node-link graph", "export GraphML instead"),
    (frozenset({"apiVersion", "kind"}), "a document of Kubernetes", READ),
    (frozenset({"topology"}), "a topology of another laboratory tool", READ),
)


def _known_mapping(content: Mapping[Any, Any]) -> tuple[str, str]:
    """Return what a mapping is that no import reads, and what to do with it."""
    known = ((what, hint) for keys, what, hint in _MAPPINGS if keys <= content.keys())
    return next(known, ("YAML or JSON of no inventory that is known", READ))


def _is_table(text: str) -> bool:
    """Return whether a text begins as a CSV of several columns does."""
    lines = [line for line in text.lstrip("\ufeff").splitlines() if line.strip()][:2]
    return (
        len(lines) > 0
        and not lines[0].startswith(("{", "[", "-", "#", " "))
        and any(all(line.count(mark) >= 2 for line in lines) for mark in (",", ";", "\t", "|"))
        and ":" not in lines[0]
    )


def _refused(path: Path, what: str, hint: str) -> IntentError:
    return IntentError([Fault(Location(str(path)), f"this is {what}, which is not imported", hint)])


def _folder(path: Path, source: Source | None) -> Imported:
    """Return what a folder becomes: Nornir's with a hosts.yaml of its kind, else Ansible's."""
    either = (path / nornir.HOSTS, (path / nornir.HOSTS).with_suffix(".yml"))
    hosts = next((file for file in either if file.is_file()), either[0])
    if source in {None, Source.NORNIR} and hosts.is_file():
        text = read_text(hosts)
        if source or recognise(hosts, text) is Source.NORNIR:
            return _nornir(hosts, text)
    if source in {None, Source.ANSIBLE}:
        files = [f for f in sorted(path.iterdir()) if _is_source(f)]
        if files:
            texts = {str(file): read_text(file) for file in files}
            _check_ansible(texts, source)
            return ansible.import_ansible(str(path), texts, _variables(path))
    raise _refused(path, "a folder without an inventory that is known", READ)


def _check_ansible(texts: Mapping[str, str], source: Source | None) -> None:
    """Raise IntentError for files of a folder that are not Ansible's, unless that is said."""
    if source is None:
        faults = list[Fault]()
        for file, text in texts.items():
            try:
                found = recognise(Path(file), text)
            except IntentError as error:
                faults += error.faults
                continue
            if found is not Source.ANSIBLE:
                faults += _refused(Path(file), f"{found} among others", "name the file").faults
        if faults:
            raise IntentError(faults)


def _is_source(file: Path) -> bool:
    hidden = file.name.startswith((".", "~")) or file.name.endswith("~")
    return file.is_file() and not hidden and file.suffix.lower() not in _IGNORED


def _nornir(hosts: Path, text: str) -> Imported:
    groups, defaults = (_beside(hosts, name) for name in (nornir.GROUPS, nornir.DEFAULTS))
    return nornir.import_nornir(str(hosts), text, groups, defaults)


def _beside(hosts: Path, name: str) -> str:
    """Return the text of a file beside the hosts, which may end in .yml as they may."""
    either = (hosts.with_name(name), hosts.with_name(name).with_suffix(".yml"))
    return next((read_text(file) for file in either if file.exists()), "")


def _variables(folder: Path) -> Mapping[str, str]:
    """Return the files of group_vars and host_vars beside an inventory, by path."""
    found: dict[str, str] = {}
    for kind in ("group_vars", "host_vars"):
        for file in sorted((folder / kind).rglob("*")):
            if _is_source(file) and file.suffix.lower() in {"", *_YAML}:
                found[str(file.relative_to(folder))] = read_text(file)
    return found


def read_text(path: Path) -> str:
    """Return the text of a file; raises IntentError when it is no regular file of UTF-8."""
    content = read_octets(path, most=MAX_BYTES)
    if known := next(
        (suffix for start, suffix in _MAGIC.items() if content.startswith(start)), None
    ):
        raise _refused(path, *_REFUSED[known])
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise _unreadable(path, "the file is not UTF-8", "save it as UTF-8") from error


def _unreadable(path: Path, what: str, hint: str) -> IntentError:
    return IntentError([Fault(Location(str(path)), what, hint)])
