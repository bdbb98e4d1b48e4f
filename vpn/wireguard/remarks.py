"""Names of people in the remarks of a WireGuard server's file, as panels and people write them.

A remark that holds a key or a secret, a date, an identifier or a setting that was commented out is
never a name.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from inventory.free_text import holds_key

LONGEST: Final = 60


class Rank(IntEnum):
    """How surely a remark is somebody's name, the surest first."""

    NAMED = 0
    OWNER = 1
    PLAIN = 2
    HEADING = 3
    EMAIL = 4
    LABELLED = 5


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Name:
    """A name that a remark gives."""

    text: str
    rank: Rank


_NAMED: Final = _words(
    "alias displayname friendlyname fullname name nom nomcomplet nometprenom prenometnom"
)
_OWNER: Final = _words(
    "beginclient beginpeer beginuser begin client clientname nomduclient owner peer peername "
    "person personne proprietaire user username utilisateur"
)
_EMAIL: Final = _words("courriel email emailaddress mail")
_ABOUT: Final = _words("comment commentaire description title titre")
_LABELS: Final = (
    (_NAMED, Rank.NAMED),
    (_OWNER, Rank.OWNER),
    (_EMAIL, Rank.EMAIL),
    (_ABOUT, Rank.LABELLED),
)
# What panels note beside a peer, and is nobody's name.
_OTHER: Final = _words(
    "added address allowed allowedip allowedips clientip created createdat createdby "
    "date deleted deviceid disabled dns download enabled endpoint expire expires expiry "
    "expiration generated handshake id identifier interface ip ipaddress iface key lasthandshake "
    "lastseen link mobile modified mtu note notes phone port quota rx server since state status "
    "subnet tel telegram telephone todo transfer tx type until updated updateat updatedat upload "
    "url uuid version vlan warning "
    "preup postup predown postdown listenport fwmark table saveconfig privatekey publickey "
    "presharedkey persistentkeepalive"
)
_SECRET: Final = re.compile(
    r"\b(pass(word|wd|phrase)?|pwd|secret|token|psk|pin|mot de passe|mdp|(private|preshared|shared|"
    r"secret)[ _-]?key|cl[ée][ _-]priv[ée]e)\b",
    re.IGNORECASE,
)
_END: Final = re.compile(r"(end[ _-]?(of[ _-])?(peer|client|user)?\b.*|.*\send)", re.IGNORECASE)
_BEGIN: Final = re.compile(
    r"(?:begin[ _-]?(?:peer|client|user)?|client|peer|user|utilisateur)"
    r"(?:\s+|_(?=[^\W\d]))(?P<name>\S.*)",
    re.IGNORECASE,
)
_START: Final = re.compile(r"(?P<name>\S.*?)\s+(?:start|begin)", re.IGNORECASE)
_LABEL: Final = re.compile(r"(?P<label>[^\W\d][\w #-]{0,24}?)#?\s*(?P<sign>[:=])\s*(?P<value>.*)")
_TAG: Final = re.compile(r"-[A-Z]+-\s+")
_UUID: Final = re.compile(r"[({]?\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b[)}]?", re.IGNORECASE)
_CALENDAR: Final = _words(
    "mon tue tues wed thu thur thurs fri sat sun monday tuesday wednesday thursday friday saturday "
    "sunday jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june "
    "july august september october november december janvier février mars avril mai juin juillet "
    "août septembre octobre novembre décembre am pm utc gmt wat t z le on"
)
_DATE: Final = re.compile(rf"(?:\b(?:{'|'.join(sorted(_CALENDAR))})\b|[\W\d_])+", re.IGNORECASE)
_DATED: Final = re.compile(
    r"(added|created|updated|modified|expires?|valid|since|until|generated)\b.*\d.*", re.IGNORECASE
)
_ADDRESS: Final = re.compile(
    r"[\[(]?([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-f]*:[0-9a-f]*:[0-9a-f:]+|\S+:[0-9]+)\S*",
    re.IGNORECASE,
)
_MAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
# Letters and digits as programs draw them, and not as people put a number behind a name.
_DRAWN: Final = re.compile(r"(?=.{12})[A-Za-z+/=_-]*([0-9]+[A-Za-z+/=_-]+){3,}[0-9]*")
_HEADING: Final = re.compile(r"(?P<edge>[-=*_#~]{2,})\s*(?P<name>.*?)\s*[-=*_#~]{2,}")
# A remark that is longer than any name is read no further.
_LONGEST_REMARK: Final = 400
_NOBODY: Final = _words("active begin client disabled enabled end inactive peer server user")
_SETTING: Final = re.compile(r"\w+\s*=.*")
_FRAME: Final = " \t#;-=*~"
_FRIENDLY_JSON: Final = "friendlyjson"


def best_name(remarks: Iterable[str]) -> str:
    """Return the name that remarks give, the surest and then the first of them; or nothing."""
    found = [name for remark in remarks if (name := name_in(remark))]
    return min(found, key=lambda name: name.rank).text if found else ""


def name_in(remark: str) -> Name | None:
    """Return the name that a remark gives, if it gives one."""
    text = _TAG.sub("", _bare(remark[:_LONGEST_REMARK]))
    if holds_key(remark) or _SECRET.search(text) or _END.fullmatch(text.strip("#-= ")):
        return None
    if found := _labelled(text):
        label, sign, value = found
        return _of_label(label, sign, value, text)
    if heading := _HEADING.fullmatch(" ".join(remark.split())):
        inner = _begun(heading["name"])
        return inner or _named(heading["name"], Rank.HEADING)
    return _begun(text) or _named(text, Rank.PLAIN)


def is_sure(remark: str) -> bool:
    """Return whether a remark says of itself that it is a name."""
    found = name_in(remark)
    return found is not None and found.rank <= Rank.OWNER


def is_commented_section(remark: str) -> bool:
    """Return whether a remark is the first line of a section that was commented out."""
    return bool(re.match(r"\[\s*(peer|interface)\s*\]", _bare(remark), re.IGNORECASE))


def is_commented_peer_setting(remark: str) -> bool:
    """Return whether a remark is a line that only a peer has, and was commented out."""
    return bool(re.match(r"(public\s*key|allowed\s*ips)\s*=", _bare(remark), re.IGNORECASE))


def _bare(remark: str) -> str:
    """Return a remark without what leads up to it: '###', ';', '#-' and '#+' of wg-meta."""
    plain = " ".join(remark.split()).lstrip("#; ")
    if _TAG.match(plain):
        return plain
    return plain.lstrip("-+#; ").rstrip("# ")


def _labelled(text: str) -> tuple[str, str, str] | None:
    """Return what 'label: value' or 'label = value' says."""
    if not (found := _LABEL.fullmatch(text)):
        return None
    return re.sub(r"[\W_]", "", found["label"]).lower(), found["sign"], found["value"].strip()


def _of_label(label: str, sign: str, value: str, text: str) -> Name | None:
    if label == _FRIENDLY_JSON:
        return _of_json(value)
    for known, rank in _LABELS:
        if label in known:
            return _named(value, rank)
    if label in _OTHER or not value or (sign == "=" and _SETTING.fullmatch(text)):
        return None
    return _named(text, Rank.LABELLED)


def _of_json(value: str) -> Name | None:
    """Return the name in what prometheus_wireguard_exporter reads beside a peer."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    known: Mapping[object, object] = found if isinstance(found, dict) else {}
    words = (known.get(key) for key in ("name", "friendly_name", "username", "user"))
    return next((_named(word, Rank.NAMED) for word in words if isinstance(word, str)), None)


def _begun(text: str) -> Name | None:
    """Return the name that stands behind a word such as 'Client', or before 'start'."""
    found = _BEGIN.fullmatch(text) or _START.fullmatch(text)
    return _named(found["name"], Rank.OWNER) if found else None


def _named(text: str, rank: Rank) -> Name | None:
    """Return a text as a name, if it can be one."""
    plain = _plain(text)
    if not _can_be_name(plain):
        return None
    mail = _MAIL.fullmatch(plain) and rank is not Rank.NAMED
    return Name(plain[:LONGEST].strip(), Rank.EMAIL if mail else rank)


def _plain(text: str) -> str:
    """Return a text without an identifier in it, and without what a panel put behind '/'."""
    plain = _UUID.sub(" ", text)
    head, _, rest = plain.partition(" / ")
    shown = head if "@" in rest or ":" in rest else plain
    printable = "".join(c if c.isprintable() else " " for c in shown)
    return " ".join(printable.strip(_FRAME + "'\"").split())


def _can_be_name(text: str) -> bool:
    if not any(map(str.isalpha, text)) or text.strip("[]").lower() in _NOBODY or "://" in text:
        return False
    dated = _DATE.fullmatch(text) and any(map(str.isdigit, text))
    if dated or _DATED.fullmatch(text) or _ADDRESS.fullmatch(text):
        return False
    return not any(map(_DRAWN.fullmatch, text.split()))
