"""One notation per meaning: what is not written the one way is refused before anything is resolved."""

import socket
from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from libs.fetch.addresses import IPAddress
from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.url import Target, parse_target

pytestmark = pytest.mark.s(43)


def reason_of(url: str) -> Reason:
    with pytest.raises(FetchRefused) as refusal:
        parse_target(url)
    return refusal.value.reason


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://Client.Test", Target("client.test", 443, "/", None)),
        ("HTTPS://client.test/Keys?a=%2F&b=~#part", Target("client.test", 443, "/Keys?a=%2F&b=~", None)),
        ("https://client.test?a=/b", Target("client.test", 443, "/?a=/b", None)),
        ("https://client.test#?/", Target("client.test", 443, "/", None)),
        ("https://client.test:8443/a/../b", Target("client.test", 8443, "/a/../b", None)),
        ("https://xn--bcher-kva.test/", Target("xn--bcher-kva.test", 443, "/", None)),
        ("https://8.8.8.8/", Target("8.8.8.8", 443, "/", ip_address("8.8.8.8"))),
        ("https://[2606:4700::0:1111]:8443/", Target("2606:4700::1111", 8443, "/", ip_address("2606:4700::1111"))),
        ("https://1.2.3.4.test/", Target("1.2.3.4.test", 443, "/", None)),
    ],
)
def test_url_is_parsed_into_its_target(url: str, target: Target):
    assert parse_target(url) == target


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://client.test/", Reason.SCHEME),
        ("ftp://client.test/", Reason.SCHEME),
        ("file:///etc/passwd", Reason.SCHEME),
        ("gopher://client.test/", Reason.SCHEME),
        ("https+unix://client.test/", Reason.SCHEME),
        ("https://user@client.test/", Reason.USERINFO),
        ("https://user:word@client.test/", Reason.USERINFO),
        ("https://@client.test/", Reason.USERINFO),
        ("https://client.test:443@10.0.0.1/", Reason.USERINFO),
        ("", Reason.URL_MALFORMED),
        ("//client.test/", Reason.URL_MALFORMED),
        ("https:client.test", Reason.URL_MALFORMED),
        ("https:/client.test", Reason.URL_MALFORMED),
        ("https://", Reason.URL_MALFORMED),
        ("https:///keys", Reason.URL_MALFORMED),
        ("https://client.test:/", Reason.URL_MALFORMED),
        ("https://client.test:0/", Reason.URL_MALFORMED),
        ("https://client.test:0443/", Reason.URL_MALFORMED),
        ("https://client.test:65536/", Reason.URL_MALFORMED),
        ("https://client.test:+443/", Reason.URL_MALFORMED),
        ("https://client.test:443:443/", Reason.URL_MALFORMED),
        ("https://client.test./", Reason.URL_MALFORMED),
        ("https://client..test/", Reason.URL_MALFORMED),
        ("https://.client.test/", Reason.URL_MALFORMED),
        ("https://-client.test/", Reason.URL_MALFORMED),
        ("https://client%2etest/", Reason.URL_MALFORMED),
        ("https://client_test/", Reason.URL_MALFORMED),
        ("https://*.client.test/", Reason.URL_MALFORMED),
        (f"https://{'a' * 64}.test/", Reason.URL_MALFORMED),
        (f"https://{'a.' * 127}test/", Reason.URL_MALFORMED),
        (f"https://client.test/{'a' * 2048}", Reason.URL_MALFORMED),
        ("https://client.test\\@10.0.0.1/", Reason.URL_MALFORMED),
        (" https://client.test/", Reason.URL_MALFORMED),
    ],
)
def test_malformed_url_is_refused(url: str, reason: Reason):
    assert reason_of(url) is reason


@pytest.mark.parametrize(
    "url",
    [
        "https://client.test/\r\nX-Injected: yes",
        "https://client.test/\nX-Injected: yes",
        "https://client.test\r\nHost: other.test/",
        "https://client.test/ HTTP/1.1\r\n\r\nGET /",
        "https://client.test/\t",
        "https://client.test/\x00",
        "https://client.test/\x85",
        "https://client.test/\u2028",
        "https://client.test/\u560a",  # its low byte is a line feed
    ],
)
def test_url_with_control_characters_is_refused(url: str):
    assert reason_of(url) is Reason.URL_MALFORMED


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0X7F000001",
        "017700000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.1",
        "127.0.1",
        "127.0.0.0x1",
        "127.0.0.1.",
        "127.0.0.1..",
        "127.0.0.1.0",
        "127.0.0.256",
        "0",
        "0x",
        "4294967296",
        "\N{CIRCLED DIGIT ONE}.0.0.1",
        "\N{FULLWIDTH DIGIT ONE}.0.0.1",
        "\N{ARABIC-INDIC DIGIT ONE}.0.0.1",
        "127\N{IDEOGRAPHIC FULL STOP}0\N{IDEOGRAPHIC FULL STOP}0\N{IDEOGRAPHIC FULL STOP}1",
        "\N{CIRCLED LATIN SMALL LETTER L}ocalhost",
        "lo\u00adcalhost",
        "bücher.test",
        "[::1%25lo]",
        "[::1%lo]",
        "[fe80::1%25eth0]",
        "[::1",
        "[]",
        "[127.0.0.1]",
        "[::1]x",
        "::1",
        "[::127.0.0.01]",
        "[v1.1]",
    ],
)
def test_ipv4_address_in_another_notation_is_refused(host: str):
    assert reason_of(f"https://{host}/") is Reason.URL_MALFORMED


@given(st.from_regex(r"[0-9a-fx.\-]{1,20}", fullmatch=True))
@example("127.1")
@example("0x7f.1")
def test_accepted_host_name_is_not_an_ip_address(host: str):
    try:
        target = parse_target(f"https://{host}/")
    except FetchRefused:
        return
    if target.address is None:
        with pytest.raises(OSError, match="illegal"):
            socket.inet_aton(host)
    else:
        assert socket.inet_aton(host) == target.address.packed


@given(
    st.from_regex(r"(xn--)?[a-z0-9-]{1,12}(\.(xn--)?[a-z0-9]{1,12}){0,3}(:[1-9][0-9]{0,4})?", fullmatch=True),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=40),
)
@example("xn--", "/")
@example("xn--a-ecp.ru", "/%zz/../%2e%2e/a%2fb?a=%7E&b=+%20")
def test_accepted_url_is_sent_unchanged(host: str, rest: str):
    try:
        target = parse_target(f"https://{host}/{rest}")
    except FetchRefused:
        return
    url = URL(str(target), encoded=True)
    path = target.path.removesuffix("?") if target.path.count("?") == 1 else target.path  # an empty query goes unsaid
    assert (url.scheme, url.raw_host, url.port, url.raw_path_qs) == ("https", target.host, target.port, path)


@given(st.ip_addresses(), st.integers(1, 65535))
def test_address_is_sent_in_canonical_form(address: IPAddress, port: int):
    written = f"[{address.exploded}]" if address.version == 6 else str(address)
    target = parse_target(f"https://{written}:{port}/")
    url = URL(str(target), encoded=True)
    assert (target.address, url.raw_host, url.port) == (address, str(address), port)
