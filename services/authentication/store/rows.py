"""From rows to the domain: which columns are read, and what is made of them."""

from typing import Any

from services.authentication.domain.accounts.account import Account, AccountState, Credentials
from services.authentication.domain.accounts.claims import Profile
from services.authentication.domain.accounts.email_addresses import address_key
from services.authentication.domain.sessions.session import Session
from services.authentication.store.tables import SESSIONS, USERS

CREDENTIALS_COLUMNS = (
    USERS.c.id,
    USERS.c.state,
    USERS.c.password_hash,
    USERS.c.password_version,
    USERS.c.has_second_factor,
)
ACCOUNT_COLUMNS = tuple(
    USERS.c[name].label(f"account_{name}")
    for name in (
        "id",
        "username",
        "state",
        "claims",
        "created_at",
        "profile_updated_at",
        "has_second_factor",
        "attributes",
        "grants_not_before",
    )
)
"""A password hash is not read where it is not judged."""
SESSION_COLUMNS = tuple(
    SESSIONS.c[name].label(f"session_{name}")
    for name in ("id", "user_id", "authenticated_at", "expires_at", "last_seen_at", "acr", "amr", "ended_at")
)


def profile_values(profile: Profile) -> dict[str, Any]:
    """What is written whenever claims are: an account is found by the address that it has."""
    return {"claims": profile.claims(), "email_key": address_key(profile.email)}


def verified_key(profile: Profile) -> str | None:
    """The key of the address, if it is verified."""
    return address_key(profile.email) if profile.email_verified else None


def to_credentials(row: Any) -> Credentials:
    return Credentials(
        user_id=row.id,
        state=AccountState(row.state),
        password_hash=row.password_hash,
        password_version=row.password_version,
        has_second_factor=row.has_second_factor,
    )


def to_account(row: Any) -> Account:
    return Account(
        id=row.account_id,
        username=row.account_username,
        state=AccountState(row.account_state),
        profile=Profile.of(row.account_claims),
        created_at=row.account_created_at,
        profile_updated_at=row.account_profile_updated_at,
        has_second_factor=row.account_has_second_factor,
        attributes=row.account_attributes,
        grants_not_before=row.account_grants_not_before,
    )


def to_session(row: Any) -> Session:
    return Session(
        id=row.session_id,
        user_id=row.session_user_id,
        authenticated_at=row.session_authenticated_at,
        expires_at=row.session_expires_at,
        last_seen_at=row.session_last_seen_at,
        acr=row.session_acr,
        amr=tuple(row.session_amr),
        ended_at=row.session_ended_at,
    )
