import pytest

from libs.oauth.registration import RegistrationPolicy
from libs.oauth.scopes import STANDARD_SCOPES
from libs.servicekit.base.settings import ConfigurationError, load
from services.token.config import TokenSettings


@pytest.mark.s(57)
def test_clients_cannot_register_themselves_unless_the_operator_says_so(environment: pytest.MonkeyPatch) -> None:
    settings = load(TokenSettings)
    assert settings.registration == "closed"
    assert settings.registration_policy == RegistrationPolicy(scopes=STANDARD_SCOPES, front_channel=True)
    assert (settings.registration_quota.per_address, settings.registration_quota.alive) == (20, 10_000)


def test_settings_limit_scopes_and_response_types_of_dynamic_registration(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LATCHKEY_REGISTRATION_SCOPES", "  notes:read   openid ")
    environment.setenv("LATCHKEY_REGISTRATION_RESOURCES", "https://a.example/mcp, urn:b")
    environment.setenv("LATCHKEY_REGISTRATION_FRONT_CHANNEL", "false")
    policy = load(TokenSettings).registration_policy
    resources = ("https://a.example/mcp", "urn:b")
    assert policy == RegistrationPolicy(
        scopes=(*STANDARD_SCOPES, "notes:read"), resources=resources, front_channel=False
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REGISTRATION", "yes"),
        ("REGISTRATION_SCOPES", 'no"quotes'),
        ("REGISTRATION_RESOURCES", "https://a.example/#b"),
        ("REGISTRATION_SECONDS", "86400"),
        ("REGISTRATIONS_ALIVE", "0"),
        ("REGISTRATIONS_PER_ADDRESS", "0"),
        ("REGISTRATIONS_PER_HOUR", "-1"),
        ("REFRESH_IDLE_SECONDS", "99999999"),
    ],
)
def test_what_cannot_be_meant_is_named(environment: pytest.MonkeyPatch, variable: str, value: str) -> None:
    environment.setenv(f"LATCHKEY_{variable}", value)
    with pytest.raises(ConfigurationError) as refusal:
        load(TokenSettings)
    assert f"LATCHKEY_{variable}" in str(refusal.value)
