"""A machine of its own for recipes that prepare one: it shares our files and changes none of them.

It is a mount namespace with our folders overlaid, in a network namespace that nothing leaves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.rigs.documents.shell import Shell, shell

FOLDERS: Final = ("/etc", "/opt", "/root", "/run", "/usr/local", "/var/lib")
# What makes the machine, then becomes the command that follows.
_ENTER: Final = """\
set -e
mount -t tmpfs tmpfs "$1"
for folder in {folders}; do
    place="$1/$(echo $folder | tr / _)"
    mkdir -p "$place/upper" "$place/work"
    mount -t overlay overlay -o "lowerdir=$folder,upperdir=$place/upper,workdir=$place/work" $folder
done
mkdir -p /run/sshd
ip link set lo up
shift
exec "$@"
"""
# The clients of SSH look where the user's account says, not at HOME.
_CLIENT: Final = """\
Host {name}
    HostName 127.0.0.1
    IdentityFile {key}
    StrictHostKeyChecking accept-new
"""


@contextmanager
def machine(folder: Path) -> Iterator[Shell]:
    """Give root's shell on a machine of its own, which ends with all that runs there."""
    layers = folder / "layers"
    layers.mkdir()
    script = _ENTER.format(folders=" ".join(FOLDERS))
    apart = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
    before = (*apart, "sh", "-c", script, "sh", str(layers))
    with shell(folder, forked=False, before=before) as made:
        yield made


def admit(shell_: Shell, folder: Path, name: str) -> str:
    """Make the controller's SSH key, and let a name lead to this machine; return the public key."""
    key = folder / "controller_key"
    assert shell_.run(f"ssh-keygen -q -t ed25519 -N '' -f {key}").code == 0
    told = _CLIENT.format(name=name, key=key)
    assert (
        shell_.run(f"mkdir -p /root/.ssh && cat > /root/.ssh/config <<'END'\n{told}END").code == 0
    )
    return (folder / "controller_key.pub").read_text(encoding="utf-8").strip()


def write(shell_: Shell, file: str, text: str) -> None:
    """Write a file of the machine."""
    assert shell_.run(f"cat > {file} <<'END'\n{text}END").code == 0
