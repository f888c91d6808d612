"""The step that turns an ID token into a person."""

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
    """Load the public keys, so that the check of the signature has something to check with."""
    with run.step(
        "jwks",
        "Fetch the public keys",
        "The server's public keys, by `kid`. Kept for later tokens; fetched again only for a `kid` not seen before.",
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
    """The claims of a sign-in's ID token; the step lists every check that it passed. No nonce where no browser was.

    `response_type` is that of the response: "code" where the token endpoint gave it. `source` tells two of one sign-in
    apart.
    """
    with run.step(
        "id-token",
        f"Verify the ID token {source}".rstrip(),
        "Signature, issuer, audience, times and, where there is one, nonce, by Authlib and joserfc. Only now is "
        "somebody signed in.",
        *_RULES[response_type],
    ) as step:
        step.tokens.append(tokens.id_token(dict(response)))
        claims = await party.validate_id_token(response, nonce=nonce, response_type=response_type)
        step.checks += _checks(step, claims)
        if nonce is not None:
            step.checks.append("nonce is the one that this browser was given")
        if "access_token" in response and "at_hash" in claims:
            step.checks.append("at_hash fits the access token")
        if "code" in response:
            step.checks.append("c_hash fits the code")
        return claims


async def verify_refreshed(
    run: Run, party: RelyingParty, response: Mapping[str, Any], *, before: Mapping[str, Any]
) -> dict[str, Any]:
    """The claims of an ID token that came with a refresh: it must speak of the same person and sign-in."""
    with run.step(
        "id-token",
        "Verify the new ID token",
        "The same checks, and it must be about the same person and the same sign-in as the first one.",
        REFRESHED_ID_TOKEN,
    ) as step:
        step.tokens.append(tokens.id_token(dict(response)))
        claims = await party.validate_id_token(response, nonce=None)
        step.checks += _checks(step, claims)
        for name in ("sub", "auth_time"):
            if name in before and name in claims and claims[name] != before[name]:
                raise RefusedError("wrong_subject", f"{name} was {before[name]} and is now {claims[name]}")
        step.checks.append("sub is the person of the first ID token")
        return claims


def _checks(step: Step, claims: Mapping[str, Any]) -> list[str]:
    header = step.tokens[-1].header or {}
    return [
        f"signature: {header.get('alg')} with the key {header.get('kid', 'of the set')}",
        f"iss is {claims['iss']}",
        "aud is this application",
        "exp is in the future, iat is not",
    ]
