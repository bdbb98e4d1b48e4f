"""What people send to the routes of accounts; what makes no sense is refused before it is used."""

import json
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from accounts.factors.passwords import LONGEST
from accounts.roles import Grant
from accounts.signing_in.second_factors import PasskeyAnswer, Proof, RecoveryCode, TotpCode
from controller.api_requests.free_text import PlainLine
from controller.roles import Role

ShortText: TypeAlias = Annotated[PlainLine, Field(max_length=200)]
# What is longer than a password can be is told so by the room of accounts.
PasswordText: TypeAlias = Annotated[str, Field(max_length=4 * LONGEST)]
TokenText: TypeAlias = Annotated[str, Field(max_length=200)]
BecauseText: TypeAlias = Annotated[PlainLine, Field(max_length=500)]


class Body(BaseModel):
    """A body in which every member is known."""

    model_config = ConfigDict(extra="forbid")


class GrantBody(Body):
    """A role within a scope: the path of a place, such as yaounde/maroua; empty is everything."""

    role: Role
    scope: ShortText

    def grant(self) -> Grant:
        """Return the trusted value."""
        return Grant(self.role, self.scope)


GrantList: TypeAlias = Annotated[list[GrantBody], Field(max_length=50)]


class NewFactorBody(Body):
    """Proof that a new app or passkey works: one of both."""

    totp: ShortText | None = None
    passkey: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one(self) -> "NewFactorBody":
        if (self.totp is None) == (self.passkey is None):
            raise ValueError("send one of 'totp' and 'passkey'")
        return self

    def proof(self) -> TotpCode | PasskeyAnswer:
        """Return the trusted value."""
        if self.totp is not None:
            return TotpCode(self.totp)
        return PasskeyAnswer(json.dumps(self.passkey))


class FactorBody(Body):
    """A second factor: a code of an app, a passkey's answer, or a recovery code."""

    totp: ShortText | None = None
    passkey: dict[str, Any] | None = None
    recovery_code: ShortText | None = None

    @model_validator(mode="after")
    def _one(self) -> "FactorBody":
        given = [self.totp, self.passkey, self.recovery_code]
        if sum(one is not None for one in given) != 1:
            raise ValueError("send one of 'totp', 'passkey' and 'recovery_code'")
        return self

    def proof(self) -> Proof:
        """Return the trusted value."""
        if self.recovery_code is not None:
            return RecoveryCode(self.recovery_code)
        return TotpCode(self.totp) if self.totp is not None else PasskeyAnswer(self._answer())

    def _answer(self) -> str:
        return json.dumps(self.passkey)
