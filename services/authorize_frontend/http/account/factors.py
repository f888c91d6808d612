"""Second factors on the account page: the list, and the form that removes one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import (
    FACTOR_KIND_PASSKEY,
    FACTOR_KIND_TOTP,
    ListFactorsResponse,
    RemoveFactorRequest,
)
from libs.languages.moments import moment_in_words
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, single_value
from services.authorize_frontend.http.shared.return_target import ACCOUNT

_PURPOSE = "account-factors"
_KINDS = {FACTOR_KIND_TOTP: "totp", FACTOR_KIND_PASSKEY: "passkey"}


@dataclass(frozen=True, kw_only=True)
class AccountFactors:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        return [web.post(self.edge.site.path("/account/factors"), self.remove)]

    async def remove(self, request: web.Request) -> web.Response:
        """Removes a factor. Authentication requires a recent sign-in."""
        form = await of_form(request)
        factor_id = single_value(form, "factor")
        request[RETRY] = self.edge.site.path(ACCOUNT)
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject=factor_id)
        await self.edge.backends.factors.RemoveFactor(
            RemoveFactorRequest(session_secret=self.edge.cookies.session(request) or "", factor_id=factor_id)
        )
        return see_other(self.edge.site.path(ACCOUNT, note="factor-removed"))


def factors_on_page(edge: Edge, request: web.Request, own: ListFactorsResponse, browser_secret: str) -> dict[str, Any]:
    """Returns the values of the account page."""

    def csrf(factor_id: str) -> str:
        return edge.form_token(request, purpose=_PURPOSE, subject=factor_id, browser_secret=browser_secret)

    return {"factors": [_on_page(each, csrf) for each in own.factors], "codes_left": own.recovery_codes_left}


def _on_page(factor: Any, csrf: Callable[[str], str]) -> dict[str, Any]:
    return {
        "id": factor.factor_id,
        "kind": _KINDS.get(factor.kind, ""),
        "name": factor.name,
        "since": moment_in_words(factor.created_at.ToDatetime(tzinfo=UTC)),
        "used": moment_in_words(factor.last_used_at.ToDatetime(tzinfo=UTC)) if factor.HasField("last_used_at") else "",
        "csrf": csrf(factor.factor_id),
    }
