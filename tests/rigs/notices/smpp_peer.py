"""A short message centre as a program of its own: SMPP 3.4 by struct, with faults on demand.

Run with '--port 0 [--tls CERTIFICATE KEY]'. What it hears it prints as lines of JSON; lines on its
standard input tell it to misbehave: 'throttle N', 'refuse STATUS N', 'mute N' (no answer), 'drop N'
(close instead of answering), 'close', 'deaf' (no answer to enquire_link), 'hold' and 'release'
(receipts), 'unbind', 'garbage'.
"""

import argparse
import json
import socket
import ssl
import struct
import sys
import threading
from dataclasses import dataclass, field

HEAD = struct.Struct(">LLLL")
BIND, BIND_RESPONSE = 0x09, 0x80000009
SUBMIT, SUBMIT_RESPONSE = 0x04, 0x80000004
DELIVER, DELIVER_RESPONSE = 0x05, 0x80000005
ENQUIRE, ENQUIRE_RESPONSE = 0x15, 0x80000015
TELLING = threading.Lock()
UNBIND, UNBIND_RESPONSE = 0x06, 0x80000006


@dataclass
class Faults:
    """What the next submissions meet."""

    throttle: int = 0
    refuse: list[int] = field(default_factory=list)
    mute: int = 0
    drop: int = 0
    deaf: bool = False
    hold: bool = False
    password: str = "sesame"  # noqa: S105 - of this peer alone


def tell(event: str, **more: object) -> None:
    with TELLING:
        print(json.dumps({"event": event, **more}), flush=True)  # noqa: T201


class Session(threading.Thread):
    """One connection."""

    messages = 0

    def __init__(self, connection: socket.socket, faults: Faults) -> None:
        super().__init__(daemon=True)
        self.connection, self.faults, self.numbers = connection, faults, 1000
        self.held: list[tuple[str, object]] = []
        self.sending = threading.RLock()

    def run(self) -> None:
        try:
            while True:
                length, command, _status, number = HEAD.unpack(self.read(HEAD.size))
                self.handle(command, number, self.read(length - HEAD.size))
        except (OSError, ConnectionError):
            self.connection.close()
            tell("closed")

    def read(self, size: int) -> bytes:
        octets = b""
        while len(octets) < size:
            part = self.connection.recv(size - len(octets))
            if not part:
                raise ConnectionError
            octets += part
        return octets

    def reply(self, command: int, status: int, number: int, body: bytes = b"") -> None:
        with self.sending:
            frame = HEAD.pack(HEAD.size + len(body), command, status, number) + body
            self.connection.sendall(frame)

    def handle(self, command: int, number: int, body: bytes) -> None:
        if command == BIND:
            system_id, password = body.split(b"\0")[:2]
            right = password.decode() == self.faults.password
            self.reply(BIND_RESPONSE, 0 if right else 0x0E, number, b"peer\0")
            tell("bind", system_id=system_id.decode(), right=right)
        elif command == ENQUIRE:
            tell("enquire")
            if not self.faults.deaf:
                self.reply(ENQUIRE_RESPONSE, 0, number)
        elif command == UNBIND:
            tell("unbind")
            self.reply(UNBIND_RESPONSE, 0, number)
        elif command == SUBMIT:
            self.submit(number, body)
        elif command == DELIVER_RESPONSE:
            tell("receipt-answered")
        else:
            tell("other", command=command)

    def submit(self, number: int, body: bytes) -> None:
        sent = submitted(body)
        status = 0
        if self.faults.throttle:
            self.faults.throttle -= 1
            status = 0x58
        elif self.faults.refuse:
            status = self.faults.refuse.pop(0)
        if self.faults.drop:
            self.faults.drop -= 1
            tell("submit", status=-1, **sent)
            raise ConnectionError
        Session.messages += 1
        name = f"m{Session.messages}"
        tell("submit", status=status, id=name, **sent)
        if self.faults.mute:
            self.faults.mute -= 1
            return
        with self.sending:
            self.reply(SUBMIT_RESPONSE, status, number, b"" if status else name.encode() + b"\0")
            if status == 0:
                self.held.append((name, sent["to"]))
                if not self.faults.hold:
                    self.receipts()

    def receipts(self) -> None:
        """Send the receipts that are held, of all messages that were answered."""
        with self.sending:
            held, self.held = self.held, []
        for name, number in held:
            self.numbers += 1
            text = f"id:{name} sub:001 dlvrd:001 submit date:2603020800 stat:DELIVRD err:000 text:"
            body = b"\0\1\1" + str(number).encode() + b"\0\5\0SANAGA\0\4\0\0\0\0\0\0\0\0"
            body += bytes([len(text)]) + text.encode()
            self.reply(DELIVER, 0, self.numbers, body)


def submitted(body: bytes) -> dict[str, object]:
    """Return what a submit_sm asks for."""
    _service, rest = body.split(b"\0", 1)
    source_kind, rest = rest[:2], rest[2:]
    source, rest = rest.split(b"\0", 1)
    _kind, rest = rest[:2], rest[2:]
    to, rest = rest.split(b"\0", 1)
    flag, rest = rest[0], rest[3:]
    _when, rest = rest.split(b"\0", 1)
    _until, rest = rest.split(b"\0", 1)
    receipt, _replace, coding, _default, length = rest[:5]
    return {
        "source": source.decode(),
        "source_kind": list(source_kind),
        "to": to.decode(),
        "flag": flag,
        "receipt": receipt,
        "coding": coding,
        "octets": rest[5 : 5 + length].hex(),
    }


def obey(line: str, faults: Faults, sessions: list[Session]) -> None:
    word, *numbers = line.split()
    if word in {"throttle", "mute", "drop"}:
        setattr(faults, word, int(numbers[0]))
    elif word == "refuse":
        faults.refuse += [int(numbers[0], 0)] * int(numbers[1])
    elif word in {"deaf", "hold"}:
        setattr(faults, word, True)
    for session in sessions if word in {"close", "release", "unbind", "garbage"} else []:
        try:
            act(session, word)
        except OSError:
            continue
    tell("obeyed", line=line.strip())


def act(session: Session, word: str) -> None:
    if word == "close":
        session.connection.shutdown(socket.SHUT_RDWR)
    elif word == "release":
        session.receipts()
    elif word == "unbind":
        session.reply(UNBIND, 0, 77)
    else:
        session.connection.sendall(b"\xff" * 64)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", nargs=2)
    options = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", options.port))
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
    faults, sessions = Faults(), list[Session]()
    tell("listening", port=listening.getsockname()[1])
    threading.Thread(
        target=accept, args=(listening, context, faults, sessions), daemon=True
    ).start()
    for line in sys.stdin:
        obey(line, faults, sessions)


def accept(
    listening: socket.socket,
    context: ssl.SSLContext | None,
    faults: Faults,
    sessions: list[Session],
) -> None:
    while True:
        raw, _ = listening.accept()
        try:
            connection = context.wrap_socket(raw, server_side=True) if context else raw
        except (OSError, ssl.SSLError) as error:
            tell("refused", why=type(error).__name__)
            continue
        sessions.append(Session(connection, faults))
        sessions[-1].start()


if __name__ == "__main__":
    main()
