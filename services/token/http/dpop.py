"""The DPoP header of a request (RFC 9449 4.1)."""

from aiohttp import web

from libs.crypto.dpop import ALGORITHMS
from libs.oauth.dpop import SCHEME
from services.token.domain.tokens.dpop import DpopHeader

DPOP_CHALLENGE = f'{SCHEME} algs="{" ".join(ALGORITHMS)}"'


def dpop_header(request: web.Request, url: str) -> DpopHeader:
    """Return the DPoP headers of the request. `url`: public URL of the endpoint, from the configuration."""
    return DpopHeader(method=request.method, url=url, proofs=tuple(request.headers.getall("DPoP", [])))
