"""Modules of the Dynamic plan that use registered metadata. Registration itself: test_dynamic_registration.py."""

from typing import Any

import httpx2
import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet, RSAKey

from tests.flows.conformance.claims import published_keys
from tests.flows.conformance.suite import CODE, EVERY, REDIRECT_URI, Suite, Variant, media_type, random_string, variants
from tests.support.browser import Browser
from tests.support.stack import Stack


@pytest.mark.conformance("oidcc-ensure-redirect-uri-in-authorization-request")
@variants(*EVERY)
async def test_redirect_uri_is_required_when_two_are_registered(
    system: Stack, browser: Browser, variant: Variant
) -> None:
    suite = await Suite.begin(system, browser, variant, redirect_uris=[REDIRECT_URI, "https://example.org/redirect"])
    page = await suite.ask(redirect_uri=None)
    assert (page.name, page.status) == ("error", 400)
    assert "redirect_uri" in page.text


@pytest.mark.conformance("oidcc-redirect-uri-query-OK")
@variants(*CODE)
async def test_registered_query_of_the_redirect_uri_is_kept(system: Stack, browser: Browser, variant: Variant) -> None:
    address = f"{REDIRECT_URI}?bar=foo"
    suite = await Suite.begin(system, browser, variant, redirect_uris=[address])
    page = await suite.answer_pages(await suite.ask(redirect_uri=address))
    if variant.form_post:
        assert page.form_with("form-post-submit").action == address
    else:
        assert page.url.startswith(f"{address}&")
        assert page.parameters["bar"] == "foo"
        assert page.parameters["code"]


@pytest.mark.conformance("oidcc-redirect-uri-query-added", "oidcc-redirect-uri-query-mismatch")
@pytest.mark.parametrize("registered", [REDIRECT_URI, f"{REDIRECT_URI}?bar=foo"])
@variants(*EVERY)
async def test_other_query_of_the_redirect_uri_gets_an_error_page(
    system: Stack, browser: Browser, variant: Variant, registered: str
) -> None:
    suite = await Suite.begin(system, browser, variant, redirect_uris=[registered])
    page = await suite.ask(redirect_uri=f"{REDIRECT_URI}?foo=bar")
    assert (page.name, page.status) == ("error", 400)


@pytest.mark.conformance("oidcc-registration-logo-uri", "oidcc-registration-policy-uri", "oidcc-registration-tos-uri")
@variants(*CODE)
async def test_sign_in_page_shows_logo_policy_and_terms_of_the_client(
    system: Stack, browser: Browser, variant: Variant
) -> None:
    shown = {
        "logo_uri": "https://suite.example/images/openid.png",
        "policy_uri": "https://suite.example/login.html",
        "tos_uri": "https://openid.net/",
    }
    suite = await Suite.begin(system, browser, variant, **shown)
    page = await suite.ask()
    assert page.name == "login"
    assert f'src="/logo/{suite.client_id}"' in page.text
    for name in ("policy_uri", "tos_uri"):
        assert f'href="{shown[name]}"' in page.text


@pytest.mark.conformance("oidcc-userinfo-rs256")
@variants(*CODE)
async def test_userinfo_is_signed_when_registered_regardless_of_accept(
    system: Stack, browser: Browser, variant: Variant
) -> None:
    suite = await Suite.begin(system, browser, variant, userinfo_signed_response_alg="RS256")
    tokens = await suite.redeem((await suite.authorize())["code"])
    async with httpx2.AsyncClient(timeout=20) as client:
        headers = {"Authorization": f"Bearer {tokens['access_token']}", "Accept": "application/json"}
        response = await client.get(f"{system.client_edge}/userinfo", headers=headers)
    assert media_type(response) == "application/jwt"
    header = jws.extract_compact(response.content).headers()
    keys: list[Any] = [key for key in await published_keys(system) if key["kid"] == header["kid"]]
    claims = jwt.decode(response.text, KeySet.import_key_set({"keys": keys}), algorithms=["RS256"]).claims
    assert claims["iss"] == system.issuer
    assert claims["aud"] == suite.client_id or suite.client_id in claims["aud"]
    assert claims["sub"]
    assert "nonce" not in claims


def assertion(suite: Suite, key: RSAKey, *, audience: str, **changes: Any) -> str:
    """A client assertion as the suite writes it: no kid, no typ, lifetime one minute, new jti."""
    import time  # noqa: PLC0415

    now = int(time.time())
    claims = {"iss": suite.client_id, "sub": suite.client_id, "aud": audience, "jti": random_string(20), "iat": now}
    return jwt.encode({"alg": "RS256"}, {**claims, "nbf": now, "exp": now + 60, **changes}, key)


@pytest.mark.conformance("oidcc-server", "oidcc-ensure-client-assertion-with-iss-aud-succeeds")
@pytest.mark.parametrize("audience", ["endpoint", "issuer"])
@variants(*CODE)
async def test_private_key_jwt_with_a_key_without_kid_is_accepted(
    system: Stack, browser: Browser, variant: Variant, audience: str
) -> None:
    key = RSAKey.generate_key(2048)
    public = {name: value for name, value in key.as_dict(private=False).items() if name != "kid"}
    jwks = {"keys": [{**public, "use": "sig", "alg": "RS256"}]}
    suite = await Suite.begin(system, browser, variant, token_endpoint_auth_method="private_key_jwt", jwks=jwks)
    answer = await suite.authorize()
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": REDIRECT_URI,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion(
            suite, key, audience=system.issuer if audience == "issuer" else f"{system.client_edge}/token"
        ),
    }
    async with httpx2.AsyncClient(timeout=20) as client:
        response = await client.post(f"{system.client_edge}/token", data=form)
    assert (response.status_code, response.json()["token_type"]) == (200, "Bearer")
