"""Starts peers of notices as real processes, and reads what they print."""

import ipaddress
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = Path(__file__).parent
WITHIN_S = 60.0


class Peer:
    """A running peer."""

    def __init__(self, program: str, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / program), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.events: list[dict[str, Any]] = []
        self._came = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = int(self.wait("listening")["port"])

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._came:
                self.events.append(json.loads(line))
                self._came.notify_all()

    def of(self, event: str) -> list[dict[str, Any]]:
        return [one for one in list(self.events) if one["event"] == event]

    def wait(self, event: str, number: int = 1) -> dict[str, Any]:
        """Return the event of a kind and number, as soon as it came."""
        self.until(lambda: len(self.of(event)) >= number, f"{event} no. {number}")
        return self.of(event)[number - 1]

    def until(self, holds: Callable[[], bool], what: str) -> None:
        with self._came:
            assert self._came.wait_for(holds, WITHIN_S), f"no {what} in {self.events}"

    def tell(self, line: str) -> None:
        """Give an order, and wait until it is obeyed."""
        before = len(self.of("obeyed"))
        self.write(line + "\n")
        self.wait("obeyed", before + 1)

    def write(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@contextmanager
def running(program: str, *options: str) -> Iterator[Peer]:
    peer = Peer(program, *options)
    try:
        yield peer
    finally:
        peer.close()


def make_certificate(folder: Path, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """Write a certificate that vouches for itself, and its key; return both files."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.fromtimestamp(0, UTC).replace(year=2026)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
    try:
        known: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        known = x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([known]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = (folder / f"{name}.pem", folder / f"{name}.key")
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
