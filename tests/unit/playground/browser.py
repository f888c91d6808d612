"""A browser without a screen: follows redirects, keeps cookies, presses buttons, and reads what the page says."""

import html
import re
from urllib.parse import parse_qsl

import httpx2


class Browser:
    """Looks at one page at a time; `page` is its HTML."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = httpx2.AsyncClient(follow_redirects=True, trust_env=False)
        self.answer: httpx2.Response | None = None

    async def open(self, url: str) -> None:
        self.answer = await self.client.get(url)

    async def answer_by_form(self) -> None:
        """Post the form that the page holds, as a page of another site whose referrer is kept back."""
        form = re.search(r'<form method="post" action="([^"]+)">', self.page)
        assert form, self.page
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', self.page))
        self.answer = await self.client.post(form[1], data=fields, headers={"Origin": "null"})

    async def answer_by_fragment(self) -> None:
        """What the script of the page does: post what stands behind the # of its address."""
        assert self.answer
        assert 'src="/assets/fragment.js"' in self.page
        fields = dict(parse_qsl(self.answer.url.fragment))
        url = self.answer.url.copy_with(fragment=None)
        self.answer = await self.client.post(url, data=fields, headers={"Origin": self.address})

    async def press(self, flow: str, button: str) -> None:
        self.answer = await self.client.post(f"{self.address}/flows/{flow}/{button}", headers={"Origin": self.address})
        assert self.answer.status_code == 200

    @property
    def page(self) -> str:
        assert self.answer
        return self.answer.text

    @property
    def text(self) -> str:
        """Visible text of the page."""
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
