"""Device authorization: for televisions, terminals and other devices without a browser (RFC 8628)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.integrations.base_client.errors import OAuthError

from deploy.playground import tokens
from deploy.playground.flows import id_token
from deploy.playground.flows.discovery import discover
from deploy.playground.flows.flow import Button, Flow, Visit
from deploy.playground.flows.userinfo import ask_who_it_is
from deploy.playground.problems import RefusedError
from deploy.playground.references import rfc
from deploy.playground.relying_party import RelyingParty
from deploy.playground.sessions import Session, SignedIn, Waiting
from deploy.playground.transcript import Code, Run, Step

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SCOPE = "openid profile email offline_access"
_MAX_POLLS_SHOWN = 8
"""Polls shown on the page; a device polls about 100 times in ten minutes."""
_SLOWER_BY = timedelta(seconds=5)


async def ask(visit: Visit) -> None:
    """Request a user code, show it and start polling."""
    run = visit.start("Get a code")
    party = RelyingParty(visit.playground.issuer, visit.playground.device)
    await discover(run, party)
    codes = await _codes(run, party)
    step = _begin_to_poll(run)
    poll = _Poll(visit.session, party, run, step, codes, interval=timedelta(seconds=codes.get("interval", 5)))
    visit.session.waiting[visit.flow] = Waiting(due=visit.now + poll.interval, again=poll)


async def _codes(run: Run, party: RelyingParty) -> dict[str, Any]:
    with run.step(
        "device-authorization",
        "Request a device code and a user code",
        "The device keeps the device code and shows the user code. The user enters the user code in a browser on any "
        "device and allows or denies the request. Try it: open the page in another browser or on your phone.",
        rfc(8628, "3.1"),
        rfc(8628, "3.2"),
    ) as step:
        codes = await party.ask_for_device_code(_SCOPE)
        step.code = Code(
            str(codes["user_code"]), str(codes["verification_uri"]), str(codes.get("verification_uri_complete", ""))
        )
        return codes


def _begin_to_poll(run: Run) -> Step:
    with run.step(
        "poll",
        "Poll until the user decides",
        "The server names the shortest interval and returns `slow_down` to a client that polls faster. This page polls "
        "when it loads, and reloads until the user has decided.",
        rfc(8628, "3.4"),
        rfc(8628, "3.5"),
    ) as step:
        return step


@dataclass
class _Poll:
    """Polls the token endpoint until the user has decided."""

    session: Session
    party: RelyingParty
    run: Run
    step: Step
    codes: Mapping[str, Any]
    interval: timedelta

    async def __call__(self, now: datetime) -> datetime | None:
        """Poll once. Returns the time of the next poll, or None when polling is over."""
        response = await self._ask()
        if response is None:
            return now + self.interval
        await id_token.fetch_keys(self.run, self.party)
        claims = await id_token.verify(self.run, self.party, response, nonce=None)
        user = SignedIn(self.party.application, self.party, response, claims)
        self.session.users[self.party.client_id] = user
        await ask_who_it_is(self.run, user)
        return None

    async def _ask(self) -> dict[str, Any] | None:
        with self.run.again(self.step):
            try:
                response: dict[str, Any] = await self.party.fetch_access_token(
                    grant_type=_GRANT, device_code=self.codes["device_code"]
                )
            except OAuthError as error:
                self._require_patience(error)
                return None
            finally:
                del self.step.exchanges[:-_MAX_POLLS_SHOWN]
            self.step.tokens += [tokens.access_token(response), *tokens.refresh_token(response)]
            return response

    def _require_patience(self, error: OAuthError) -> None:
        """Raise the error unless it asks the device to poll again later."""
        if error.error == "expired_token":
            raise RefusedError("expired_device_code", "the user made no decision before the code expired")
        if error.error == "slow_down":
            self.interval += _SLOWER_BY
        elif error.error != "authorization_pending":
            raise error


FLOW = Flow(
    name="device",
    title="Device authorization",
    summary="A device shows a short code; the user enters it in a browser elsewhere, signs in and allows the device.",
    suits="Televisions, consoles and command lines: devices without a browser or a usable keyboard.",
    not_for="applications that can open a browser: an attacker can trick a user into entering the attacker's code.",
    buttons=(Button("device", "Get a code", ask, primary=True),),
)
