"""An authenticator app (TOTP), set up from the page of the account."""

import re
import time
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pyotp

from tests.support.browser import Browser, Page

STEP_SECONDS = 30


@dataclass
class Authenticator:
    """Generates each code once: after the current one it generates the next, which the server accepts as well."""

    secret: str
    used: set[int] = field(default_factory=set)

    @classmethod
    def reading(cls, page: Page) -> "Authenticator":
        link = re.search(r'id="totp-uri" href="([^"]+)"', page.text)
        assert link, page.text
        query = parse_qs(urlsplit(unescape(link.group(1))).query)
        return cls(query["secret"][0])

    def code(self) -> str:
        """The code of an unused time step that stays valid for at least 15 seconds.

        The preceding time step is valid until the current one ends. Waits for the next step when all are used.
        """
        while True:
            now = time.time()
            present = int(now) // STEP_SECONDS
            first = present - 1 if now % STEP_SECONDS < STEP_SECONDS / 2 else present
            unused = [step for step in range(first, present + 2) if step > max(self.used, default=0)]
            if unused:
                self.used.add(unused[0])
                return pyotp.HOTP(self.secret).at(unused[0])
            time.sleep(0.2)


async def set_up(browser: Browser) -> Authenticator:
    """Sets up an authenticator app for the user who has just signed in to the account."""
    page = await browser.open("/account/authenticator")
    assert page.name == "account-authenticator", page.name
    app = Authenticator.reading(page)
    assert (await browser.submit("totp-submit", totp_code=app.code())).name == "account-recovery-codes"
    return app
