"""A device in two words, from what its browser says of itself; the header itself goes nowhere.

For people to recognize their own devices by, and for nothing else: anybody can say anything in it. What is not known is
left out. Browsers that call themselves by several names are named by the one that the others do not have.
"""

from typing import Final

from libs.languages.speaking import say

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
"""In the order of asking: Edge says that it is Chrome, and Chrome that it is Safari."""
_SYSTEMS: Final = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows")),
    *(("Macintosh", "Mac"), ("Linux", "Linux")),
)
_LONGEST: Final = 400


def device_of(user_agent: str) -> str:
    """`<browser>/<system>`, each empty when it is none that we know; empty when both are."""
    said = user_agent[:_LONGEST]
    browser = next((name for mark, name in _BROWSERS if mark in said), "")
    system = next((name for mark, name in _SYSTEMS if mark in said), "")
    return f"{browser}/{system}" if browser or system else ""


def device_in_words(device: str) -> str:
    """For the list of sessions; empty for one of which nothing is known."""
    browser, _, system = device.partition("/")
    if browser and system:
        return say("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or system
