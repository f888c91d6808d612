"""A browser without a screen: follows redirects, keeps cookies, presses buttons, and reads what the page says."""

import html
import re

import httpx2


class Browser:
    """Looks at one page at a time; `page` is its HTML."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = httpx2.AsyncClient(follow_redirects=True, trust_env=False)
        self.answer: httpx2.Response | None = None

    async def open(self, url: str) -> None:
        self.answer = await self.client.get(url)

    async def press(self, flow: str, button: str) -> None:
        self.answer = await self.client.post(f"{self.address}/flows/{flow}/{button}", headers={"Origin": self.address})
        assert self.answer.status_code == 200

    @property
    def page(self) -> str:
        assert self.answer
        return self.answer.text

    @property
    def text(self) -> str:
        """What a person reads."""
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", self.page)).split())

    @property
    def steps(self) -> list[str]:
        return re.findall(r'<li data-step="([^"]+)"', self.page)

    @property
    def error(self) -> str | None:
        found = re.search(r'data-error="([^"]+)"', self.page)
        return found and found[1]

    @property
    def signed_in_as(self) -> str | None:
        found = re.search(r'id="signed-in-as">([^<]+)<', self.page)
        return found and found[1]

    @property
    def can_press(self) -> set[str]:
        buttons = re.findall(r'<button id="run-([a-z-]+)"([^>]*)>', self.page)
        return {name for name, attributes in buttons if "disabled" not in attributes}
