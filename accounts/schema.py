"""Tables of accounts, their credentials and approvals; times are seconds since 1970."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from accounts.audit_table import VERSION_TABLE, metadata
from database.migrate import upgrade_schema


def open_accounts(engine: Engine) -> None:
    """Bring the tables of this room to their newest version."""
    upgrade_schema(engine, "accounts", VERSION_TABLE)


def _text(name: str, *, empty: bool = False) -> Column[str]:
    return Column(name, Text, nullable=empty)


def _time(name: str, *, empty: bool = False) -> Column[float]:
    return Column(name, Double, nullable=empty)


def _account(*, key: bool = False, empty: bool = False) -> Column[int]:
    return Column(
        "account_id",
        Integer,
        ForeignKey("accounts.id"),
        primary_key=key,
        nullable=empty,
        index=True,
    )


accounts: Final = Table(
    "accounts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    _text("title"),
    # What passkeys call the account; it says nothing about the person.
    Column("handle", LargeBinary, nullable=False, unique=True),
    _time("created_s"),
    _time("disabled_s", empty=True),
    _time("signed_in_s", empty=True),
)
grants: Final = Table(
    "account_grants",
    metadata,
    _account(key=True),
    Column("role", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
)
passwords: Final = Table(
    "account_passwords", metadata, _account(key=True), _text("hash"), _time("changed_s")
)
totp: Final = Table(
    "account_totp",
    metadata,
    _account(key=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    _time("created_s"),
)
passkeys: Final = Table(
    "account_passkeys",
    metadata,
    Column("credential_id", Text, primary_key=True),
    _account(),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    _text("relying_party"),
    _text("title"),
    _time("created_s"),
    _time("used_s", empty=True),
)
recovery_codes: Final = Table(
    "account_recovery_codes",
    metadata,
    _account(key=True),
    Column("code_hash", Text, primary_key=True),
)
challenges: Final = Table(
    "account_challenges",
    metadata,
    _account(key=True),
    Column("purpose", Text, primary_key=True),
    Column("challenge", LargeBinary, nullable=False),
    _time("expires_s"),
)
pending: Final = Table(
    "account_pending",
    metadata,
    Column("token_hash", Text, primary_key=True),
    _account(),
    _text("browser_hash", empty=True),
    _time("expires_s"),
)
sessions: Final = Table(
    "account_sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False, unique=True),
    _account(),
    _text("kind"),
    _text("scope"),
    _text("view"),
    _text("address"),
    _text("agent"),
    _time("created_s"),
    _time("seen_s"),
    _time("expires_s", empty=True),
    _time("stepped_up_s", empty=True),
    # What people call a wall; a person's session has no title.
    _text("title", empty=True),
)
wall_codes: Final = Table(
    "account_wall_codes",
    metadata,
    # The id of the session that the code opens.
    Column("id", Text, primary_key=True),
    Column("code_hash", Text, nullable=False, unique=True),
    _account(),
    _text("title"),
    _text("view"),
    _text("scope"),
    _text("language"),
    _time("created_s"),
    _time("expires_s"),
)
browsers: Final = Table(
    "account_browsers",
    metadata,
    Column("token_hash", Text, primary_key=True),
    _account(),
    _time("expires_s"),
)
machine_tokens: Final = Table(
    "account_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False, unique=True),
    _account(),
    _text("title"),
    _text("grants"),
    _text("rights", empty=True),
    _time("created_s"),
    _time("expires_s"),
    _time("used_s", empty=True),
)
links: Final = Table(
    "account_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False, unique=True),
    _text("purpose"),
    _account(empty=True),
    _text("name"),
    _text("title"),
    _text("grants"),
    _text("made_by"),
    _time("created_s"),
    _time("expires_s"),
    _time("used_s", empty=True),
)
set_ups: Final = Table(
    "account_set_ups",
    metadata,
    Column("token_hash", Text, primary_key=True),
    Column("link_id", Text, ForeignKey("account_links.id"), nullable=True),
    _account(empty=True),
    _text("name"),
    _text("title"),
    _text("password_hash", empty=True),
    Column("handle", LargeBinary, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("challenge", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    _time("expires_s"),
)
attempts: Final = Table(
    "account_attempts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_s", Double, nullable=False, index=True),
    _time("wait_until_s"),
)
approvals: Final = Table(
    "account_approvals",
    metadata,
    Column("id", Text, primary_key=True),
    _text("digest"),
    _text("summary"),
    _text("access_right"),
    _text("places"),
    _text("authors"),
    _time("created_s"),
    _time("expires_s"),
    Column("approved_by", Integer, ForeignKey("accounts.id"), nullable=True),
    _time("approved_s", empty=True),
    _time("used_s", empty=True),
)
proposals: Final = Table(
    "account_proposals",
    metadata,
    Column("id", Text, primary_key=True),
    _text("kind"),
    _account(),
    Column("proposed_by", Integer, ForeignKey("accounts.id"), nullable=False),
    _time("proposed_s"),
    Column("seconded_by", Integer, ForeignKey("accounts.id"), nullable=True),
    _time("seconded_s", empty=True),
    _time("ended_s", empty=True),
    _text("outcome"),
    _text("because"),
)
announcements: Final = Table(
    "account_announcements",
    metadata,
    Column("id", Integer, primary_key=True),
    _time("at_s"),
    # Whom it concerns besides the administrators, if anybody.
    _account(empty=True),
    _text("text"),
)
