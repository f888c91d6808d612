"""The command that `latchkey flow advise` prints registers a client, and this client works with the suggested flow."""

import json
import shlex
from collections.abc import Awaitable, Callable

import httpx2
import pytest

from libs.cli.flow_advice import Advice, every_advice
from libs.cli.flow_questions import FIRST
from tests.flows.databases import on_postgresql
from tests.flows.device import Device, allow
from tests.flows.relying_party import RelyingParty, Started, code_form, verified
from tests.flows.test_implicit import asked, fragment
from tests.support.browser import Browser, Page
from tests.support.latchkey import type_in
from tests.support.stack import Stack

pytestmark = on_postgresql

EVERY = [pytest.param(answers, advice, id="-".join(answers.values())) for answers, advice in every_advice(FIRST)]


async def json_of(system: Stack, line: str) -> dict[str, str]:
    """The JSON output of a command line."""
    answer: dict[str, str] = json.loads(await type_in(system, f"{line} --json"))
    return answer


async def authorize(browser: Browser, started: Started) -> Page:
    await browser.open(started.url)
    page = await browser.sign_in()
    assert page.name == "consent"
    return await browser.submit("consent-allow")


async def code(system: Stack, client: RelyingParty, browser: Browser) -> None:
    token = await client.sign_in(browser)
    assert (await client.userinfo(token["access_token"])).json()["given_name"] == "Alice"
    assert (await client.oauth.refresh_token(refresh_token=token["refresh_token"]))["access_token"]


async def code_in_a_page(system: Stack, client: RelyingParty, browser: Browser) -> None:
    started = client.start()
    form = code_form(await authorize(browser, started), started, client) | {"client_id": client.client_id}
    async with httpx2.AsyncClient() as script:
        headers = {"Origin": "https://app.example"}
        answer = await script.post(f"{system.client_edge}/token", data=form, headers=headers)
    assert answer.json()["access_token"]
    assert answer.headers["access-control-allow-origin"] == "*"


async def code_on_any_port(system: Stack, client: RelyingParty, browser: Browser) -> None:
    client.redirect_uri = client.oauth.redirect_uri = client.redirect_uri.replace("127.0.0.1", "127.0.0.1:54321")
    await code(system, client, browser)


async def machine(system: Stack, client: RelyingParty, browser: Browser) -> None:
    answer = await client.token_request(grant_type="client_credentials")
    assert answer.json()["scope"] == "orders:read"


async def device(system: Stack, client: RelyingParty, browser: Browser) -> None:
    async with Device(system, client_id=client.client_id, client_secret=None, redirect_uri="") as television:
        await television.ask()
        await allow(browser, television)
        assert (await television.collect())["id_token"]


async def implicit(system: Stack, client: RelyingParty, browser: Browser) -> None:
    started = asked(client, "id_token token")
    answer = fragment(await authorize(browser, started))
    claims = await verified(system, answer["id_token"], audience=client.client_id, alg="RS256", typ="JWT")
    assert claims["nonce"] == started.nonce
    assert (await client.userinfo(answer["access_token"])).status_code == 200


async def form_post(system: Stack, client: RelyingParty, browser: Browser) -> None:
    started = asked(client, "id_token", response_mode="form_post")
    form = (await authorize(browser, started)).form_with("form-post-submit")
    assert form.action == client.redirect_uri
    claims = await verified(system, form.fields["id_token"], audience=client.client_id, alg="RS256", typ="JWT")
    assert claims["email"] == "alice@example.com"


async def hybrid(system: Stack, client: RelyingParty, browser: Browser) -> None:
    started = client.start(response_mode="form_post")
    url = str(httpx2.URL(started.url).copy_set_param("response_type", "code id_token"))
    page = await authorize(browser, Started(url, started.state, started.nonce, started.verifier))
    fields = page.form_with("form-post-submit").fields
    assert (await verified(system, fields["id_token"], audience=client.client_id, alg="RS256", typ="JWT"))["c_hash"]
    bought = await client.token_request(
        grant_type="authorization_code",
        code=fields["code"],
        redirect_uri=client.redirect_uri,
        code_verifier=started.verifier,
    )
    assert bought.json()["refresh_token"]


async def password(system: Stack, client: RelyingParty, browser: Browser) -> None:
    answer = await client.token_request(
        grant_type="password", username="alice", password="alice-password", scope="openid"
    )
    assert answer.json()["id_token"]


USES: dict[str, Callable[[Stack, RelyingParty, Browser], Awaitable[None]]] = {
    "person-server-tokens": code,
    "person-server-login-yes": code,
    "person-server-login-no": form_post,
    "person-server-both": hybrid,
    "person-page-pkce": code_in_a_page,
    "person-page-implicit": implicit,
    "person-installed": code_on_any_port,
    "person-device": device,
    "person-old": password,
    "program": machine,
}


@pytest.mark.parametrize(
    ("command", "members"),
    [
        ("--grant-type implicit --response-type id_token --token-endpoint-auth-method none", {"id_token"}),
        (
            "--grant-type implicit --response-type 'id_token token' --token-endpoint-auth-method none",
            {"id_token", "access_token", "token_type", "expires_in"},
        ),
        (
            "--grant-type authorization_code --grant-type implicit --response-type 'code id_token'",
            {"id_token", "code"},
        ),
    ],
    ids=["id_token", "id_token token", "code id_token"],
)
async def test_suggested_authorization_url_of_a_new_client_works(
    system: Stack, browser: Browser, command: str, members: set[str]
) -> None:
    said = await type_in(system, f"latchkey client create --redirect-uri https://app.example/callback {command}")
    (address,) = [line.strip() for line in said.splitlines() if f"{system.issuer}/authorize?" in line]
    await browser.open(address)
    await browser.sign_in()
    answer = fragment(await browser.submit("consent-allow"))
    assert answer.keys() == members | {"iss", "session_state"}


@pytest.mark.parametrize(("answers", "advice"), EVERY)
async def test_suggested_command_registers_a_client_for_the_suggested_flow(
    system: Stack, browser: Browser, answers: dict[str, str], advice: Advice
) -> None:
    options = shlex.join([word for name, answer in answers.items() for word in (f"--{name}", answer)])
    answer = await json_of(system, f"latchkey flow advise {options}")
    assert answer["flow"] == advice.flow
    made = await json_of(system, answer["command"])
    assert ("client_secret" in made) != advice.public
    async with RelyingParty(
        system,
        client_id=made["client_id"],
        client_secret=made.get("client_secret"),
        redirect_uri=advice.redirect_uri,
    ) as client:
        await USES["-".join(answers.values())](system, client, browser)
