"""A browser without JavaScript: keeps cookies, follows redirects of the issuer, and fills in forms by element ids."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Self
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2

MAX_REDIRECTS = 10


@dataclass
class Form:
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Button id -> what it sends."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Input id -> its name."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.main: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "main":
            self.main = values
        elif tag == "form":
            self.forms.append(Form(values.get("action", ""), values.get("method", "get").lower()))
        elif tag in {"input", "button"} and self.forms:
            form = self.forms[-1]
            if tag == "button":
                form.buttons[values.get("id", "")] = (values.get("name", ""), values.get("value", ""))
            elif "name" in values:
                form.fields[values["name"]] = values.get("value", "")
                form.inputs[values.get("id", "")] = values["name"]


@dataclass(frozen=True)
class Page:
    """The current page: a page of the issuer, or the URL of another origin, which the browser does not load."""

    url: str
    status: int
    headers: httpx2.Headers
    text: str

    @property
    def left(self) -> bool:
        """Whether the browser was redirected to another origin."""
        return self.status == 0

    @property
    def parameters(self) -> dict[str, str]:
        """Parameters in the query or the fragment of the URL."""
        parts = urlsplit(self.url)
        return dict(parse_qsl(parts.query or parts.fragment, keep_blank_values=True))

    @property
    def name(self) -> str:
        """data-page of <main>."""
        return self._read().main.get("data-page", "")

    @property
    def error(self) -> str:
        """data-error of <main>."""
        return self._read().main.get("data-error", "")

    def form_with(self, button_id: str) -> Form:
        for form in self._read().forms:
            if button_id in form.buttons:
                return form
        raise AssertionError(f"no button {button_id} on {self.url} ({self.name} {self.error}):\n{self.text[:2000]}")

    def _read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.text)
        return reader


class Browser:
    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self.client = httpx2.AsyncClient(base_url=issuer, timeout=20, follow_redirects=False)
        self.page = Page("", 0, httpx2.Headers(), "")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def open(self, url: str) -> Page:
        """Loads a URL and follows redirects to a page, or to another origin."""
        return await self._arrive(await self.client.get(url))

    async def post(self, url: str, data: dict[str, Any], **options: Any) -> Page:
        return await self._arrive(await self.client.post(url, data=data, **options))

    async def submit(self, button_id: str, **typed: str) -> Page:
        """Submits the form of a button; `typed` maps ids of inputs (with _ for -) to values."""
        form = self.page.form_with(button_id)
        fields = dict(form.fields)
        for input_id, value in typed.items():
            fields[form.inputs[input_id.replace("_", "-")]] = value
        name, value = form.buttons[button_id]
        if name:
            fields[name] = value
        target = urljoin(self.page.url, form.action) if form.action else self.page.url
        headers = {"Origin": self._issuer, "Sec-Fetch-Site": "same-origin"}
        return await self._arrive(await self.client.request(form.method.upper(), target, data=fields, headers=headers))

    async def sign_in(self, username: str = "alice", password: str = "alice-password") -> Page:
        """Fills in and submits the current sign-in page."""
        return await self.submit("login-submit", username=username, password=password)

    async def _arrive(self, response: httpx2.Response) -> Page:
        for _ in range(MAX_REDIRECTS):
            if response.status_code not in {301, 302, 303, 307, 308}:
                self.page = Page(str(response.url), response.status_code, response.headers, response.text)
                return self.page
            target = urljoin(str(response.url), response.headers["location"])
            if not target.startswith(self._issuer + "/"):
                self.page = Page(target, 0, response.headers, "")
                return self.page
            response = await self.client.get(target)
        raise AssertionError(f"more than {MAX_REDIRECTS} redirects, the last to {response.headers.get('location')}")
