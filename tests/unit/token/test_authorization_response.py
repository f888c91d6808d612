import pytest

from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason
from libs.oauth.response_types import ResponseMode
from services.token.domain.authorization.authorization_response import AskUser, ReplyAddress, SendBack
from services.token.domain.authorization.interaction import Step
from tests.unit.token.parts import ISSUER, REDIRECT_URI


def _address(state: str | None = "a state") -> ReplyAddress:
    return ReplyAddress(redirect_uri=REDIRECT_URI, mode=ResponseMode.FRAGMENT, state=state, issuer=ISSUER)


@pytest.mark.s(15, 16)
def test_success_and_refusal_both_say_who_answers() -> None:
    """RFC 9207 2, and 2.3 for errors."""
    assert _address().success(code="the code") == SendBack(
        REDIRECT_URI, ResponseMode.FRAGMENT, (("code", "the code"), ("state", "a state"), ("iss", ISSUER))
    )
    assert _address().refusal(AccessDenied(reason=Reason.PERSON_DENIED)) == SendBack(
        REDIRECT_URI,
        ResponseMode.FRAGMENT,
        (
            ("error", "access_denied"),
            ("error_description", "The end-user or the authorization server denied the request."),
            ("state", "a state"),
            ("iss", ISSUER),
        ),
    )


@pytest.mark.s(16)
def test_no_state_is_answered_with_no_state() -> None:
    assert "state" not in dict(_address(None).success(code="c").parameters)
    assert "state" not in dict(_address(None).refusal(AccessDenied()).parameters)


@pytest.mark.s(16)
@pytest.mark.parametrize("state", ["-._~", " a\tb ", "ä→🗝", "%25+&=#<>\"'\\", "x" * 2_048])
def test_state_goes_back_as_it_came(state: str) -> None:
    assert dict(_address(state).success(code="c").parameters)["state"] == state
    assert dict(_address(state).refusal(AccessDenied()).parameters)["state"] == state


@pytest.mark.s(60)
def test_codes_states_and_request_ids_do_not_print() -> None:
    assert "canary" not in repr(_address("canary").success(code="canary"))
    assert "canary" not in repr(AskUser("canary", Step.CONSENT))
