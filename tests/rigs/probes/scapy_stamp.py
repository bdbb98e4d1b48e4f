"""What scapy makes of STAMP packets: a program of its own, run by the system's Python."""

import json
import sys

from scapy.all import IP, UDP, raw  # type: ignore[import-not-found]
from scapy.contrib.stamp import (  # type: ignore[import-not-found]
    ErrorEstimate,
    STAMPSessionReflectorTestUnauthenticated,
    STAMPSessionSenderTestUnauthenticated,
)

AT = 0xE5F1A2B3


def error(estimate):
    return [estimate.S, estimate.Z, estimate.scale, estimate.multiplier]


def dissected(octets, sport, dport):
    return IP(raw(IP() / UDP(sport=sport, dport=dport) / octets))[UDP].payload


def common(packet):
    return {
        "sequence": packet.seq,
        "seconds": int(packet.ts),
        "fraction": float(packet.ts) % 1,
        "error": error(packet.err_estimate),
    }


def read_request(octets):
    packet = dissected(octets, 40000, 862)
    return common(packet) | {"rest": packet.mbz + packet.ssid}


def read_answer(octets):
    packet = dissected(octets, 862, 40000)
    return common(packet) | {
        "received": float(packet.ts_rx),
        "asked": packet.seq_sender,
        "asked_at": float(packet.ts_sender),
        "asked_error": error(packet.err_estimate_sender),
        "ttl": packet.ttl_sender,
        "rest": packet.mbz1 + packet.mbz2 + packet.ssid,
    }


def write_request():
    estimate = ErrorEstimate(S=1, Z=0, scale=3, multiplier=5)
    return STAMPSessionSenderTestUnauthenticated(seq=9, ts=AT + 0.5, err_estimate=estimate, ssid=77)


def write_answer():
    return STAMPSessionReflectorTestUnauthenticated(
        seq=4,
        ts=AT + 2.25,
        err_estimate=ErrorEstimate(S=0, Z=0, scale=4, multiplier=2),
        ts_rx=AT + 1.75,
        seq_sender=9,
        ts_sender=AT + 0.5,
        err_estimate_sender=ErrorEstimate(S=1, Z=0, scale=3, multiplier=5),
        ttl_sender=58,
    )


READ = {"read-request": read_request, "read-answer": read_answer}
WRITE = {"write-request": write_request, "write-answer": write_answer}

if __name__ == "__main__":
    order, *values = sys.argv[1:]
    if order in READ:
        told = READ[order](bytes.fromhex(values[0]))
    else:
        told = {"octets": raw(WRITE[order]()).hex()}
    sys.stdout.write(json.dumps(told))
