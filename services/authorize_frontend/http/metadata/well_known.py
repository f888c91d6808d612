"""Addresses that browsers and password managers know by themselves."""

from aiohttp import web

from services.authorize_frontend.http.metadata.documents import well_known_paths
from services.authorize_frontend.http.shared.assets import Assets
from services.authorize_frontend.http.shared.edge import see_other
from services.authorize_frontend.site import Site

_DAY_SECONDS = 24 * 3600


class WellKnown:
    def __init__(self, site: Site, assets: Assets) -> None:
        self._site = site
        self._assets = assets

    def routes(self) -> list[web.RouteDef]:
        icons = sorted({"/favicon.ico", self._site.path("/favicon.ico")})
        passwords = well_known_paths(self._site, "change-password")
        return [
            *(web.get(path, self.icon) for path in icons),
            *(web.get(path, self.change_password) for path in passwords),
        ]

    async def icon(self, _request: web.Request) -> web.Response:
        """The icon of the pages: browsers ask for it where no page names one, for example beside JSON."""
        content, content_type = self._assets.icon
        headers = {"Cache-Control": f"public, max-age={_DAY_SECONDS}"}
        charset = None if content_type == "image/png" else "utf-8"
        return web.Response(body=content, content_type=content_type, charset=charset, headers=headers)

    async def change_password(self, _request: web.Request) -> web.Response:
        """Redirects password managers to the page (W3C, A Well-Known URL for Changing Passwords)."""
        return see_other(self._site.path("/account/password"))
