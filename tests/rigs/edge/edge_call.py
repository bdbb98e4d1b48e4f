"""One end of a call: 'python -m tests.rigs.edge.edge_call echo|call ADDRESS TOS'.

Each end says when it is ready. The calling one then sends 50 packets a second until its stdin is
closed, two seconds at least, waits for the last answers, and prints how many it sent, how many
answers came twice, and the numbers of the packets without an answer. The other one answers until
its stdin is closed, and prints the numbers that did not come between those that did.
"""

import select
import socket
import sys
import time

PORT = 16_384
PACE_S = 0.02
LAST_ANSWERS_S = 1.5
FEWEST = 100


def opened(tos: int) -> socket.socket:
    """Return a UDP socket with a type of service."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
    return made


def echo(address: str, tos: int) -> None:
    """Answer every packet with itself until stdin is closed, then tell which did not come."""
    heard = set[int]()
    with opened(tos) as door:
        door.bind((address, PORT))
        say("ready")
        while sys.stdin not in (readable := select.select([door, sys.stdin], [], [])[0]):
            if door in readable:
                packet, peer = door.recvfrom(2048)
                door.sendto(packet, peer)
                heard.add(int.from_bytes(packet[:4], "big"))
    say(" ".join(map(str, sorted(set(range(max(heard, default=0))) - heard))))


def call(address: str, tos: int) -> None:
    """Send until stdin is closed, then tell what came of it."""
    sent, answers = 0, list[bytes]()
    with opened(tos) as door:
        door.connect((address, PORT))
        say("ready")
        due, end, told = time.monotonic(), None, False
        while end is None or time.monotonic() < end:
            now = time.monotonic()
            if end is None and now >= due:
                try_send(door, sent.to_bytes(4, "big") * 43)
                sent, due = sent + 1, due + PACE_S
            if told and end is None and sent >= FEWEST:
                end = time.monotonic() + LAST_ANSWERS_S
            doors = [door] if told else [door, sys.stdin]
            readable, _, _ = select.select(doors, [], [], max(0.0, min(due - now, PACE_S)))
            if door in readable:
                answers.extend(received(door))
            told = told or (sys.stdin in readable and not sys.stdin.read(1))
    missing = set(range(sent)) - {int.from_bytes(answer[:4], "big") for answer in answers}
    say(" ".join(map(str, (sent, len(answers) - len(set(answers)), *sorted(missing)))))


def say(line: str) -> None:
    """Tell whoever started this program."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def try_send(door: socket.socket, packet: bytes) -> None:
    """Send a packet; one that the kernel refuses is as lost as any other."""
    try:
        door.send(packet)
    except OSError:
        return


def received(door: socket.socket) -> list[bytes]:
    """Return the packet that waits, if it is one."""
    try:
        return [door.recv(2048)]
    except OSError:
        return []


if __name__ == "__main__":
    {"echo": echo, "call": call}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
