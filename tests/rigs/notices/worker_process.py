"""A worker of notices as a process that tests kill: what it sends is appended to a file.

Run with 'DATABASE FILE MODE'; MODE is 'decided', 'claimed' or 'sent', after which it says so and
waits to be killed, or 'work', which sends everything that is due and ends.
"""

import os
import sys
import threading
from pathlib import Path
from typing import NoReturn

from controller.channels.message import ChannelKind, Message
from tests.rigs.notices.notice_rig import MAIL, NoticeRig, person, subscribed


def wait_for_the_end(where: str) -> NoReturn:
    print(where, flush=True)  # noqa: T201
    while True:
        threading.Event().wait()


class File:
    """A provider that takes messages into a file."""

    def __init__(self, file: Path, mode: str) -> None:
        self.file, self.mode = file, mode

    def send(self, message: Message) -> str:
        if self.mode == "claimed":
            wait_for_the_end("claimed")
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(f"{message.kind} {message.incident} {message.key}\n")
            stream.flush()
            os.fsync(stream.fileno())
        if self.mode == "sent":
            wait_for_the_end("sent")
        return message.key

    def close(self) -> None:
        pass


def main() -> None:
    database, file, mode = sys.argv[1:]
    rig = NoticeRig(Path(database), subscribed(person(contacts=[MAIL])))
    rig.boxes[ChannelKind.EMAIL] = File(Path(file), mode)  # type: ignore[assignment]
    rig.rows.release(rig.now_s, at_start=True)
    rig.worker.decide_once(rig.now_s)
    if mode == "decided":
        wait_for_the_end("decided")
    rig.send()


if __name__ == "__main__":
    main()
