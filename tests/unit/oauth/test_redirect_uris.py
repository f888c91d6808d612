from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.errors import InvalidRedirectUri
from libs.oauth.redirect_uris import MAX_LENGTH, check_redirect_uri, is_private, is_registered, origin_of

pytestmark = pytest.mark.s(1, 2, 3)

REGISTERED = "https://portal.example.com/callback"
NATIVE = "http://127.0.0.1/callback"
NATIVE_V6 = "http://[::1]/callback"
LOCALHOST = "http://localhost/callback"
ALL = (REGISTERED, NATIVE, NATIVE_V6, LOCALHOST, "com.example.app:/callback")


@pytest.mark.parametrize(
    "uri",
    [
        REGISTERED,
        "https://portal.example.com",
        "https://portal.example.com:8443/cb?tenant=1&next=%2Fhome",
        "https://xn--bcher-kva.example/cb",
        "https://my_host.intranet/cb",
        "https://192.0.2.7/cb",
        "https://[2001:db8::7]:8443/cb",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:49152/cb",
        "http://[::1]/cb",
        "http://[::1]:8080/cb",
        "http://localhost/cb",
        "http://localhost:3000/cb",
        "com.example.app:/cb",
        "com.example.app://cb/x",
        "https://host.example/" + "a" * (MAX_LENGTH - 21),
    ],
)
def test_redirect_uris_permitted_by_the_standards_are_accepted(uri):
    assert check_redirect_uri(uri) == uri


SCRIPTS = [
    spelled
    for scheme in ("javascript", "data", "vbscript", "file", "blob", "about", "view-source", "ws", "ftp", "intent")
    for spelled in (f"{scheme}:alert(1)", f"{scheme.title()}:alert(1)", f"{scheme.upper()}://host.example/%0aalert(1)")
]


@pytest.mark.parametrize(
    "uri",
    [
        *SCRIPTS,
        "jAvAsCrIpT:alert(document.domain)",
        "app:/cb",
        "myapp://cb",
        "//host/cb",
        "/cb",
        "cb",
        "*",
        ":cb",
        "1.2:x",
    ],
)
def test_redirect_uri_scheme_must_be_https_or_private_with_a_dot(uri):
    with pytest.raises(InvalidRedirectUri) as refusal:
        check_redirect_uri(uri)
    assert refusal.value.reason == "REDIRECT_URI_SCHEME"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", "REDIRECT_URI_CHARACTERS"),
        (" https://a.example/cb", "REDIRECT_URI_CHARACTERS"),
        ("https://a.example/cb ", "REDIRECT_URI_CHARACTERS"),
        ("https://a.example/c b", "REDIRECT_URI_CHARACTERS"),
        ("java\tscript:alert(1)", "REDIRECT_URI_CHARACTERS"),
        ("java\nscript:alert(1)", "REDIRECT_URI_CHARACTERS"),
        ("\x01javascript:alert(1)", "REDIRECT_URI_CHARACTERS"),
        ("https://a.example/\r\nSet-Cookie:x=1", "REDIRECT_URI_CHARACTERS"),
        ("https://a.example/\0", "REDIRECT_URI_CHARACTERS"),
        ("https://a.example\\@evil.example/cb", "REDIRECT_URI_CHARACTERS"),
        ("https:\\\\a.example/cb", "REDIRECT_URI_CHARACTERS"),
        ("https://a.example/'\"><script>", "REDIRECT_URI_CHARACTERS"),
        ("https://a.example/{tenant}", "REDIRECT_URI_CHARACTERS"),
        ("https://а.example/cb", "REDIRECT_URI_CHARACTERS"),  # noqa: RUF001 - a Cyrillic character
        ("https://a.example/é", "REDIRECT_URI_CHARACTERS"),
        ("https://a.example/" + "a" * MAX_LENGTH, "REDIRECT_URI_CHARACTERS"),
        ("https://a.example/cb#", "REDIRECT_URI_FRAGMENT"),
        ("https://a.example/cb#token", "REDIRECT_URI_FRAGMENT"),
        ("com.example.app:/cb#x", "REDIRECT_URI_FRAGMENT"),
        ("https://user@a.example/cb", "REDIRECT_URI_USERINFO"),
        ("https://user:pw@a.example/cb", "REDIRECT_URI_USERINFO"),
        ("https://a.example@evil.example/cb", "REDIRECT_URI_USERINFO"),
        ("https://a.example@b.example@evil.example/cb", "REDIRECT_URI_USERINFO"),
        ("https://@evil.example/cb", "REDIRECT_URI_USERINFO"),
        ("com.example.app://user@cb", "REDIRECT_URI_USERINFO"),
        ("https:///cb", "REDIRECT_URI_HOST"),
        ("https:cb", "REDIRECT_URI_HOST"),
        ("https://:443/cb", "REDIRECT_URI_HOST"),
        ("https://a.example:/cb", "REDIRECT_URI_HOST"),
        ("https://*.example/cb", "REDIRECT_URI_HOST"),
        ("https://a%2eexample/cb", "REDIRECT_URI_HOST"),
        ("https://a%252eexample/cb", "REDIRECT_URI_HOST"),
        ("https://a.example;script-src/cb", "REDIRECT_URI_HOST"),
        ("https://a.example,b.example/cb", "REDIRECT_URI_HOST"),
        ("https://evil.example[::1]/cb", "REDIRECT_URI_HOST"),
        ("https://[::1]evil.example/cb", "REDIRECT_URI_HOST"),
        ("http://[::1%25lo]/cb", "REDIRECT_URI_HOST"),
        ("https://a.example:99999/cb", "REDIRECT_URI_MALFORMED"),
        ("https://a.example:https/cb", "REDIRECT_URI_MALFORMED"),
        ("https://[::1/cb", "REDIRECT_URI_MALFORMED"),
        ("https://[nothing]/cb", "REDIRECT_URI_MALFORMED"),
        ("http://a.example/cb", "REDIRECT_URI_HTTP"),
        ("HTTP://a.example/cb", "REDIRECT_URI_HTTP"),
        ("http://localhost.evil.example/cb", "REDIRECT_URI_HTTP"),
        ("http://127.0.0.1.evil.example/cb", "REDIRECT_URI_HTTP"),
        ("http://127.1/cb", "REDIRECT_URI_HTTP"),
        ("http://2130706433/cb", "REDIRECT_URI_HTTP"),
        ("http://0x7f000001/cb", "REDIRECT_URI_HTTP"),
        ("http://0.0.0.0/cb", "REDIRECT_URI_HTTP"),
        ("http://10.0.0.1/cb", "REDIRECT_URI_HTTP"),
        ("http://[::ffff:10.0.0.1]/cb", "REDIRECT_URI_HTTP"),
    ],
)
def test_invalid_redirect_uri_is_refused_with_the_reason(uri, reason):
    with pytest.raises(InvalidRedirectUri) as refusal:
        check_redirect_uri(uri)
    assert refusal.value.reason == reason


@given(st.text() | st.from_regex(r"(https?|com\.x):/{0,3}[\[\]@:%.\w]{0,12}/?.{0,8}"))
def test_check_redirect_uri_raises_invalid_redirect_uri_only(text):
    try:
        check_redirect_uri(text)
    except InvalidRedirectUri:
        return
    assert urlsplit(text).scheme in {"https", "http"} or "." in urlsplit(text).scheme


@given(st.from_regex(r"https://[a-z;,'*%@:\[\]]{1,12}(/[a-z]*)?", fullmatch=True))
def test_origin_of_a_registered_uri_is_one_policy_source(uri):
    try:
        check_redirect_uri(uri)
    except InvalidRedirectUri:
        return
    assert not set(origin_of(uri)) & set(" ;,'\"*%")


@pytest.mark.parametrize("uri", ALL)
@pytest.mark.parametrize("native", [False, True])
def test_registered_redirect_uri_matches_exactly(uri, native):
    assert is_registered(uri, ALL, localhost=False)


ATTACKS = [
    "https://portal.example.com/callback/",
    "https://portal.example.com/callback?x=1",
    "https://portal.example.com/callback#",
    "https://portal.example.com/Callback",
    "https://PORTAL.example.com/callback",
    "HTTPS://portal.example.com/callback",
    "http://portal.example.com/callback",
    "https://portal.example.com:443/callback",
    "https://portal.example.com./callback",
    "https://portal-example.com/callback",
    "https://portalxexample.com/callback",
    "https://portal.example.com.evil.tld/callback",
    "https://portal.example.com@evil.tld/callback",
    "https://portal.example.com:pw@evil.tld/callback",
    "https://a@portal.example.com@evil.tld/callback",
    "https://evil.tld/https://portal.example.com/callback",
    "https://evil.tld?https://portal.example.com/callback",
    "https://evil.tld#@portal.example.com/callback",
    "https://evil.tld\\@portal.example.com/callback",
    "https://portal.example.com\\evil.tld/callback",
    "https://portal.example.com/callback/../../evil",
    "https://portal.example.com/callback/..;/evil",
    "https://portal.example.com/..;/callback",
    "https://portal.example.com/callback%2f..%2fevil",
    "https://portal.example.com/callback%252f..%252fevil",
    "https://portal.example.com/%63allback",
    "https://portal.example.com/callback%00",
    "https://portal.example.com/callback\0",
    "https://portal.example.com/callback\n",
    " https://portal.example.com/callback",
    "https://portal.example.com/callback ",
    "https:portal.example.com/callback",
    "https:///portal.example.com/callback",
    "https:/\\portal.example.com/callback",
    "//portal.example.com/callback",
    "/callback",
    "javascript:alert(1)",
    "JavaScript://portal.example.com/callback",
    "data:text/html,x",
    "com.example.app:/callback/x",
    "COM.example.app:/callback",
    "com.example.app://callback",
    "",
]


@pytest.mark.parametrize("uri", ATTACKS)
@pytest.mark.parametrize("localhost", [False, True])
def test_similar_redirect_uri_does_not_match(uri, localhost):
    assert not is_registered(uri, ALL, localhost=localhost)


@given(st.sampled_from(ALL), st.data())
def test_redirect_uri_with_one_changed_character_does_not_match(uri, data):
    at = data.draw(st.integers(0, len(uri)))
    odd = data.draw(st.sampled_from("ax.%/\\@:;?#\t\0A0 "))
    for other in (uri[:at] + odd + uri[at:], uri[:at] + odd + uri[at + 1 :], uri[:at] + uri[at + 1 :]):
        assert is_registered(other, ALL, localhost=False) == (other in ALL)


@pytest.mark.parametrize("registered", [NATIVE, NATIVE_V6, "http://127.0.0.1:8080/callback", "http://[::1]:1/callback"])
@pytest.mark.parametrize("port", [":1", ":49152", ":65535", ""])
@pytest.mark.parametrize("localhost", [False, True])
def test_port_of_a_loopback_address_is_free(registered, port, localhost):
    host = "[::1]" if "[" in registered else "127.0.0.1"
    assert is_registered(f"http://{host}{port}/callback", [registered], localhost=localhost)


@pytest.mark.parametrize("registered", [LOCALHOST, "http://localhost:3000/callback"])
def test_port_of_localhost_is_free_only_where_permitted(registered):
    assert is_registered("http://localhost:49152/callback", [registered], localhost=True)
    assert not is_registered("http://localhost:49152/callback", [registered], localhost=False)
    assert not is_registered("http://localhost:49152/callback", [NATIVE], localhost=True)


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost.evil.example:49152/callback",
        "http://LOCALHOST:49152/callback",
        "http://localhost:49152@evil.example/callback",
        "http://localhost:/callback",
        "http://127.0.0.1:49152/callback/",
        "http://127.0.0.1:49152/callback?x=1",
        "http://127.0.0.1:49152/callback#x",
        "http://127.0.0.1:49152/Callback",
        "http://127.0.0.1:49152//callback",
        "http://127.0.0.1:49152/../callback",
        "http://127.0.0.1:49152/%63allback",
        "http://127.0.0.1:49152",
        "http://127.0.0.1:49152?/callback",
        "http://127.0.0.1:49152#/callback",
        "https://127.0.0.1:49152/callback",
        "HTTP://127.0.0.1:49152/callback",
        "http:/127.0.0.1:49152/callback",
        "127.0.0.1:49152/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:-1/callback",
        "http://127.0.0.1:+1/callback",
        "http://127.0.0.1: 1/callback",
        "http://127.0.0.1:1\t/callback",
        "http://127.0.0.1:٣/callback",
        "http://127.0.0.1:1:2/callback",
        "http://127.0.0.1:80@evil.example/callback",
        "http://127.0.0.1@evil.example:80/callback",
        "http://evil@127.0.0.1:80/callback",
        "http://127.0.0.1:80\\@evil.example/callback",
        "http://127.0.0.1:80\\.evil.example/callback",
        "http://127.0.0.1.evil.example:80/callback",
        "http://127.0.0.1evil.example:80/callback",
        "http://127.0.0.2:80/callback",
        "http://127.1:80/callback",
        "http://evil.example[::1]:80/callback",
        "http://[::1]evil.example:80/callback",
        "http://[::1%25lo]:80/callback",
        "http://[::0001]:80/callback",
        "http://[::ffff:127.0.0.1]:80/callback",
        "http://[::2]:80/callback",
        "http://::1:80/callback",
    ],
)
def test_only_the_port_of_a_loopback_uri_may_change(uri):
    assert not is_registered(uri, ALL, localhost=True)


def test_ipv4_and_ipv6_loopback_addresses_do_not_match_each_other():
    assert not is_registered("http://[::1]:5/callback", [NATIVE], localhost=True)
    assert not is_registered("http://127.0.0.1:5/callback", [NATIVE_V6], localhost=True)


@given(st.text() | st.text(alphabet="htp:/127.0[]1@\\#?cb", max_size=40).map("http://".__add__))
def test_is_registered_never_raises(text):
    assert is_registered(text, ALL, localhost=True) in {True, False}


@pytest.mark.parametrize(
    ("uri", "origin", "private"),
    [
        (REGISTERED, "https://portal.example.com", False),
        ("https://a.example:8443/cb?x=https://b.example", "https://a.example:8443", False),
        ("http://[::1]:8080/cb", "http://[::1]:8080", True),
        (LOCALHOST, "http://localhost", True),
        ("com.example.app://cb/x", "com.example.app:", True),
        ("com.example.app:/cb", "com.example.app:", True),
    ],
)
def test_origin_of_and_is_private_for_each_kind_of_uri(uri, origin, private):
    assert origin_of(uri) == origin
    assert is_private(uri) is private
