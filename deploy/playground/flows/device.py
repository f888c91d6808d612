"""Device authorization: for a television, a terminal, anything without a browser of its own (RFC 8628)."""

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
_MOST_SHOWN = 8
"""Polls that the page shows; who waits for ten minutes makes a hundred."""
_SLOWER_BY = timedelta(seconds=5)


async def ask(visit: Visit) -> None:
    """Get a code, show it, and begin to wait."""
    run = visit.start("Ask for a code")
    party = RelyingParty(visit.playground.issuer, visit.playground.device)
    await discover(run, party)
    codes = await _codes(run, party)
    step = _begin_to_poll(run)
    poll = _Poll(visit.session, party, run, step, codes, interval=timedelta(seconds=codes.get("interval", 5)))
    visit.session.waiting[visit.flow] = Waiting(due=visit.now + poll.interval, again=poll)


async def _codes(run: Run, party: RelyingParty) -> dict[str, Any]:
    with run.step(
        "device-authorization",
        "Ask for a pair of codes",
        "The device keeps the long one to itself and shows the short one. Whoever has a browser, on whatever device, "
        "types it there and says yes or no. Try it: open the page in another browser, or on your phone.",
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
        "Ask again and again whether somebody said yes",
        "Not more often than the server said: whoever is too fast is told to `slow_down`. This page asks when it is "
        "loaded, and loads itself again as long as nobody has decided.",
        rfc(8628, "3.4"),
        rfc(8628, "3.5"),
    ) as step:
        return step


@dataclass
class _Poll:
    """What the device does until somebody has decided."""

    session: Session
    party: RelyingParty
    run: Run
    step: Step
    codes: Mapping[str, Any]
    interval: timedelta

    async def __call__(self, now: datetime) -> datetime | None:
        """One poll; when the next one is due, or None when it is over."""
        response = await self._ask()
        if response is None:
            return now + self.interval
        await id_token.fetch_keys(self.run, self.party)
        claims = await id_token.verify(self.run, self.party, response, nonce=None)
        person = SignedIn(self.party.application, self.party, response, claims)
        self.session.people[self.party.client_id] = person
        await ask_who_it_is(self.run, person)
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
                del self.step.exchanges[:-_MOST_SHOWN]
            self.step.tokens += [tokens.access_token(response), *tokens.refresh_token(response)]
            return response

    def _require_patience(self, error: OAuthError) -> None:
        """Raises the error, unless it says to ask again later."""
        if error.error == "expired_token":
            raise RefusedError("expired_device_code", "nobody decided while the code lived")
        if error.error == "slow_down":
            self.interval += _SLOWER_BY
        elif error.error != "authorization_pending":
            raise error


FLOW = Flow(
    name="device",
    title="Device authorization",
    summary="A device shows a short code; the person types it in a browser elsewhere, signs in there and says yes.",
    suits="Televisions, consoles, command lines: whatever has no browser, or no keyboard to speak of.",
    not_for="applications that can open a browser: a code that is typed can be talked out of people.",
    buttons=(Button("device", "Ask for a code", ask, primary=True),),
)
