"""Verification of ID tokens."""

from collections.abc import Mapping
from typing import Any

from deploy.playground import tokens
from deploy.playground.problems import RefusedError
from deploy.playground.references import (
    HYBRID_ID_TOKEN_VALIDATION,
    ID_TOKEN_VALIDATION,
    IMPLICIT_ID_TOKEN_VALIDATION,
    REFRESHED_ID_TOKEN,
    rfc,
)
from deploy.playground.relying_party import RelyingParty
from deploy.playground.transcript import Run, Step

_RULES = {
    "code": (ID_TOKEN_VALIDATION,),
    "id_token": (IMPLICIT_ID_TOKEN_VALIDATION, ID_TOKEN_VALIDATION),
    "id_token token": (IMPLICIT_ID_TOKEN_VALIDATION, ID_TOKEN_VALIDATION),
    "code id_token": (HYBRID_ID_TOKEN_VALIDATION, ID_TOKEN_VALIDATION),
}


async def fetch_keys(run: Run, party: RelyingParty) -> None:
    """Load the public keys that verify signatures."""
    with run.step(
        "jwks",
        "Fetch the public keys",
        "The server's public keys, by `kid`. The application caches them and fetches them again for an unknown `kid`.",
        rfc(7517, "5"),
        quiet=True,
    ):
        await party.fetch_jwk_set()


async def verify(
    run: Run,
    party: RelyingParty,
    response: Mapping[str, Any],
    *,
    nonce: str | None,
    response_type: str = "code",
    source: str = "",
) -> dict[str, Any]:
    """Verify the ID token of a sign-in and return its claims. `nonce` is None in flows without a browser.

    `response_type` is "code" for a response of the token endpoint. `source` is shown in the title when a sign-in
    has two ID tokens.
    """
    with run.step(
        "id-token",
        f"Verify the ID token {source}".rstrip(),
        "Authlib and joserfc check signature, issuer, audience, times and, if sent, nonce. Only now is "
        "the user signed in.",
        *_RULES[response_type],
    ) as step:
        step.tokens.append(tokens.id_token(dict(response)))
        claims = await party.validate_id_token(response, nonce=nonce, response_type=response_type)
        step.checks += _checks(step, claims)
        if nonce is not None:
            step.checks.append("nonce matches the request of this browser")
        if "access_token" in response and "at_hash" in claims:
            step.checks.append("at_hash matches the access token")
        if "code" in response:
            step.checks.append("c_hash matches the code")
        return claims


async def verify_refreshed(
    run: Run, party: RelyingParty, response: Mapping[str, Any], *, before: Mapping[str, Any]
) -> dict[str, Any]:
    """Verify an ID token of a refresh response: subject and sign-in time must not change. Returns its claims."""
    with run.step(
        "id-token",
        "Verify the new ID token",
        "The same checks; `sub` and `auth_time` must also equal those of the first ID token.",
        REFRESHED_ID_TOKEN,
    ) as step:
        step.tokens.append(tokens.id_token(dict(response)))
        claims = await party.validate_id_token(response, nonce=None)
        step.checks += _checks(step, claims)
        for name in ("sub", "auth_time"):
            if name in before and name in claims and claims[name] != before[name]:
                raise RefusedError("wrong_subject", f"{name} was {before[name]} and is now {claims[name]}")
        step.checks.append("sub equals sub of the first ID token")
        return claims


def _checks(step: Step, claims: Mapping[str, Any]) -> list[str]:
    header = step.tokens[-1].header or {}
    return [
        f"signature: {header.get('alg')} with the key {header.get('kid', 'of the set')}",
        f"iss is {claims['iss']}",
        "aud is this application",
        "exp is in the future, iat is not",
    ]
