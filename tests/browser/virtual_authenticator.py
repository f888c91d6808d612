"""Chromium's virtual authenticator, over its DevTools protocol."""

from typing import Any

from playwright.async_api import CDPSession, Page


class VirtualAuthenticator:
    """A virtual platform authenticator."""

    def __init__(self, session: CDPSession, identifier: str) -> None:
        self._session, self._id = session, identifier

    @classmethod
    async def of(cls, page: Page, **changes: Any) -> "VirtualAuthenticator":
        session = await page.context.new_cdp_session(page)
        await session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
            **changes,
        }
        added = await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return cls(session, added["authenticatorId"])

    async def verifies(self, *, user: bool) -> None:
        await self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": user})

    async def answers(self, *, by_itself: bool) -> None:
        """Sets whether it confirms user presence at once."""
        await self._session.send(
            "WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self._id, "enabled": by_itself}
        )

    async def passkeys(self) -> list[dict[str, Any]]:
        got = await self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return list(got["credentials"])
