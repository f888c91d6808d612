"""Renders templates with autoescape, each page with its own Content-Security-Policy."""

from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from libs.languages.translation import add_translation, current
from services.authorize_frontend.brand import Brand
from services.authorize_frontend.capabilities import Capabilities
from services.authorize_frontend.http.shared.assets import Assets
from services.authorize_frontend.http.shared.attribute_labels import labels_of
from services.authorize_frontend.http.shared.page_context import language_links
from services.authorize_frontend.http.shared.policy import CSP, content_security_policy
from services.authorize_frontend.site import Site

_FOLDER = Path(__file__).parents[2] / "pages"


class Pages:
    """A value that a template uses and the caller does not pass is an error (StrictUndefined)."""

    def __init__(self, site: Site, assets: Assets, brand: Brand, capabilities: Capabilities) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        add_translation(self._templates)
        self._templates.globals.update(
            attributes_of=partial(labels_of, site.attributes),
            brand=site.brand,
            branding=brand,
            path=site.path,
            asset=assets.url,
            language_links=language_links,
            capabilities=capabilities,
        )

    def page(
        self,
        name: str,
        *,
        status: int = 200,
        form_action: tuple[str, ...] = (),
        frames: tuple[str, ...] = (),
        script_nonce: str | None = None,
        scripts: bool = False,
        **values: Any,
    ) -> web.Response:
        """Returns a page in the current language; the arguments before `values` set its Content-Security-Policy."""
        text = self._templates.get_template(f"{name}.html").render(script_nonce=script_nonce, **values)
        policy = content_security_policy(
            form_action=form_action, frames=frames, script_nonce=script_nonce, scripts=scripts
        )
        headers = {CSP: policy, "Content-Language": current().tag}
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=headers)
