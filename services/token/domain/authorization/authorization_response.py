"""The result of an authorization request: a response to the client, or an interaction with the end-user."""

from dataclasses import dataclass, field

from libs.oauth.errors import OAuthError
from libs.oauth.response_types import ResponseMode
from services.token.domain.authorization.interaction import Step


@dataclass(frozen=True)
class SendBack:
    """An authorization response, on its way to a redirect URI of the client."""

    redirect_uri: str
    mode: ResponseMode
    parameters: tuple[tuple[str, str], ...] = field(repr=False)
    session_state_client_id: str = ""
    """The client, when the browser edge has to add `session_state` (OpenID Connect Session Management 1.0, 2)."""


@dataclass(frozen=True)
class AskUser:
    """An interaction with the end-user; the request is stored under this id. Without a step: resume by GET."""

    request_id: str = field(repr=False)
    step: Step | None


Next = SendBack | AskUser


@dataclass(frozen=True)
class ReplyAddress:
    """Where and how any answer to a request goes, known before the request is judged."""

    redirect_uri: str
    mode: ResponseMode
    state: str | None
    issuer: str
    session_state_client_id: str = ""

    def success(self, **parameters: str) -> SendBack:
        """Always with `iss` (RFC 9207 2), and `state` exactly as it came."""
        return self._send(parameters)

    def refusal(self, error: OAuthError) -> SendBack:
        """RFC 6749 4.1.2.1."""
        return self._send({"error": error.error, "error_description": error.description})

    def _send(self, parameters: dict[str, str]) -> SendBack:
        if self.state is not None:
            parameters["state"] = self.state
        return SendBack(
            self.redirect_uri, self.mode, (*parameters.items(), ("iss", self.issuer)), self.session_state_client_id
        )
