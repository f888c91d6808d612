"""Our own style sheet, mark and script, each under a path that names its content: browsers keep them for ever."""

import hashlib
from pathlib import Path

from aiohttp import web

from services.authorize_frontend.site import Site

_FOLDER = Path(__file__).parent.parent / "pages" / "assets"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Assets:
    """The files in pages/assets, read once at start."""

    def __init__(self, site: Site) -> None:
        self._content: dict[str, tuple[bytes, str]] = {}
        self._urls: dict[str, str] = {}
        for file in sorted(_FOLDER.iterdir()):
            content = file.read_bytes()
            path = f"/assets/{file.stem}.{hashlib.sha256(content).hexdigest()[:16]}{file.suffix}"
            self._urls[file.name] = site.path(path)
            self._content[site.path(path)] = (content, _TYPES[file.suffix])

    def url(self, name: str) -> str:
        """Where pages find a file, for example "latchkey.css"."""
        return self._urls[name]

    def routes(self) -> list[web.RouteDef]:
        return [web.get(path, self._serve) for path in self._content]

    async def _serve(self, request: web.Request) -> web.Response:
        content, content_type = self._content[request.path]
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return web.Response(body=content, content_type=content_type, charset="utf-8", headers=headers)
