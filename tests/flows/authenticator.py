"""An authenticator app: what it reads from the page, and the codes that it shows."""

import re
import time
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pyotp

from tests.support.browser import Browser, Page


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
        """Of the step before the present one, the present one or the next, whichever has not been used."""
        present = int(time.time()) // 30
        step = next(step for step in (present - 1, present, present + 1) if step > max(self.used, default=0))
        self.used.add(step)
        return pyotp.HOTP(self.secret).at(step)


async def set_up(browser: Browser) -> Authenticator:
    """For somebody who has just signed in to their account."""
    page = await browser.open("/account/authenticator")
    assert page.name == "account-authenticator", page.name
    app = Authenticator.reading(page)
    assert (await browser.submit("totp-submit", totp_code=app.code())).name == "account-recovery-codes"
    return app
