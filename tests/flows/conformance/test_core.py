"""Modules of the Basic, Implicit, Hybrid and Form Post plans with a single authorization request."""

import json
from typing import Any

import httpx2
import pytest

from tests.flows.conformance.claims import OF_SCOPE, PROTOCOL, Claims
from tests.flows.conformance.suite import (
    CODE,
    EVERY,
    HYBRID,
    IMPLICIT,
    Suite,
    Variant,
    random_string,
    token_error,
    userinfo_response,
    variants,
)
from tests.support.browser import Browser
from tests.support.stack import Stack

WITH_ACCESS_TOKEN = (*CODE, "id_token token", *HYBRID)
NEEDS_NO_NONCE = ("code", "code token")
EVERYTHING = "openid address email phone profile"


async def metadata_of(system: Stack) -> dict[str, Any]:
    async with httpx2.AsyncClient() as client:
        found: dict[str, Any] = (await client.get(f"{system.issuer}/.well-known/openid-configuration")).json()
    return found


@pytest.mark.conformance("oidcc-server")
@variants(*EVERY)
async def test_code_flow_returns_the_required_tokens_and_claims(suite: Suite) -> None:
    answer = await suite.authorize()
    claims = await suite.claims(answer)
    assert claims.keys() <= PROTOCOL
    if suite.variant.words >= {"code", "id_token"}:
        tokens = await suite.redeem(answer["code"])
        second = await suite.id_token(tokens["id_token"], code=answer["code"], token=tokens["access_token"])
        assert (second["sub"], second.get("sid")) == (claims["sub"], claims.get("sid"))
        assert (await suite.userinfo(tokens["access_token"]))["sub"] == claims["sub"]
    if "access_token" in answer:
        assert (await suite.userinfo(answer["access_token"]))["sub"] == claims["sub"]


@pytest.mark.conformance("oidcc-server-client-secret-post")
@variants(*CODE, *HYBRID)
async def test_client_secret_post_is_accepted(system: Stack, browser: Browser, variant: Variant) -> None:
    suite = await Suite.begin(system, browser, variant, token_endpoint_auth_method="client_secret_post")
    answer = await suite.authorize()
    assert await suite.redeem(answer["code"])
    assert "client_secret_post" in (await metadata_of(system))["token_endpoint_auth_methods_supported"]


@pytest.mark.conformance("oidcc-response-type-missing")
@variants(*EVERY)
async def test_missing_response_type_is_refused(suite: Suite) -> None:
    page = await suite.ask(response_type=None)
    assert suite.error(page, in_query=True) == "invalid_request"


@pytest.mark.conformance("oidcc-idtoken-signature", "oidcc-idtoken-rs256")
@variants(*EVERY)
async def test_id_token_is_signed_with_rs256_by_default(suite: Suite) -> None:
    from joserfc import jws  # noqa: PLC0415

    answer = await suite.authorize()
    text = answer.get("id_token") or (await suite.redeem(answer["code"]))["id_token"]
    header = jws.extract_compact(text.encode()).headers()
    assert header["alg"] == "RS256"
    assert header["kid"]


@pytest.mark.conformance("oidcc-idtoken-unsigned")
@variants(*CODE)
async def test_unsigned_id_tokens_are_not_advertised(system: Stack, variant: Variant) -> None:
    """The suite skips the module in this case."""
    assert "none" not in (await metadata_of(system))["id_token_signing_alg_values_supported"]


@pytest.mark.conformance("oidcc-userinfo-get", "oidcc-userinfo-post-header", "oidcc-userinfo-post-body")
@variants(*WITH_ACCESS_TOKEN)
async def test_userinfo_accepts_get_post_header_and_post_body(suite: Suite) -> None:
    answer = await suite.authorize()
    token = answer.get("access_token") or (await suite.redeem(answer["code"]))["access_token"]
    bearer = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    endpoint = f"{suite.system.client_edge}/userinfo"
    async with httpx2.AsyncClient(timeout=20) as client:
        ways = [
            await client.get(endpoint, headers=bearer),
            await client.post(endpoint, headers={**bearer, "Content-Type": "application/x-www-form-urlencoded"}),
            await client.post(endpoint, data={"access_token": token}),
        ]
    subjects = {userinfo_response(response)["sub"] for response in ways}
    assert len(subjects) == 1


@pytest.mark.conformance("oidcc-ensure-request-without-nonce-succeeds-for-code-flow")
@variants(*NEEDS_NO_NONCE)
async def test_code_flow_works_without_nonce(suite: Suite) -> None:
    assert "nonce" not in await suite.claims(await suite.authorize(nonce=None))


@pytest.mark.conformance("oidcc-ensure-request-without-nonce-fails")
@variants(*(kind for kind in EVERY if kind not in NEEDS_NO_NONCE))
async def test_front_channel_id_token_requires_nonce(suite: Suite) -> None:
    assert suite.error(await suite.ask(nonce=None)) == "invalid_request"


@pytest.mark.conformance("oidcc-scope-profile", "oidcc-scope-email", "oidcc-scope-address", "oidcc-scope-phone")
@variants(*EVERY)
async def test_scope_returns_exactly_its_claims(suite: Suite) -> None:
    for scope in OF_SCOPE:
        user = await suite.user(await suite.authorize(scope=f"openid {scope}"))
        user.require_of_scope(scope)
        others = {name for other, names in OF_SCOPE.items() if other != scope for name in names}
        assert others.isdisjoint(user)


@pytest.mark.conformance("oidcc-scope-all")
@variants(*EVERY)
async def test_all_scopes_return_all_claims(suite: Suite) -> None:
    user = await suite.user(await suite.authorize(scope=EVERYTHING))
    user.require_of_scope(*OF_SCOPE)


@pytest.mark.conformance("oidcc-scope-email", "oidcc-alternate-happy-flow")
@variants(*EVERY)
async def test_scope_email_adds_claims_to_the_id_token_only_without_access_token(suite: Suite) -> None:
    address, _, query = suite.url(scope="email openid").partition("?")
    page = await suite.browser.open(f"{address}?{'&'.join(reversed(query.split('&')))}")
    answer = suite.answer(await suite.answer_pages(page))
    claims = await suite.claims(answer)
    assert ("email" in claims) == (suite.variant.response_type == "id_token")


@pytest.mark.conformance(
    "oidcc-display-page",
    "oidcc-display-popup",
    "oidcc-ui-locales",
    "oidcc-claims-locales",
    "oidcc-login-hint",
    "oidcc-ensure-request-with-unknown-parameter-succeeds",
)
@variants(*EVERY)
async def test_unknown_parameters_are_ignored(suite: Suite) -> None:
    for name, value in (
        ("display", "page"),
        ("display", "popup"),
        ("ui_locales", "se"),
        ("claims_locales", "se"),
        ("login_hint", "buffy@unknown.example"),
        ("extra", "foobar"),
    ):
        assert await suite.authorize(**{name: value})
        suite.browser.client.cookies.clear()  # every module starts without a session


@pytest.mark.conformance("oidcc-ensure-request-with-acr-values-succeeds")
@variants(*EVERY)
async def test_advertised_acr_is_returned(suite: Suite) -> None:
    advertised = (await metadata_of(suite.system))["acr_values_supported"]
    claims = await suite.claims(await suite.authorize(acr_values=" ".join(advertised)))
    assert claims["acr"] in advertised


@pytest.mark.conformance("oidcc-ensure-registered-redirect-uri")
@variants(*EVERY)
async def test_unregistered_longer_redirect_uri_gets_an_error_page(suite: Suite) -> None:
    page = await suite.ask(redirect_uri=f"https://suite.example/test/a/latchkey/callback/{random_string(10)}")
    assert (page.name, page.status) == ("error", 400)
    assert "redirect_uri" in page.text


@pytest.mark.conformance("oidcc-ensure-post-request-succeeds")
@variants(*CODE)
async def test_authorization_request_is_accepted_by_cross_site_post(suite: Suite) -> None:
    suite.url()
    page = await suite.browser.post(
        "/authorize", suite.sent, headers={"Origin": "https://suite.example", "Sec-Fetch-Site": "cross-site"}
    )
    assert suite.answer(await suite.answer_pages(page))["code"]


@pytest.mark.conformance(
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
    "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
    "oidcc-ensure-request-object-with-redirect-uri",
    "oidcc-request-uri-unsigned",
)
@variants(*EVERY)
async def test_unsigned_request_object_is_refused_and_not_advertised(suite: Suite) -> None:
    """The suite skips the modules in this case. An unsigned request object is refused, not ignored."""
    assert "none" not in (await metadata_of(suite.system))["request_object_signing_alg_values_supported"]
    unsigned = "eyJhbGciOiJub25lIn0.eyJzdGF0ZSI6Imluc2lkZSJ9."
    assert suite.error(await suite.ask(request=unsigned)) == "invalid_request_object"


@pytest.mark.conformance("oidcc-claims-essential")
@variants(*EVERY)
async def test_requested_claim_is_returned_only_in_the_requested_place(suite: Suite) -> None:
    where = "id_token" if suite.variant.response_type == "id_token" else "userinfo"
    answer = await suite.authorize(claims=json.dumps({where: {"name": {"essential": True}}}))
    assert (await suite.user(answer))["name"]
    if where == "userinfo" and "id_token" in answer:
        assert "name" not in await suite.front_id_token(answer)


@pytest.mark.conformance("oidcc-codereuse")
@variants(*CODE, *HYBRID)
async def test_second_use_of_a_code_is_refused_and_ends_its_tokens(suite: Suite) -> None:
    answer = await suite.authorize()
    tokens = await suite.redeem(answer["code"])
    form = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": suite.sent["redirect_uri"]}
    assert token_error(await suite.token_request(**form)) == "invalid_grant"
    async with httpx2.AsyncClient(timeout=20) as client:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await client.get(f"{suite.system.client_edge}/userinfo", headers=headers)).status_code == 401


@pytest.mark.conformance("oidcc-ensure-request-with-valid-pkce-succeeds")
@variants("code", "code id_token")
async def test_pkce_is_supported(suite: Suite) -> None:
    import hashlib  # noqa: PLC0415

    from joserfc.util import urlsafe_b64encode  # noqa: PLC0415

    verifier = random_string(64)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode()
    answer = await suite.authorize(code_challenge=challenge, code_challenge_method="S256")
    assert await suite.redeem(answer["code"], code_verifier=verifier)


@pytest.mark.conformance("oidcc-refresh-token")
@variants(*CODE, *HYBRID)
async def test_refresh_token_is_usable_by_its_client_only(system: Stack, browser: Browser, variant: Variant) -> None:
    clients = [await Suite.begin(system, browser, variant, more_grants=["refresh_token"]) for _ in range(2)]
    latest = []
    for suite, more in zip(clients, ({"scope": "openid offline_access"}, {}), strict=True):
        answer = await suite.authorize(scope="openid offline_access", prompt="consent")
        before = await suite.redeem(answer["code"])
        first = await suite.id_token(before["id_token"])
        response = await suite.token_request(grant_type="refresh_token", refresh_token=before["refresh_token"], **more)
        assert "no-store" in response.headers["cache-control"]
        after = response.json()
        assert after["access_token"] != before["access_token"]
        if "id_token" in after:
            suite.sent.pop("nonce")
            await _check_refreshed(suite, first, after["id_token"])
        assert (await suite.userinfo(after["access_token"]))["sub"] == first["sub"]
        latest.append(after["refresh_token"])
    stolen = await clients[0].token_request(grant_type="refresh_token", refresh_token=latest[1])
    assert token_error(stolen) == "invalid_grant"


async def _check_refreshed(suite: Suite, first: Claims, text: str) -> None:
    """OpenID Connect Core 12.2."""
    second = await suite.id_token(text)
    for name in ("iss", "sub", "aud", "auth_time", "azp"):
        assert second.get(name) == first.get(name)
    assert second["iat"] >= first["iat"]


@variants(*IMPLICIT)
async def test_implicit_response_has_no_refresh_token(suite: Suite) -> None:
    assert "refresh_token" not in await suite.authorize(scope="openid offline_access", prompt="consent")
