"""An authenticator app: what it reads from the page, and the codes that it shows."""

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
    """Never shows a code twice: where the present one has been used, it gives the next, which is good as well."""

    secret: str
    used: set[int] = field(default_factory=set)

    @classmethod
    def reading(cls, page: Page) -> "Authenticator":
        link = re.search(r'id="totp-uri" href="([^"]+)"', page.text)
        assert link, page.text
        query = parse_qs(urlsplit(unescape(link.group(1))).query)
        return cls(query["secret"][0])

    def code(self) -> str:
        """Of a step that has not been used and stays good for a quarter of a minute at least.

        The step before the present one is good until the present one ends. Who has shown all that are good now waits
        for the next, as users do.
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
    """For somebody who has just signed in to their account."""
    page = await browser.open("/account/authenticator")
    assert page.name == "account-authenticator", page.name
    app = Authenticator.reading(page)
    assert (await browser.submit("totp-submit", totp_code=app.code())).name == "account-recovery-codes"
    return app
