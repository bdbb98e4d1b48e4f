"""The chains of preshared keys that a device has with its peers, sealed in preshared.json.

They come from the controller once for a series, and are turned on here. Once a week's key was
answered, the chains of the weeks before the last, and of the series before, are gone from the disk.
"""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from edge.clock import Moment
from edge.identity.at_rest import AtRestCipher
from edge.identity.device import Identity
from edge.keys import psk_schedule
from edge.keys.psk_schedule import KnownChains, PskAttempt, SessionView
from edge.policy import canonical
from edge.policy.model import EdgePolicy, Peer
from edge.storage import atomic
from edge.wireguard.active_keys import ActiveKeys, InterfaceName
from edge.wireguard.model import NO_PRESHARED_KEY, TunnelState
from inventory.errors import EdgeError, PolicyRefusedError
from inventory.model import DeviceName
from vpn.wireguard import psk_ratchet
from vpn.wireguard.psk_ratchet import NO_TERM, PskBundle, PskChain, Term

Json: TypeAlias = Mapping[str, Any]
# Where a tunnel ends: our interface, and the device at the other end.
End: TypeAlias = tuple[InterfaceName, DeviceName]

FILE: Final = "preshared.json"
SEALED: Final = "sealed"
SERIES: Final = "series"


# Returns the chains of an envelope, or raises PolicyRefusedError naming the file.
Check: TypeAlias = Callable[[str, str], PskBundle]


@dataclass(slots=True)
class _PeerChains:
    """What there is with one peer; answered is what the last handshake had."""

    chains: dict[int, PskChain] = field(default_factory=dict)
    answered: Term | None = None

    @property
    def known(self) -> KnownChains:
        series = tuple((one, chain.epoch) for one, chain in self.chains.items())
        return KnownChains(series, self.answered)

    def has(self, term: Term) -> bool:
        series, epoch = term
        return not series or (series in self.chains and epoch >= self.chains[series].epoch)

    def key(self, term: Term) -> bytes:
        series, epoch = term
        return psk_ratchet.preshared_key(self.chains[series], epoch) if series else NO_PRESHARED_KEY


class PresharedKeys:
    """The preshared keys of a running edge; keys are those that tunnels have now."""

    def __init__(
        self, folder: Path, identity: Identity, check: Check, clock: Callable[[], Moment]
    ) -> None:
        self._file = folder / FILE
        self._device = identity.device
        self._rest = AtRestCipher(identity.private_key)
        self._check = check
        self._clock = clock
        self._pairs: dict[DeviceName, _PeerChains] = {}
        self._fingerprints: dict[int, str] = {}
        self._policy: EdgePolicy | None = None
        self._wanted: dict[DeviceName, int] = {}
        self._choices: dict[End, PskAttempt] = {}
        self._keys: dict[End, bytes] = {}
        self._dirty = False
        self.notes: list[str] = []
        self.fault = ""
        self.disk_fault = ""

    @property
    def keys(self) -> Mapping[End, bytes]:
        """Return what tunnels have now; those that are not there have none."""
        return dict(self._keys)

    def open(self) -> None:
        """Take up what is on the disk, sealed from now on. Raises EdgeError, OSError."""
        record = atomic.read_record(self._file) or {}
        try:
            if (box := record.get(SEALED)) is not None:
                record = json.loads(self._rest.opened(box, FILE))
            # Those of before boxes are plain.
            self._dirty = SERIES in record and box is None
            series, peers = record.get(SERIES, {}), record.get("peers", {})
            self._fingerprints = {int(one): text for one, text in series.items()}
            self._pairs = {name: _read(pair) for name, pair in peers.items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EdgeError(
                f"{self._file}: these are no preshared keys of this device; on the controller, "
                f"'sanaga vpn site load {self._device}' hands them over again"
            ) from error
        if self._dirty:
            self._save()

    async def take(self, envelope: str) -> None:
        """Have the chains of an envelope from now on.

        Raises PolicyRefusedError when it is not signed, not for this device, or of another secret
        than the series that is here, EdgeError and OSError; nothing has changed then.
        """
        given = await asyncio.to_thread(self._check, envelope, "the chains")
        if given.device != self._device:
            raise PolicyRefusedError(
                f"the chains are for {given.device!r} and not for this device, {self._device!r}"
            )
        if self._fingerprints.get(given.series, given.fingerprint) != given.fingerprint:
            raise PolicyRefusedError(
                f"the chains of series {given.series} here come of another secret; raise "
                "'preshared' in network.yaml, so that all devices get new ones"
            )
        series = {**self._fingerprints, given.series: given.fingerprint}
        pairs = {n: replace(pair, chains=dict(pair.chains)) for n, pair in self._pairs.items()}
        for peer, chain in given.chains.items():
            # One that is here may be turned on already.
            pairs.setdefault(peer, _PeerChains()).chains.setdefault(given.series, chain)
        atomic.replace(self._file, self._text(series, pairs))
        self._fingerprints, self._pairs = series, pairs

    def known(self) -> Json:
        """Return of which series there are chains, and with whom."""
        return {
            str(series): {
                "fingerprint": text,
                "peers": sorted(n for n, pair in self._pairs.items() if series in pair.chains),
            }
            for series, text in self._fingerprints.items()
        }

    @property
    def busy(self) -> bool:
        """Return whether any tunnel may have another key than none."""
        answered = (pair.answered for pair in self._pairs.values())
        return bool(self._policy and self._policy.preshared) or any(
            term and term != NO_TERM for term in answered
        )

    def follow(self, policy: EdgePolicy | None) -> Mapping[End, bytes]:
        """Go by a policy from now on, and return what its tunnels have."""
        self._policy = policy
        moment = self._clock()
        peers = policy.peers if policy else ()
        self._wanted = {peer.device: policy.series(peer) for peer in peers} if policy else {}
        ends = {end: peer for peer in peers for end in _ends(policy, peer)} if policy else {}
        self._choices = {end: one for end, one in self._choices.items() if end in ends}
        self._keys = {end: key for end, key in self._keys.items() if end in ends}
        lacking = set[DeviceName]()
        for end, peer in ends.items():
            terms = self._terms(peer, moment)
            self._choose(end, self._choices.get(end), terms)
            if terms[0][0] != self._wanted[peer.device]:
                lacking.add(peer.device)
        self.fault = (
            f"the preshared keys that the policy names are not here with "
            f"{', '.join(sorted(lacking))}; 'sanaga vpn site load {self._device}' hands them over"
            if lacking
            else ""
        )
        return self.keys

    def tend(self, states: Mapping[str, TunnelState], generations: ActiveKeys) -> bool:
        """Look at all sessions and return whether a tunnel has another key now."""
        if self._policy is None or not self.busy:
            return False
        moment, changed = self._clock(), False
        for peer in self._policy.peers:
            looks = dict(self._looks(self._policy, peer, moment, states, generations))
            for end, look in looks.items():
                if psk_schedule.answered(self._choices[end], look):
                    self._dirty |= self._prove(end)
            terms, answered = self._terms(peer, moment), self._pairs[peer.device].answered
            sound = any(
                psk_schedule.sound(self._choices[end], terms, answered, look)
                for end, look in looks.items()
            )
            for end, look in looks.items():
                choice = psk_schedule.chosen(self._choices[end], terms, look, dials=_dials(peer))
                if sound and choice.term != terms[0]:
                    # A tunnel on which nothing comes has another fault than its key.
                    choice = psk_schedule.begun(terms[0], look.now_s)
                changed |= self._take(end, choice, terms)
        if self._dirty:
            self._save()
        return changed

    def _looks(
        self,
        policy: EdgePolicy,
        peer: Peer,
        moment: Moment,
        states: Mapping[str, TunnelState],
        generations: ActiveKeys,
    ) -> Iterator[tuple[End, SessionView]]:
        """Yield what is seen of the sessions with a peer.

        Of one whose server does not answer just now nothing is: that says nothing of handshakes.
        """
        for end in _ends(policy, peer):
            known = states[end[0]].peers if end[0] in states else {}
            if state := known.get(generations.far_key(end[0], peer)):
                yield end, SessionView.at(moment.monotonic_s, moment.unix_s, state.handshake_at_s)

    def _take(self, end: End, after: PskAttempt, terms: tuple[Term, ...]) -> bool:
        """Let a tunnel have something from now on; return whether that is something else."""
        if after.term == self._choices[end].term and self._pairs[end[1]].has(after.term):
            self._choices[end] = after
            return False
        if after.tries:
            self.notes.append(f"no handshake with {end[1]} on {end[0]}: {_words(after.term)}")
        self._choose(end, after, terms)
        return True

    def _choose(self, end: End, choice: PskAttempt | None, terms: tuple[Term, ...]) -> None:
        pair = self._pairs[end[1]]
        # Another tunnel to the same peer may have shown that a key is over.
        if choice is None or not pair.has(choice.term):
            choice = psk_schedule.begun(terms[0], self._clock().monotonic_s)
        self._choices[end], self._keys[end] = choice, pair.key(choice.term)

    def _prove(self, end: End) -> bool:
        """Note a key that was answered, and the second time forget what came before it.

        One handshake may have been for the key of before, a moment before this one. Returns whether
        there is something to write down.
        """
        pair, term = self._pairs[end[1]], self._choices[end].term
        (series, epoch), former = term, pair.answered
        # Another tunnel to the same peer may be a handshake ahead.
        if former and former[0] == series and former[1] > epoch:
            return False
        pair.answered = term
        over = series == self._wanted[end[1]]
        return former != term or (over and self._forget(pair, series, epoch))

    def _forget(self, pair: _PeerChains, series: int, epoch: int) -> bool:
        """Forget all but a series, from the week before on; return whether there was more."""
        chain, before = pair.chains.get(series), pair.chains
        # Another tunnel may still have the key of the week before.
        kept = max(chain.epoch, epoch - 1) if chain else 0
        pair.chains = {series: psk_ratchet.turn_chain(chain, kept)} if chain else {}
        return pair.chains != before

    def _terms(self, peer: Peer, moment: Moment) -> tuple[Term, ...]:
        known = self._pairs.setdefault(peer.device, _PeerChains()).known
        epoch = psk_ratchet.epoch_at(moment.unix_s)
        found = psk_schedule.candidates(known, self._wanted[peer.device], epoch, dials=_dials(peer))
        return found or (NO_TERM,)

    def _save(self) -> None:
        """Write down what there is; a disk that takes nothing is tried again."""
        try:
            atomic.replace(self._file, self._text(self._fingerprints, self._pairs))
        except OSError as error:
            self.disk_fault = f"{FILE}: {error.strerror}"
            return
        self._dirty, self.disk_fault = False, ""

    def _text(self, series: Mapping[int, str], pairs: Mapping[DeviceName, _PeerChains]) -> str:
        record = {
            SERIES: {str(one): text for one, text in series.items()},
            "peers": {name: _plain(pair) for name, pair in pairs.items()},
        }
        return canonical.canonical_json(
            {SEALED: self._rest.sealed(json.dumps(record).encode(), FILE)}
        )


def _ends(policy: EdgePolicy, peer: Peer) -> Iterator[End]:
    """Yield where the tunnels to a peer end, the care tunnel's last."""
    for path in peer.paths:
        yield policy.underlay(path.circuit).tunnel, peer.device
    yield policy.care.interface, peer.device


def _dials(peer: Peer) -> bool:
    return any(path.endpoint for path in peer.paths)


def _words(term: Term) -> str:
    series, epoch = term
    return f"the preshared key of week {epoch} of series {series}" if series else "none preshared"


def _plain(pair: _PeerChains) -> dict[str, object]:
    chains = {
        str(series): [chain.epoch, base64.b64encode(chain.octets).decode("ascii")]
        for series, chain in pair.chains.items()
    }
    return {"chains": chains, "answered": pair.answered}


def _read(record: Json) -> _PeerChains:
    chains = {
        int(series): PskChain(epoch, base64.b64decode(octets))
        for series, (epoch, octets) in record["chains"].items()
    }
    answered = record["answered"]
    return _PeerChains(chains, (answered[0], answered[1]) if answered else None)
