"""Reading the file of a server that people dial today, for the keys and names of those people.

Nothing else of such a file is needed, so that nothing else is refused: what cannot be read is
skipped with a notice. What `wg setconf` accepts is read, and wg-quick's and panels' own lines are
passed over. Remarks belong to the section in which they stand, or that they stand right before; a
section that was commented out, and what stands with it, belongs to nobody.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_interface
from typing import Final, TypeAlias

from inventory.errors import Fault, IntentError, Location
from inventory.free_text import quoted
from vpn.key_text import PublicKey
from vpn.wireguard import endpoint, keys, remarks
from vpn.wireguard.config import Address
from vpn.wireguard.server_lines import Line, file_lines, paragraphs_of, without_retired

LONGEST: Final = 8_000_000
_LONGEST_KEY: Final = 20
_SECTIONS: Final = {
    "[interface]": "Interface",
    "[peer]": "Peer",
    # The sections of systemd.netdev(5).
    "[wireguard]": "Interface",
    "[wireguardpeer]": "Peer",
}
_HOOKS: Final = frozenset({"preup", "postup", "predown", "postdown"})
# What is known, and not needed.
_UNUSED: Final = frozenset(
    {"mtu", "dns", "table", "fwmark", "presharedkey", "persistentkeepalive", *_HOOKS}
)
_SKIPPED: Final = "skipped; an import needs keys and names alone"


@dataclass(frozen=True, slots=True)
class ServerPeer:
    """A peer of a server: its key, what its remarks call it, and the line where it begins.

    dialled is whether the server dials it, as it does with other servers and sites.
    """

    public_key: PublicKey
    name: str
    line: int
    dialled: bool = False


@dataclass(frozen=True, slots=True)
class ServerFile:
    """What a server's file says of its peers, and a notice for each line that was skipped.

    sections is how many sections of peers there are, which may be more.
    """

    peers: tuple[ServerPeer, ...]
    notices: tuple[Fault, ...]
    sections: int


def read_server_file(text: str, file: str) -> ServerFile:
    """Return the peers of a server's file.

    Raises IntentError when this is no such file.
    """
    if len(text) > LONGEST:
        raise _no_server(file, "the file has more than eight million characters")
    lines = file_lines(text)
    if not any(line.bare.lower() in _SECTIONS for line in lines):
        raise _no_server(file, "the file has no [Interface] and no [Peer]")
    reading = _Reading(file)
    for line in lines:
        reading.take(line)
    return reading.end()


def _no_server(file: str, what: str) -> IntentError:
    return IntentError([Fault(Location(file), what, "give the wg-quick file of a server")])


@dataclass(slots=True)
class _Section:
    """A section under construction, with its remarks by where they stand."""

    name: str
    line: int
    keys: list[PublicKey] = field(default_factory=list)
    begun: bool = False
    has_key: bool = False
    endpoint: str = ""
    allowed: list[Address] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    behind_values: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    # Between blank lines above the section.
    apart: list[str] = field(default_factory=list)

    def called(self) -> str:
        """Return the name that the section's remarks give."""
        said = (*self.before, *self.inside, *self.after, *self.behind_values)
        return remarks.best_name(said) or remarks.best_name(filter(remarks.is_sure, self.apart))


@dataclass(frozen=True, slots=True)
class _Between:
    """Remarks between two peers, without a blank line on either side."""

    following: _Section
    line: int
    said: tuple[str, ...]


class _Reading:
    """A file on its way to its peers."""

    def __init__(self, file: str) -> None:
        self.own_key: PublicKey | None = None
        self.own: list[Address] = []
        self.listening = self.saved = False
        self._file = file
        self._notices: list[Fault] = []
        self._sections: list[_Section] = []
        # Lines of a section of an unknown name say nothing more.
        self._lost = False
        # Remarks and blank lines since the last line that WireGuard reads.
        self._loose: list[Line] = []
        self._between: list[_Between] = []

    def take(self, line: Line) -> None:
        """Read one line."""
        if not line.bare:
            self._loose.append(line)
        elif line.bare.startswith("["):
            self._begin(line)
        else:
            self._assign(line)

    def end(self) -> ServerFile:
        """Return what was read."""
        self._share_out(None)
        self._settle()
        peers = tuple(self._peers())
        sections = sum(section.name == "Peer" for section in self._sections)
        return ServerFile(peers, tuple(sorted(self._notices)), sections)

    def _note(self, line: int, what: str, hint: str = _SKIPPED) -> None:
        self._notices.append(Fault(Location(self._file, line, 1), what, hint))

    def _current(self) -> _Section | None:
        return self._sections[-1] if self._sections and not self._lost else None

    def _begin(self, line: Line) -> None:
        name = _SECTIONS.get(line.bare.lower())
        section = _Section(name or "", line.number)
        self._share_out(section)
        self._lost = name is None
        if name is None:
            self._note(line.number, "this begins no [Interface] and no [Peer]", "skipped, whole")
            return
        section.inside += [line.remark] if line.remark else []
        self._sections.append(section)

    def _share_out(self, following: _Section | None) -> None:
        """Give the remarks between two sections to one of them, or to nobody."""
        loose, before = self._loose, self._current()
        self._loose = []
        if not loose:
            return
        paragraphs = paragraphs_of(loose)
        touching = before is not None and not loose[0].blank
        leading = following is not None and not loose[-1].blank
        if before and touching and not before.begun:
            before.inside += paragraphs.pop(0)
        elif before and touching and following and leading and len(paragraphs) == 1:
            self._keep_between(before, following, loose[0].number, paragraphs.pop())
        elif before and touching:
            before.after += paragraphs.pop(0)
        if following and paragraphs:
            following.before += without_retired(paragraphs.pop()) if leading else []
            apart = map(without_retired, reversed(paragraphs))
            following.apart += (one for said in apart for one in said)

    def _keep_between(
        self, before: _Section, following: _Section, line: int, said: list[str]
    ) -> None:
        """Keep remarks without a blank line on either side until all of the file is known."""
        said = without_retired(said)
        if before.name == "Interface":
            following.before += said
        else:
            self._between.append(_Between(following, line, tuple(said)))

    def _settle(self) -> None:
        """Give remarks between two peers to the following one, as nearly all files have it.

        A file whose last peer alone has a name behind it may have all of them there: nobody gets
        a name that may be another's.
        """
        peers = [section for section in self._sections if section.name == "Peer"]
        doubtful = bool(peers) and _names_follow(peers[0], peers[-1])
        for one in self._between:
            if not doubtful or any(map(remarks.is_sure, one.said)):
                # What was noted behind the peer before comes first.
                one.following.before += reversed(one.said)
            elif remarks.best_name(one.said):
                self._note(one.line, "the remark may be of either peer", "left out; see who it is")

    def _assign(self, line: Line) -> None:
        section = self._current()
        if section:
            section.inside += (one for said in paragraphs_of(self._loose) for one in said)
            section.behind_values += [line.remark] if line.remark else []
        self._loose = []
        if section:
            section.begun = True
            self._set(section, line)
        elif not self._lost:
            self._note(line.number, "the line stands in no section")

    def _set(self, section: _Section, line: Line) -> None:
        _, equals, value = line.bare.partition("=")
        read = _READERS[section.name].get(line.key)
        if not equals:
            self._note(line.number, "the line is no 'Key = value'")
        elif read and value:
            if not read(self, section, value):
                self._note(line.number, f"the value of {_spelt(line)} cannot be read")
        elif line.key in _HOOKS and value:
            self._note(line.number, "commands are not taken over", "see what they do for people")
        elif not read and line.key not in _UNUSED:
            self._unknown(section, line)

    def _unknown(self, section: _Section, line: Line) -> None:
        """Take a key of some panel's for a remark, where it gives a name."""
        if remarks.is_sure(line.written):
            section.inside.append(line.written)
        else:
            self._note(line.number, f"[{section.name}] has {_spelt(line)} where a key should be")

    def _peers(self) -> Iterator[ServerPeer]:
        """Yield the peers, each key once."""
        found: dict[PublicKey, ServerPeer] = {}
        for section in self._sections:
            if section.name == "Peer" and (peer := self._peer(section)):
                first = found.get(peer.public_key)
                found[peer.public_key] = _merged(first, peer) if first else peer
                if first:
                    self._note(peer.line, f"the key is that of the peer at line {first.line}",
                               "listed once")  # fmt: skip
        yield from found.values()

    def _peer(self, section: _Section) -> ServerPeer | None:
        if not section.keys:
            if not section.has_key:
                self._note(section.line, "the peer has no PublicKey", "skipped")
            return None
        key = section.keys[-1]
        if key == self.own_key:
            self._note(section.line, "the peer has the server's own key", "skipped")
            return None
        if len(set(section.keys)) > 1:
            # WireGuard takes the last; whose name the remarks are is anybody's guess.
            self._note(section.line, "the peer has several keys", "its last one is listed unnamed")
            return ServerPeer(key, "", section.line, self._dialled(section))
        return ServerPeer(key, section.called(), section.line, self._dialled(section))

    def _dialled(self, section: _Section) -> bool:
        """Return whether the server dials a peer, or only saved where a person was last seen.

        `wg-quick save` and `wg showconf` write an address for everybody; who has networks behind
        them is a site.
        """
        if not section.endpoint:
            return False
        host = section.endpoint.rpartition(":")[0].strip("[]")
        seen = endpoint.is_address(host) and (self.listening or self.saved)
        return not seen or any(map(self._is_elsewhere, section.allowed))

    def _is_elsewhere(self, allowed: Address) -> bool:
        """Return whether a peer's addresses are a network that is not the server's own."""
        if allowed.network.num_addresses == 1:
            return False
        return not any(allowed.ip in own.network and
                       own.network.prefixlen <= allowed.network.prefixlen
                       for own in self.own)  # fmt: skip


def _names_follow(first: _Section, last: _Section) -> bool:
    """Return whether names seem to stand behind peers, by a file's first peer and its last."""
    if first is last or remarks.best_name((*first.before, *first.inside)):
        return False
    return bool(remarks.best_name(last.after)) and not remarks.best_name(last.inside)


def _merged(first: ServerPeer, again: ServerPeer) -> ServerPeer:
    return replace(first, name=first.name or again.name, dialled=again.dialled)


def _spelt(line: Line) -> str:
    """Return a key as it is written; a line without '=' of its own may have it in a secret."""
    key = line.written.partition("=")[0].strip()
    return quoted(key) if key.isalpha() and len(key) <= _LONGEST_KEY else "something else"


def _public_key(_: _Reading, section: _Section, value: str) -> bool:
    section.has_key = True
    try:
        section.keys.append(keys.parse_public(value))
    except ValueError:
        return False
    return True


def _endpoint(_: _Reading, section: _Section, value: str) -> bool:
    section.endpoint = "" if value == "(none)" else value
    return True


def _allowed(_: _Reading, section: _Section, value: str) -> bool:
    return value == "(none)" or _add_addresses(section.allowed, value)


def _address(reading: _Reading, _: _Section, value: str) -> bool:
    return _add_addresses(reading.own, value)


def _add_addresses(found: list[Address], value: str) -> bool:
    """Add the addresses of a list with their networks; return whether all could be read."""
    written = [item.lstrip("+-") for item in value.split(",") if item]
    # Python takes any text behind '%' for an IPv6 zone.
    try:
        read = [ip_interface(item) for item in written if "%" not in item]
    except ValueError:
        return False
    found += read
    return len(read) == len(written)


def _private_key(reading: _Reading, _: _Section, value: str) -> bool:
    try:
        reading.own_key = keys.public_of(keys.parse_secret(value))
    except ValueError:
        return False
    return True


def _listen_port(reading: _Reading, _: _Section, value: str) -> bool:
    reading.listening = endpoint.is_number(value)
    return reading.listening


def _save_config(reading: _Reading, _: _Section, value: str) -> bool:
    reading.saved = value.lower() == "true"
    return True


_Reader: TypeAlias = Callable[[_Reading, _Section, str], bool]
_READERS: Final[Mapping[str, Mapping[str, _Reader]]] = {
    "Interface": {
        "privatekey": _private_key,
        "address": _address,
        "listenport": _listen_port,
        "saveconfig": _save_config,
    },
    "Peer": {"publickey": _public_key, "allowedips": _allowed, "endpoint": _endpoint},
}
