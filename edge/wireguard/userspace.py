"""WireGuard where the kernel has none: one wireguard-go process per interface.

A process that answers on an interface's socket is adopted. The private key
travels over that socket alone.
"""

from pathlib import Path
from typing import Final

from edge.wireguard import go_process, link_setup, sticky_sockets, uapi
from edge.wireguard.diff import Served, diff_device
from edge.wireguard.endpoints import RememberedEndpoints
from edge.wireguard.model import Tunnel, TunnelState
from inventory.errors import TunnelError

INSTANCES: Final = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH_INSTANCES: Final = 1024
EXHAUSTED: Final = "too many open files"


class WireGuardGo:
    """Makes WireGuard interfaces by wireguard-go; see edge.wireguard.model.WireGuard.

    program is looked up in the search path; instances is where the kernel's limit of inotify
    instances stands, of which every process takes one.
    """

    def __init__(self, program: str = go_process.PROGRAM, instances: Path = INSTANCES) -> None:
        self._program = program
        self._instances = instances
        self._learned = RememberedEndpoints()

    def ensure(self, tunnel: Tunnel, private_key: bytes) -> tuple[str, ...]:
        """Make an interface what it should be and return, in words, what had to be done."""
        name, done = tunnel.name, tuple[str, ...]()
        _require_ours(name)
        now = _served(name)
        if now is None:
            done, now = self._begin(name), _asked(name)
        self._learned.note(name, now)
        changes = diff_device(now, self._learned.filled(tunnel, now), private_key)
        if words := changes.words(name):
            _tell(name, uapi.set_text(changes))
        done = (*done, *words, *link_setup.adapt_interface(tunnel))
        return (*done, *sticky_sockets.unstick(tunnel, changed=bool(done)))

    def state(self, name: str) -> TunnelState | None:
        """Return an interface as it is; None when it does not exist or nobody serves it."""
        found, now = link_setup.find_interface(name), _served(name)
        if found is None or now is None:
            return None
        self._learned.note(name, now)
        return now.state(index=found.index, mtu=found.mtu)

    def remove(self, name: str) -> None:
        """Take an interface and whatever serves it away; nothing happens if it is not there."""
        _require_ours(name)
        self._learned.forget(name)
        _take_away(name)

    def made(self, name: str) -> tuple[str, ...]:
        """Make an interface unless it is there and served, and return what had to be done."""
        _require_ours(name)
        return () if _served(name) else self._begin(name)

    def _begin(self, name: str) -> tuple[str, ...]:
        """Start a process, after clearing away what a dead one left."""
        left = go_process.socket_path(name).exists() or link_setup.find_interface(name) is not None
        _take_away(name)
        found = (f"{name}: took away what was left of a dead interface",) if left else ()
        return (*found, *self._start(name))

    def _start(self, name: str) -> tuple[str, ...]:
        fault, raised = self._run(name), tuple[str, ...]()
        if EXHAUSTED in fault and (raised := self._allow_more()):
            fault = self._run(name)
        if fault:
            raise TunnelError(f"{name}: wireguard-go did not start: {fault}; {_advice(fault)}")
        return (*raised, f"{name}: started wireguard-go")

    def _run(self, name: str) -> str:
        try:
            return go_process.start_process(name, self._program)
        except FileNotFoundError as error:
            raise TunnelError(
                f"{name}: the kernel has no WireGuard and {self._program} is not installed; "
                f"install the package {go_process.PROGRAM}"
            ) from error

    def _allow_more(self) -> tuple[str, ...]:
        """Raise the limit of inotify instances when it is low and we may, and say so."""
        try:
            limit = int(self._instances.read_text(encoding="ascii"))
            if limit >= ENOUGH_INSTANCES:
                return ()
            self._instances.write_text(f"{ENOUGH_INSTANCES}\n", encoding="ascii")
        except OSError:
            return ()
        return (f"raised fs.inotify.max_user_instances from {limit} to {ENOUGH_INSTANCES}",)


def _take_away(name: str) -> None:
    go_process.end_process(name)
    go_process.socket_path(name).unlink(missing_ok=True)
    link_setup.clear_interface(name)


def _served(name: str) -> Served | None:
    """Return the device behind an interface of our namespace; None when it is not alive."""
    found = link_setup.find_interface(name)
    if found is None or found.kind != link_setup.TUN:
        return None
    try:
        return _asked(name)
    except TunnelError:
        return None


def _asked(name: str) -> Served:
    try:
        return uapi.parse_device(go_process.ask_process(name, uapi.GET))
    except (OSError, ValueError) as error:
        raise TunnelError(f"{name}: cannot ask wireguard-go: {error}; try again") from error


def _tell(name: str, request: str) -> None:
    try:
        uapi.accepted_fields(go_process.ask_process(name, request))
    except (OSError, ValueError) as error:
        raise TunnelError(
            f"{name}: wireguard-go did not take its settings: {error}; is its listening port free?"
        ) from error


def _require_ours(name: str) -> None:
    """Raise TunnelError when an interface of this name is served in another namespace."""
    if foreign := [
        pid for pid in go_process.serving_processes(name) if go_process.in_other_namespace(pid)
    ]:
        raise TunnelError(
            f"{name}: process {foreign[0]} serves an interface of this name in another network "
            "namespace; names are unique on a host, choose another one"
        )


def _advice(fault: str) -> str:
    if EXHAUSTED in fault:
        return "raise fs.inotify.max_user_instances by sysctl: every interface takes one"
    if "/dev/net/tun" in fault:
        return "load the kernel module tun ('modprobe tun'), or give the container /dev/net/tun"
    return "'wireguard-go --foreground NAME' by hand may say more"
