"""Errors of this room: what is refused, why, and what to do next.

AccountsError
├── NotAllowedError         the caller's roles do not cover what is asked
│   ├── NotThereError       it does not exist, or not for the caller; neither is told from the other
│   ├── UnfitError          a name, title, role, scope or time cannot be used
│   └── TakenError          somebody was there before: a name is taken, an act is done already
├── SignInRefusedError      a name, password, code, link or token is not accepted
├── WaitError               too many attempts; the text says for how long to wait
├── StepUpNeededError       the act needs a second factor that was given just now
├── SecondPersonError       the act needs another person, or more time
├── LastAdministratorError  nobody would be left who can administer
├── PasswordError           a new password is too easy to guess
└── RelyingPartyError       the name under which passkeys are made cannot be used
"""


class AccountsError(Exception):
    """Anything that is refused; the text never holds a secret."""


class NotAllowedError(AccountsError):
    """The roles of the caller do not cover what is asked, or it does not exist for them."""


class NotThereError(NotAllowedError):
    """What is asked for does not exist, or lies outside of the caller's roles."""


class UnfitError(NotAllowedError):
    """A name, a title, a role, a scope or a time cannot be used."""


class TakenError(NotAllowedError):
    """A name is taken, or an act is done already."""


class SignInRefusedError(AccountsError):
    """A name, password, code, passkey, link or token is not accepted."""


class WaitError(AccountsError):
    """There were too many attempts; wait_s says for how long further ones are refused."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(f"too many attempts; try again in {max(1, round(wait_s))} s")


class StepUpNeededError(AccountsError):
    """The act needs a second factor that was given within the last minutes."""

    def __init__(self) -> None:
        super().__init__("this needs your second factor again; confirm it and repeat the request")


class SecondPersonError(AccountsError):
    """The act needs another person, or more time."""


class LastAdministratorError(AccountsError):
    """After the change nobody could administer."""

    def __init__(self) -> None:
        super().__init__(
            "this is the last administrator who can sign in; give the role to somebody else first"
        )


class PasswordError(AccountsError):
    """A new password is too short, too long or too easy to guess."""


class RelyingPartyError(AccountsError):
    """The name under which browsers keep passkeys cannot be used, or is another than before."""
