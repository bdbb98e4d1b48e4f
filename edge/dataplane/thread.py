"""The data plane in a thread of its own, so that no work in the kernel keeps a test packet waiting.

All calls are done in the order in which they were made, except that traffic is moved at once: that
must not wait for a repair, which a hung tunnel process may hold up.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from edge.dataplane import capabilities, teardown
from edge.dataplane.dataplane import Dataplane
from edge.dataplane.desired import DesiredState, desired_state
from edge.dataplane.interfaces import private_of
from edge.dataplane.sysctls import Undo
from edge.dataplane.undo_file import UNDO, UndoRecord, kept_of
from edge.forwarding.steering import Steering
from edge.identity.device import DO_WITHOUT, WIREGUARD_PY
from edge.nftables import nft
from edge.nftables.call_flows import CallFlow, LiveCalls
from edge.policy import canonical
from edge.policy.model import EdgePolicy
from edge.remote_access.peers import RemoteAccess, addresses_in_calls
from edge.storage import atomic
from edge.wireguard.active_keys import ActiveKeys, InterfaceName
from edge.wireguard.kernel import KernelWireGuard
from edge.wireguard.model import Tunnel, TunnelState, WireGuard, redial
from inventory.errors import EdgeError, ExtraError
from inventory.model import DeviceName
from policies.model import ServiceName
from vpn.key_text import PublicKey

T = TypeVar("T")

FILES: Final = "wireguard"
_log = logging.getLogger(__name__)


class DataplaneThread:
    """Does what the data plane can do, one thing after the other, elsewhere.

    ring holds the device's private keys by their public ones; generations are which of them tunnels
    get with the next policy, and preshared what they have with their peers.
    """

    def __init__(self, folder: Path, private_key: bytes) -> None:
        self._folder = folder
        self._key = private_key
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="dataplane")
        self._wireguard: WireGuard | None = None
        self._plane: Dataplane | None = None
        self._tunnels: tuple[Tunnel, ...] = ()
        self._people: RemoteAccess | None = None
        self.generations = ActiveKeys()
        self.preshared: Mapping[tuple[InterfaceName, DeviceName], bytes] = {}
        self.ring: dict[PublicKey, bytes] = {}
        # Held for moments. While policies asked for are not taken up yet, new steering waits here.
        self._lock = Lock()
        self._steering = Steering()
        self._pending_applies = 0
        self.fault = ""
        self.disk_fault = ""

    async def open(self) -> None:
        """Ask the kernel what it offers. Raises EdgeError when it cannot carry an edge."""
        await self._do(self._ask)

    async def apply(self, policy: EdgePolicy, steering: Steering) -> tuple[str, ...]:
        """Make the kernel what a policy asks for and return what was changed. Raises EdgeError."""
        with self._lock:
            self._steering = steering
            self._pending_applies += 1
        return await self._do(partial(self._apply, policy, steering))

    async def renew(self, generations: ActiveKeys) -> tuple[str, ...]:
        """Let tunnels have other keys, as soon as there is a policy; return what was changed.

        Raises EdgeError.
        """
        return await self._do(partial(self._renew, generations))

    async def admit(self, people: RemoteAccess) -> tuple[str, ...]:
        """Admit people from now on, as soon as there is a policy; return what was changed.

        Raises EdgeError.
        """
        return await self._do(partial(self._admit, people))

    async def repair(self) -> tuple[str, ...]:
        """Put right what somebody changed and return what it was. Raises EdgeError."""
        return await self._do(lambda: self._need().repair())

    async def live(self) -> LiveCalls:
        """Return the consultations' flows. Raises EdgeError."""
        return await self._do(lambda: self._need().live_calls())

    async def add_call(self, flow: CallFlow, service: ServiceName, for_s: float) -> None:
        """Let a flow travel as a consultation for a time. Raises EdgeError."""
        await self._do(lambda: self._need().add_call(flow, service, for_s))

    async def remove_call(self, flow: CallFlow) -> None:
        """Let a flow be ordinary traffic again. Raises EdgeError."""
        await self._do(lambda: self._need().remove_call(flow))

    async def tunnels(self, names: tuple[str, ...]) -> dict[str, TunnelState]:
        """Return the tunnels as they are, without those that are not there. Raises EdgeError."""
        return await self._do(lambda: self._states(names))

    async def calling(self) -> tuple[str, ...]:
        """Return the addresses of people who are in a consultation now. Raises EdgeError."""
        return await self._do(addresses_in_calls)

    async def counted(self) -> dict[str, int]:
        """Return how many packets each chain of the tables has counted. Raises EdgeError."""
        return await self._do(nft.counted_packets)

    async def dial(self, tunnel: str, peer: PublicKey) -> None:
        """Shake hands with a peer of a tunnel again. Raises EdgeError."""
        await self._do(lambda: self._dial(tunnel, peer))

    def steer(self, steering: Steering) -> None:
        """Move traffic now; fault says why it did not go, until it does.

        While a policy waits to be taken up it is noted, and goes along with the policy.
        """
        with self._lock:
            self._steering = steering
            if not self._pending_applies:
                self.fault = self._steered(steering)

    async def remove(self, policy: EdgePolicy | None) -> tuple[str, ...]:
        """Take everything back and return what was taken. Raises EdgeError, OSError."""
        return await self._do(partial(self._remove, tunnel_names(policy)))

    def close(self) -> None:
        """Give every socket back; what stands in the kernel stays."""
        self._pool.submit(self._close).result()
        self._pool.shutdown()

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _steered(self, steering: Steering) -> str:
        try:
            self._need().steer(steering)
        except (EdgeError, OSError) as error:
            return str(error)
        return ""

    def _need(self) -> Dataplane:
        if self._plane is None:
            raise EdgeError("no policy is in effect; load one first")
        return self._plane

    def _ask(self) -> WireGuard:
        self._wireguard = _wireguard(self._folder)
        return self._wireguard

    def _close(self) -> None:
        if self._plane:
            self._plane.close()
            self._plane = None

    def _apply(self, policy: EdgePolicy, steering: Steering) -> tuple[str, ...]:
        try:
            want = desired_state(policy, steering, self._people, self._complete())
            plane = self._prepared(want)
        except BaseException:
            with self._lock:
                self._pending_applies -= 1
            raise
        with self._lock:
            self._tunnels = want.tunnels
            # What was decided meanwhile goes along; what is decided from now on moves by itself.
            plane.want(want)
            self.fault = self._steered(self._steering)
            self._pending_applies -= 1
        return plane.establish()

    def _prepared(self, want: DesiredState) -> Dataplane:
        """Return the data plane, after writing down which tunnels it is going to make."""
        if self._plane is None:
            how = self._wireguard or self._ask()
            self._plane = Dataplane(how, self._key, self._keep, self.ring)
        self.disk_fault = ""
        self._keep(Undo(), (tunnel.name for tunnel in want.every_tunnel))
        return self._plane

    def _renew(self, generations: ActiveKeys) -> tuple[str, ...]:
        self.generations = generations
        if self._plane is None:
            return ()
        done = self._plane.renew(self._complete())
        self._tunnels = self._plane.tunnels
        return done

    def _complete(self) -> ActiveKeys:
        return replace(self.generations, preshared=self.preshared)

    def _admit(self, people: RemoteAccess) -> tuple[str, ...]:
        self._people = people
        if self._plane is None:
            return ()
        self._keep(Undo(), (people.tunnel.name,))
        return self._plane.admit(people)

    def _keep(self, undo: Undo, tunnels: Iterable[str] = ()) -> None:
        """Write down what is to be restored and removed when everything is taken back."""
        before = kept_of(self._folder)
        kept = UndoRecord(before.undo.merged(undo), tuple(sorted({*before.tunnels, *tunnels})))
        if kept != before:
            try:
                atomic.replace(self._folder / UNDO, canonical.canonical_json(kept.as_dict()))
            except OSError as error:
                # Traffic matters more than what a later removal restores.
                self.disk_fault = f"{UNDO}: {error.strerror}"

    def _dial(self, name: str, peer: PublicKey) -> None:
        tunnel = next((one for one in self._tunnels if one.name == name), None)
        # A tunnel that is not served is made again by the next repair, which says so.
        if tunnel and self._wireguard and self._wireguard.state(name) is not None:
            redial(self._wireguard, tunnel, private_of(tunnel, self._key, self.ring), peer)

    def _states(self, names: tuple[str, ...]) -> dict[str, TunnelState]:
        if self._wireguard is None:
            return {}
        found = {name: self._wireguard.state(name) for name in names}
        return {name: state for name, state in found.items() if state is not None}

    def _remove(self, names: tuple[str, ...]) -> tuple[str, ...]:
        self._close()
        self._tunnels = ()
        return take_back(self._folder, self._wireguard, names)


def take_back(folder: Path, wireguard: WireGuard | None, names: tuple[str, ...]) -> tuple[str, ...]:
    """Take everything of an edge out of the kernel and say so. Raises EdgeError, OSError."""
    how = wireguard or _wireguard(folder)
    kept = kept_of(folder)
    every = tuple(dict.fromkeys((*names, *kept.tunnels)))
    done = teardown.remove_everything(how, names=every, undo=kept.undo)
    for name in every:
        # Of an interface that a restart of the machine took away, too; it holds keys.
        (folder / FILES / f"{name}.conf").unlink(missing_ok=True)
    atomic.remove(folder / UNDO)
    return done


def _wireguard(folder: Path) -> WireGuard:
    """Return what makes tunnels; where there is a folder for its files, that is wg."""
    place = folder / FILES
    return capabilities.wireguard(
        capabilities.probe(), place if place.is_dir() else None, partial(_of_the_kernel, folder)
    )


def _of_the_kernel(folder: Path) -> KernelWireGuard:
    """Return the kernel's WireGuard; that it is set matters more than by what."""
    if not (folder / WIREGUARD_PY).exists():
        return KernelWireGuard()
    try:
        from edge.wireguard import wireguard_py  # noqa: PLC0415 - an optional extra

        return KernelWireGuard(wireguard_py.library_writer(DO_WITHOUT))
    except ExtraError as error:
        _log.warning("%s; until then the kernel is set over netlink", error)
        return KernelWireGuard()


def tunnel_names(policy: EdgePolicy | None) -> tuple[str, ...]:
    """Return the interfaces of a policy's tunnels, the care tunnel's last."""
    return policy.tunnels if policy else ()
