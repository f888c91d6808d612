"""A test browser: it keeps cookies, follows no redirects by itself, and parses forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import urlencode

from aiohttp import ClientSession, DummyCookieJar
from multidict import CIMultiDictProxy
from yarl import URL


@dataclass(frozen=True)
class Page:
    status: int
    headers: CIMultiDictProxy[str]
    cookies: dict[str, Morsel[str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def location(self) -> str:
        return self.headers["Location"]

    @property
    def html(self) -> "Html":
        return Html.of(self.text)

    @property
    def policy(self) -> dict[str, str]:
        """The Content-Security-Policy as directive -> sources."""
        directives = self.headers["Content-Security-Policy"].split("; ")
        return {name: value for name, _, value in (directive.partition(" ") for directive in directives)}


@dataclass
class Html(HTMLParser):
    """Every element with its attributes, in order, and the text."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def of(cls, text: str) -> "Html":
        html = cls()
        html.feed(text)
        html.close()
        return html

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def one(self, tag: str) -> dict[str, str]:
        (attributes,) = self.all(tag)
        return attributes

    @property
    def links(self) -> list[dict[str, str]]:
        """The links of the page, without those that change the language."""
        return [link for link in self.all("a") if "hreflang" not in link and link.get("id") != "password-forgotten"]

    @property
    def link(self) -> dict[str, str]:
        (link,) = self.links
        return link

    def by_id(self, identifier: str) -> dict[str, str]:
        (attributes,) = [attributes for _, attributes in self.elements if attributes.get("id") == identifier]
        return attributes

    def has_id(self, identifier: str) -> bool:
        return any(attributes.get("id") == identifier for _, attributes in self.elements)

    @property
    def hidden(self) -> dict[str, str]:
        return {field["name"]: field["value"] for field in self.all("input") if field["type"] == "hidden"}

    def _hidden_beside(self, button: str) -> dict[str, str]:
        """The hidden fields of the form with this button."""
        form: list[dict[str, str]] = []
        for tag, attributes in self.elements:
            if tag == "form":
                form = []
            if tag == "input" and attributes["type"] == "hidden":
                form.append(attributes)
            if attributes.get("id") == button:
                break
        return {field["name"]: field["value"] for field in form}

    def press(self, button: str, **typed: str) -> dict[str, str]:
        """The fields that the form posts when the button is pressed."""
        pressed = self.by_id(button)
        return self._hidden_beside(button) | typed | ({pressed["name"]: pressed["value"]} if "name" in pressed else {})


class Browser:
    def __init__(self, http: ClientSession, base: str) -> None:
        self._http, self._base = http, base
        self.cookies: dict[str, str] = {}

    async def get(self, path: str, **headers: str) -> Page:
        return await self.request("GET", path, headers=headers)

    async def post(self, path: str, form: Any = (), **headers: str) -> Page:
        """Posts a form; `headers` are keywords with _ for -."""
        media_type = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.request("POST", path, headers=media_type | headers, body=urlencode(form).encode())

    async def request(self, method: str, path: str, *, headers: dict[str, str] | None = None, body: Any = None) -> Page:
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self.cookies:
            named["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        url = URL(self._base + path, encoded=True)
        async with self._http.request(method, url, headers=named, data=body, allow_redirects=False) as response:
            cookies = SimpleCookie()
            for line in response.headers.getall("Set-Cookie", []):
                cookies.load(line)
            self._keep(cookies)
            return Page(response.status, response.headers, dict(cookies), await response.read())

    def _keep(self, cookies: SimpleCookie) -> None:
        for name, morsel in cookies.items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value


def session() -> ClientSession:
    return ClientSession(cookie_jar=DummyCookieJar())
