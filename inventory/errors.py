"""The one exception tree.

SanagaError
├── IntentError            the documents of a folder cannot be used (carries every Fault)
├── CredentialError        a credential reference cannot be resolved
├── UnknownNameError       a name given on the command line exists nowhere
├── TopologyError          a question about the graph has no answer
├── PlanError              a plan cannot be made or used
│   ├── UnsafePlanError    it would hurt more, or keep less, than the documents allow
│   └── StalePlanError     the network is no longer what the plan saw
├── DeviceError            a device did not do what it was asked
│   ├── UnreachableError   it could not be spoken to
│   ├── HostKeyError       it is not who it should be
│   └── RejectedError      it refused the configuration
├── EdgeError              an edge cannot do what it was asked
│   ├── PolicyRefusedError a policy is not signed, not for it, older, or makes no sense
│   └── TunnelError        a tunnel cannot be made, read or taken away
├── JournalError           the record of applied plans cannot be used
├── StorageError           what was asked for cannot be stored now
├── AccessError            access over the VPN cannot be given or withdrawn as asked
├── AccountError           an account cannot be made or recovered as asked
├── ExtraError             an optional extra is chosen that is not installed
├── BackupError            a backup cannot be made, used or put back
├── UnfinishedError        an apply was left half-way and must be resumed first
└── LabError               the laboratory cannot be built, found or changed
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a file; lines and columns count from 1, and 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return file:line:column as compilers print it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong in a document: where, what, and what to write instead."""

    where: Location
    what: str
    hint: str

    def __str__(self) -> str:
        """Return the fault as one line."""
        return f"{self.where}: {self.what}; {self.hint}"


class SanagaError(Exception):
    """Anything that a person must act on; the text says what, where and what next."""


class IntentError(SanagaError):
    """The documents of a folder cannot be used; carries every fault, in file order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(map(str, self.faults)))


class CredentialError(SanagaError):
    """A credential reference cannot be resolved; the text never holds the secret."""


class UnknownNameError(SanagaError):
    """A name exists nowhere in the intent."""


class TopologyError(SanagaError):
    """A question about the graph has no answer."""


class PlanError(SanagaError):
    """A plan cannot be made or used."""


class UnsafePlanError(PlanError):
    """A plan would hurt more, or keep less, than the documents allow; each reason is a line."""


class StalePlanError(PlanError):
    """The network is no longer what the plan saw."""


class DeviceError(SanagaError):
    """A device did not do what it was asked; the text begins with its name."""

    def __init__(self, device: str, what: str) -> None:
        self.device = device
        super().__init__(f"{device}: {what}")


class UnreachableError(DeviceError):
    """A device could not be spoken to, or stopped answering."""


class HostKeyError(DeviceError):
    """A device showed another SSH host key than the one pinned in the inventory."""


class RejectedError(DeviceError):
    """A device refused a configuration; it is as it was before."""


class NoControllerError(SanagaError):
    """No controller answers where one was looked for."""


class EdgeError(SanagaError):
    """An edge cannot do what it was asked."""


class PolicyRefusedError(EdgeError):
    """A policy is not signed, not for this edge, older than the running one, or makes no sense."""


class TunnelError(EdgeError):
    """A tunnel cannot be made, read or taken away."""


class StorageError(SanagaError):
    """What was asked for cannot be stored now."""


class JournalError(SanagaError):
    """The record of applied plans cannot be used."""


class AccessError(SanagaError):
    """Access over the VPN cannot be given or withdrawn as asked, or its record cannot be used."""


class AccountError(SanagaError):
    """An account of somebody who signs in cannot be made or recovered as asked."""


class ExtraError(SanagaError):
    """An optional extra is chosen that is not installed."""


def how_to_install(extra: str) -> str:
    """Return what to do for an extra: Sanaga is on no package index, so pip gets its wheel."""
    wheel = f"./sanaga-VERSION-py3-none-any.whl[{extra}]"
    return f"install Sanaga's wheel with the extra '{extra}': pip install '{wheel}'"


class BackupError(SanagaError):
    """A backup cannot be made, is not whole, or cannot be put back."""


class UnfinishedError(SanagaError):
    """An apply was left half-way; it must be resumed, confirmed or rolled back first."""


class LabError(SanagaError):
    """The laboratory cannot be built, found or changed."""
