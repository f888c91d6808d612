"""Style sheets, logo and scripts. Each path contains a hash of the content, so browsers cache them without limit."""

import hashlib
from pathlib import Path

from aiohttp import web

from services.authorize_frontend.brand import Brand
from services.authorize_frontend.site import Site

_FOLDER = Path(__file__).parents[2] / "pages" / "assets"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}
BRAND_SHEET = "brand.css"
LOGO = "logo"
_DEFAULT_LOGO = "latchkey.svg"


class Assets:
    """The files in pages/assets and what the operator added to them, read once at start."""

    def __init__(self, site: Site, brand: Brand) -> None:
        self._content: dict[str, tuple[bytes, str]] = {}
        self._urls: dict[str, str] = {}
        for file in sorted(_FOLDER.iterdir()):
            self._keep(site, file, file.read_bytes())
        if brand.sheet:
            self._keep(site, Path(BRAND_SHEET), brand.sheet.encode())
        if brand.logo:
            self._urls[LOGO] = self._keep(site, Path(f"logo{brand.logo_suffix}"), brand.logo)

    def _keep(self, site: Site, file: Path, content: bytes) -> str:
        url = site.path(f"/assets/{file.stem}.{hashlib.sha256(content).hexdigest()[:16]}{file.suffix}")
        self._urls[file.name] = url
        self._content[url] = (content, _TYPES[file.suffix])
        return url

    def url(self, name: str) -> str:
        """Returns the path of a file, for example "latchkey.css"; empty for a brand file that is not configured."""
        return self._urls.get(name, "") if name in {BRAND_SHEET, LOGO} else self._urls[name]

    @property
    def icon(self) -> tuple[bytes, str]:
        """Content and media type of the operator's logo, or of the default one."""
        return self._content[self.url(LOGO) or self.url(_DEFAULT_LOGO)]

    def routes(self) -> list[web.RouteDef]:
        return [web.get(path, self._serve) for path in self._content]

    async def _serve(self, request: web.Request) -> web.Response:
        content, content_type = self._content[request.path]
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        charset = None if content_type == "image/png" else "utf-8"
        return web.Response(body=content, content_type=content_type, charset=charset, headers=headers)
