"""Browser and system from the User-Agent header."""

import pytest

from libs.languages.language import LANGUAGES
from libs.languages.translation import use_language
from services.authorize_frontend.http.shared.browsers import device_in_words, device_of

MOZILLA = "Mozilla/5.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (f"{MOZILLA} (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox/Linux"),
        (
            f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
            "Edge/Windows",
        ),
        (f"{MOZILLA} (Linux; Android 10; K) {WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome/Android"),
        (
            f"{MOZILLA} (iPhone; CPU iPhone OS 17_5 like Mac OS X) {WEBKIT} Version/17.5 Mobile Safari/604.1",
            "Safari/iPhone",
        ),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/17 Safari/605.1.15", "Safari/Mac"),
        ("curl/8.0", ""),
        ("", ""),
        ("<script>alert(1)</script> Firefox/1", "Firefox/"),
        ("x" * 10_000 + "Firefox/1", ""),
    ],
)
def test_device_of_returns_known_browser_and_system_only(user_agent, device):
    assert device_of(user_agent) == device


def test_device_in_words_uses_the_current_language():
    with use_language(LANGUAGES[1]):
        assert device_in_words("Firefox/Linux") == "Firefox auf Linux"
    assert [device_in_words(device) for device in ("Firefox/", "/Linux", "/", "")] == ["Firefox", "Linux", "", ""]
