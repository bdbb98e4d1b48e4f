"""A flood: 'python -m tests.rigs.edge.edge_flood SOURCE ADDRESS PORT TOS MBIT_S'.

It says when it is ready and sends datagrams at that rate, counting IP headers, until its stdin is
closed; then it prints how many went.
"""

import select
import socket
import sys
import time

OCTETS = 500
HEADERS = 28
PACE_S = 0.002


def flood(source: str, target: tuple[str, int], tos: int, rate_mbps: float) -> int:
    """Send until stdin is closed, and return how many went."""
    every_s = (OCTETS + HEADERS) * 8 / (rate_mbps * 1e6)
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
        door.bind((source, 0))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        began_s = time.monotonic()
        while not select.select([sys.stdin], [], [], PACE_S)[0]:
            due = int((time.monotonic() - began_s) / every_s)
            for _ in range(sent, due):
                _try_send(door, target)
            sent = due
    return sent


def _try_send(door: socket.socket, target: tuple[str, int]) -> None:
    try:
        door.sendto(bytes(OCTETS), target)
    except OSError:
        return


if __name__ == "__main__":
    source, address, port, tos, rate = sys.argv[1:]
    went = flood(source, (address, int(port)), int(tos), float(rate))
    sys.stdout.write(f"{went}\n")
