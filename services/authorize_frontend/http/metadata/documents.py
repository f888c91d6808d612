"""Public JSON documents: cacheable, revalidated by ETag, and readable by scripts of any origin (CORS)."""

import hashlib
from datetime import timedelta

from aiohttp import web
from aiohttp.helpers import ETag
from aiohttp.typedefs import Handler

from services.authorize_frontend.site import Site

_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
MAX_AGE = timedelta(minutes=5)


def document(request: web.Request, body: bytes, *, max_age: timedelta = MAX_AGE) -> web.Response:
    """Returns 200 with the document, or 304 if the client has the current version (RFC 9110 13.1.2)."""
    tag = hashlib.sha256(body).hexdigest()[:32]
    headers = {**_ANY_ORIGIN, "Cache-Control": f"public, max-age={int(max_age.total_seconds())}"}
    known = any(candidate.value in {tag, "*"} for candidate in request.if_none_match or ())
    response = (
        web.Response(status=304, headers=headers)
        if known
        else web.Response(body=body, content_type="application/json", headers=headers)
    )
    response.etag = ETag(tag)
    return response


async def preflight(_request: web.Request) -> web.Response:
    """Allows any request header (Fetch, CORS-preflight request)."""
    permissions = {"Access-Control-Allow-Methods": "GET, HEAD", "Access-Control-Allow-Headers": "*"}
    return web.Response(status=204, headers={**_ANY_ORIGIN, **permissions, "Access-Control-Max-Age": "86400"})


def well_known_paths(site: Site, name: str, *, at_root: bool = True) -> list[str]:
    """Returns the paths of a well-known resource (RFC 8615) under the issuer's path.

    Also with a second slash, which programs write that append the path to an issuer with a trailing slash.

    Args:
        at_root: whether it is also at the root of the origin.
    """
    paths = {site.path(f"/.well-known/{name}"), *([f"/.well-known/{name}"] if at_root else [])}
    return sorted(paths | {path.replace("/.well-known/", "//.well-known/") for path in paths})


def routes(path: str, handler: Handler) -> list[web.RouteDef]:
    return [web.get(path, handler), web.options(path, preflight)]
