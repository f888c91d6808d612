"""Browser and operating system, from the User-Agent header. The header itself is not stored.

Users recognize their own sessions by it. It is used for nothing else, since a client can send any header.
"""

from typing import Final

from libs.languages.translation import translate

_BROWSERS: Final = (
    *(
        ("Edg/", "Edge"),
        ("EdgA/", "Edge"),
        ("EdgiOS/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
    ),
    *(("Vivaldi/", "Vivaldi"), ("FxiOS/", "Firefox"), ("Firefox/", "Firefox"), ("CriOS/", "Chrome")),
    *(("Chromium/", "Chromium"), ("Chrome/", "Chrome"), ("Safari/", "Safari")),
)
"""In the order of the search: Edge's header also contains Chrome, and Chrome's contains Safari."""
_SYSTEMS: Final = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows")),
    *(("Macintosh", "Mac"), ("Linux", "Linux")),
)
_MAX_LENGTH: Final = 400


def device_of(user_agent: str) -> str:
    """Returns `<browser>/<system>`, each empty if it is not known; empty if neither is known."""
    header = user_agent[:_MAX_LENGTH]
    browser = next((name for mark, name in _BROWSERS if mark in header), "")
    system = next((name for mark, name in _SYSTEMS if mark in header), "")
    return f"{browser}/{system}" if browser or system else ""


def device_in_words(device: str) -> str:
    """Returns the text for the list of sessions; empty if nothing is known."""
    browser, _, system = device.partition("/")
    if browser and system:
        return translate("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system
