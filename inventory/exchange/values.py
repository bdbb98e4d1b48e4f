"""Words, names, addresses and texts of other tools, in ours; what does not fit is reported."""

import re
from collections.abc import Mapping
from ipaddress import ip_interface
from typing import Any, Final

from inventory.country.places import slug
from inventory.exchange.report import Entry, Report, known
from inventory.free_text import holds_key
from inventory.model import Medium, Platform, Role

# What other tools call our platforms: Ansible's collections, netmiko's and NAPALM's types,
# NetBox's usual slugs.
NETWORK_OS: Final[Mapping[Platform, str]] = {
    Platform.FRR: "frr.frr.frr",
    Platform.IOS: "cisco.ios.ios",
    Platform.EOS: "arista.eos.eos",
    Platform.JUNOS: "junipernetworks.junos.junos",
    Platform.ROUTEROS: "community.routeros.routeros",
    Platform.VYOS: "vyos.vyos.vyos",
}
NETMIKO_TYPE: Final[Mapping[Platform, str]] = {
    Platform.LINUX: "linux",
    Platform.FRR: "linux",
    Platform.IOS: "cisco_ios",
    Platform.EOS: "arista_eos",
    Platform.JUNOS: "juniper_junos",
    Platform.ROUTEROS: "mikrotik_routeros",
    Platform.VYOS: "vyos",
}
PLATFORMS: Final[Mapping[str, Platform]] = {
    "frrouting": Platform.FRR,
    "cisco-ios-xe": Platform.IOS,
    "cisco-xe": Platform.IOS,
    "iosxe": Platform.IOS,
    "juniper": Platform.JUNOS,
    "debian": Platform.LINUX,
    "ubuntu": Platform.LINUX,
    **{slug(word): platform for platform, word in NETMIKO_TYPE.items()},
    **{slug(word): platform for platform, word in NETWORK_OS.items()},
    **{platform.value: platform for platform in Platform},
}
ROLES: Final[Mapping[str, Role]] = {
    "core": Role.ROUTER,
    "gateway": Role.ROUTER,
    "access-switch": Role.SWITCH,
    "core-switch": Role.SWITCH,
    "sd-wan-edge": Role.EDGE,
    "routeur": Role.ROUTER,
    "commutateur": Role.SWITCH,
    **{role.value: role for role in Role},
}
MEDIA: Final[Mapping[str, Medium]] = {
    "smf": Medium.FIBRE,
    "smf-os1": Medium.FIBRE,
    "smf-os2": Medium.FIBRE,
    "single-mode-fiber": Medium.FIBRE,
    "single-mode-fiber-os1": Medium.FIBRE,
    "single-mode-fiber-os2": Medium.FIBRE,
    "singlemode-fiber": Medium.FIBRE,
    "singlemode-fiber-os1": Medium.FIBRE,
    "singlemode-fiber-os2": Medium.FIBRE,
    "mmf": Medium.FIBRE,
    **{f"mmf-om{grade}": Medium.FIBRE for grade in range(1, 6)},
    "multimode-fiber": Medium.FIBRE,
    **{f"multimode-fiber-om{grade}": Medium.FIBRE for grade in range(1, 6)},
    "fiber": Medium.FIBRE,
    **{medium.value: medium for medium in Medium},
}
# What is a secret beside keys: PEM, a vault, and a word for one with a value behind it.
_SECRET: Final = re.compile(
    r"PRIVATE KEY|\$ANSIBLE_VAULT"
    r"|\b(?:pass(?:word|wd|phrase)?|secret|psk|mot de passe|community|token)\s*[:=]\s*\S",
    re.IGNORECASE,
)
_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9._-]{0,31}")
_REFERENCE: Final = re.compile(
    r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^#{}]+|sealed:[^#{}]+#[A-Za-z0-9._-]+"
)


def name_of(text: str, report: Report, line: int = 0) -> str:
    """Return what a text is as a name, empty after a note that it cannot be one."""
    found = slug(text)
    if text.strip() and not found:
        report.note(f"the name {shown(text)} has no letter a-z or digit; give it one", line)
    return found


def word_of(text: str, our_words: Mapping[str, Any]) -> str:
    """Return our name for a word, or the word itself for validation to complain of."""
    return str(our_words.get(slug(text), slug(text)))


def text_of(text: str, whose: str, report: Report) -> str:
    """Return free text, empty after a note if a secret seems to stand in it."""
    if holds_key(text) or _SECRET.search(text):
        report.drop("a description that seems to hold a secret is not taken", whose)
        return ""
    return text


def scalar_of(value: object) -> str:
    """Return a word, number or flag as a text, nothing for lists and mappings."""
    if value is None or isinstance(value, (dict, list, tuple, set, bytes)):
        return ""
    return str(value).strip()


def address_of(text: str, whose: str, report: Report) -> str | None:
    """Return an IPv4 address without its prefix length, None after a note of what else it is."""
    if not text:
        return None
    try:
        found = ip_interface(text)
    except ValueError:
        kind = "is a template" if "{{" in text else "is a DNS name"
        report.note(f"{whose}: {shown(text)} {kind}; write the IPv4 address under 'management'")
        return None
    if found.version == 6:
        report.note(f"{whose}: {shown(text)} is IPv6, and management runs over IPv4; write that")
        return None
    return str(found.ip)


def management_of(given: Mapping[str, object], whose: str, report: Report) -> Entry | None:
    """Return how a device is reached, from hostname, port, username and credential.

    What is known besides an address is kept without one, so that validation asks for the address.
    """
    entry = known(
        {
            "address": address_of(scalar_of(given.get("hostname")), whose, report),
            "port": _port(given.get("port"), whose, report),
            "username": _user(given.get("username"), whose, report),
            "credential": _credential(given.get("credential"), whose, report),
        }
    )
    return entry if entry and scalar_of(given.get("hostname")) else None


def _port(value: object, whose: str, report: Report) -> int | None:
    text = scalar_of(value)
    if not text or isinstance(value, bool):
        return None
    if text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536:
        return int(text)
    report.drop(f"port {shown(text)} is not taken; it is no number from 1 to 65535", whose)
    return None


def _user(value: object, whose: str, report: Report) -> str | None:
    text = scalar_of(value)
    if not text or _USER.fullmatch(text):
        return text or None
    report.drop(
        f"user name {shown(text)} is not taken; user names have letters, digits, . _ -", whose
    )
    return None


def _credential(value: object, whose: str, report: Report) -> str | None:
    text = scalar_of(value)
    if not text or (_REFERENCE.fullmatch(text) and text.isprintable()):
        return text or None
    report.drop("a credential is not taken, since it is no reference (env:, file:, sealed:)", whose)
    return None


def shown(text: str) -> str:
    """Return a text between quotes, fit for one line of a message."""
    clean = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return f"'{clean}'" if len(clean) <= 60 else f"'{clean[:57]}...'"
