"""What is known on disk about a laboratory: written before anything is made, removed last."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from inventory.errors import LabError
from simulations.netns.blueprint import Blueprint

ROOT: Final = Path("/run/sanaga/lab")
CLAIMS: Final = 20
SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Record:
    """What was decided before the laboratory was made."""

    blueprint: Blueprint
    netem: bool
    stub: str


_RECORD: Final = TypeAdapter(Record)


@dataclass(frozen=True, slots=True)
class Folder:
    """A laboratory's files."""

    name: str
    root: Path = ROOT

    @property
    def path(self) -> Path:
        """Return the laboratory's folder."""
        return self.root / self.name

    @property
    def record(self) -> Path:
        """Return the file that says what was made."""
        return self.path / "lab.json"

    @property
    def controller_key(self) -> Path:
        """Return the controller's private key."""
        return self.path / "controller_key"

    @property
    def snmp_authentication(self) -> Path:
        """Return the file with the authentication passphrase of the routers' SNMP user."""
        return self.path / "snmp_authentication"

    @property
    def snmp_privacy(self) -> Path:
        """Return the file with the privacy passphrase of the routers' SNMP user."""
        return self.path / "snmp_privacy"

    @property
    def authorized_keys(self) -> Path:
        """Return the public keys that may log in to the routers."""
        return self.path / "authorized_keys"

    @property
    def relay_socket(self) -> Path:
        """Return the link emulator's control socket."""
        return self.path / "relay.sock"

    @property
    def relay_pid(self) -> Path:
        """Return the file with the link emulator's process number."""
        return self.path / "relay.pid"

    @property
    def relay_spec(self) -> Path:
        """Return what the link emulator was told to make."""
        return self.path / "relay.json"

    @property
    def circuits(self) -> Path:
        """Return what has been done to circuits where the kernel itself impairs them."""
        return self.path / "circuits.json"

    @property
    def weather_pid(self) -> Path:
        """Return the file with the weather's process number."""
        return self.path / "weather.pid"

    @property
    def log_spec(self) -> Path:
        """Return what the forwarder of routers' logs was told to serve."""
        return self.path / "logs.json"

    @property
    def log_pid(self) -> Path:
        """Return the file with the process number of the forwarder of routers' logs."""
        return self.path / "logs.pid"

    def router(self, device: str) -> Path:
        """Return the folder of a device's sockets, logs and keys."""
        return self.path / device

    @property
    def router_files(self) -> Path:
        """Return the folder of the door that all routers have; no device has such a name."""
        return self.path / "router.files"

    def edge(self, device: str) -> Path:
        """Return the folder that an edge's daemon keeps its key, policy and state in."""
        return self.path / "edges" / device

    def exists(self) -> bool:
        """Return whether anything of such a laboratory is there."""
        return self.path.exists()

    def create(self, record: Record) -> None:
        """Claim the name and write the record.

        Raises LabError when a laboratory of that name is there already.
        """
        try:
            self._claim()
        except FileExistsError as error:
            raise LabError(
                f"laboratory {self.name} is there already; 'sanaga lab down {self.name}' first"
            ) from error
        write_whole(self.record, _RECORD.dump_json(record))

    def _claim(self) -> None:
        for _ in range(CLAIMS):
            self.root.mkdir(parents=True, exist_ok=True)
            # Another laboratory's end may remove the empty parent in between.
            with suppress(FileNotFoundError):
                self.path.mkdir()
                return
        raise LabError(f"{self.root} keeps vanishing; who removes it?")

    def read(self) -> Record:
        """Return the record.

        Raises LabError when there is no such laboratory or it was never recorded whole.
        """
        try:
            return _RECORD.validate_json(self.record.read_bytes())
        except FileNotFoundError as error:
            known = ", ".join(lab_names(self.root)) or "none"
            raise LabError(f"no laboratory {self.name!r} is up; up are: {known}") from error
        except ValidationError as error:
            raise LabError(f"{self.record} is not ours: 'sanaga lab down {self.name}'") from error

    def remove(self) -> None:
        """Remove every file, and the folders above while they are empty."""
        shutil.rmtree(self.path, ignore_errors=True)
        for parent in (self.root, self.root.parent):
            try:
                parent.rmdir()
            except OSError:
                return


def lab_folder(name: str, root: Path = ROOT) -> Folder:
    """Return where a laboratory of that name lives.

    Raises LabError when the name cannot be one.
    """
    if not SLUG.fullmatch(name):
        raise LabError(f"{name!r} cannot name a laboratory; use up to 40 of a-z, 0-9 and '-'")
    return Folder(name, root)


def lab_names(root: Path = ROOT) -> tuple[str, ...]:
    """Return every laboratory left on this machine, whole or not."""
    if not root.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in root.iterdir() if SLUG.fullmatch(entry.name)))


@contextmanager
def locked_registry(place: Folder) -> Iterator[None]:
    """Hold a laboratory for oneself; the kernel lets go of it when the holder dies.

    Raises LabError when another process is making or ending it.
    """
    descriptor = os.open(place.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LabError(
                f"another process is making or ending laboratory {place.name}; wait for it"
            ) from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Wait for one's turn to change a file, and keep others waiting meanwhile."""
    place = file.with_name(f".{file.name}.lock")
    descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that readers, and a crash, see all of it or none."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(file)
