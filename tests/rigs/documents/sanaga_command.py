"""The command sanaga of a test's shell: a process forked from one that has the program loaded.

Run alone, without this project around it, as python -IS sanaga_command.py SOCKET WORDS...
"""

import json
import os
import socket
import sys


def main() -> int:
    """Hand this process's folder, variables and streams over; return how the command ended."""
    number, *words = sys.argv[1:]
    variables = dict(os.environ)  # noqa: TID251
    request = json.dumps({"words": words, "folder": str(os.getcwd()), "variables": variables})  # noqa: PTH109
    told, theirs = os.pipe()
    with socket.socket(fileno=int(number)) as requests:
        socket.send_fds(requests, [request.encode()], [0, 1, 2, theirs])
        requests.detach()
    os.close(theirs)
    with os.fdopen(told, encoding="ascii") as lines:
        lines.readline()
        return int(lines.readline())


if __name__ == "__main__":
    sys.exit(main())
