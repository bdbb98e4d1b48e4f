"""Messages as octets and back: columns of varints, raw deflate with a preset dictionary (RFC 1951).

A frame is two octets and a deflate stream. The first is the format (high half) and the number of
the dictionary (low half), the second holds flags: 1 is replayed, so that a frame of the disk is
sent as history without being written again. Units are fixed: 0.1 ms, 0.01 MOS, 0.01 % of loss,
1,000 octets, 1 ms of time. Row by row, a figure is its difference from the same path's row before.
"""

import zlib
from typing import Final

from edge.telemetry.decoder import MessageDecoder
from edge.telemetry.dictionary import DICTIONARIES, NEWEST
from edge.telemetry.encoder import MessageEncoder
from edge.telemetry.model import TelemetryMessage
from edge.telemetry.varints import FrameError, VarintReader

__all__ = ["FrameError", "as_replayed", "decode", "encode"]

FORMAT: Final = 1
REPLAYED: Final = 1
LARGEST_FRAME: Final = 256 * 1024
LARGEST_BODY: Final = 1024 * 1024


def encode(message: TelemetryMessage) -> bytes:
    """Return a message as a frame. Raises FrameError when it is larger than any frame."""
    body = MessageEncoder(message).body()
    if len(body) > LARGEST_BODY:
        raise FrameError(f"{len(body):,} octets are more than a frame holds; split the message")
    packing = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=DICTIONARIES[NEWEST])
    head = bytes((FORMAT << 4 | NEWEST, REPLAYED if message.replayed else 0))
    frame = head + packing.compress(body) + packing.flush()
    if len(frame) > LARGEST_FRAME:
        raise FrameError(f"{len(frame):,} octets are more than a frame has; split the message")
    return frame


def as_replayed(frame: bytes) -> bytes:
    """Return a frame whose message is history."""
    return bytes((frame[0], frame[1] | REPLAYED)) + frame[2:]


def decode(frame: bytes) -> TelemetryMessage:
    """Return the message of a frame. Raises FrameError for anything else, in bounded memory."""
    if not 2 < len(frame) <= LARGEST_FRAME:
        raise FrameError(f"{len(frame):,} octets are no frame")
    if frame[0] >> 4 != FORMAT or frame[1] & ~REPLAYED:
        raise FrameError(f"format {frame[0] >> 4} with flags {frame[1]} is not known here")
    reader = VarintReader(_body(frame))
    message = MessageDecoder(reader, replayed=bool(frame[1] & REPLAYED)).message()
    if reader.left:
        raise FrameError(f"{reader.left} octets are left over")
    return message


def _body(frame: bytes) -> bytes:
    preset = DICTIONARIES.get(frame[0] & 0x0F)
    if preset is None:
        raise FrameError(f"dictionary {frame[0] & 0x0F} is not known here")
    unpacking = zlib.decompressobj(-15, zdict=preset)
    try:
        body = unpacking.decompress(frame[2:], LARGEST_BODY)
    except zlib.error as error:
        raise FrameError(f"not a deflate stream: {error}") from None
    if not unpacking.eof or unpacking.unused_data:
        raise FrameError("the deflate stream is cut short, too large, or followed by more")
    return body
