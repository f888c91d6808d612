"""The questions and recommendations of the flow questionnaire, last question first."""

from libs.cli.flow_advice import DEVICE_CODE, EXAMPLE_REDIRECT_URI, Advice, Choice, Question

_NOT_IMPLICIT = (
    "Tokens would be part of URLs, where browser history, logs and scripts can read them, and they are not bound to "
    "this client (RFC 9700 section 2.1.2)."
)
_NOT_PASSWORD = (
    "The application would see users' passwords, and two-step verification would not be possible "
    "(RFC 9700 section 2.4)."
)
_NOT_DEVICE = "User codes can be phished. Use it only for devices without a browser."
_NOT_MACHINE = "Its token identifies the client only, not a user."

CLIENT_CREDENTIALS = Advice(
    flow="client-credentials",
    program="client_credentials.py",
    title="Client credentials",
    why="There is no user: the client authenticates with its own credentials and gets a token for itself.",
    instead_of={
        "authorization code": "It needs a user with a browser.",
        "password": "It needs a user account for the program, with a password that is hard to protect.",
    },
    then="POST grant_type=client_credentials to /token whenever a token is needed. There is no refresh token.",
    grant_types=("client_credentials",),
    more=(("--scope", "orders:read"),),
)
DEVICE = Advice(
    flow="device",
    program="device.py",
    title="Device authorization",
    why="The device shows a user code, and the user approves it in a browser on a phone or computer.",
    instead_of={
        "authorization code": "It needs a browser on the device.",
        "password": "The device would see the user's password, and two-step verification would not be possible.",
    },
    then="POST to /device_authorization, show the user code, and poll /token until the user has decided. "
    "Try it: latchkey login --device --client-id CLIENT_ID",
    grant_types=(DEVICE_CODE, "refresh_token"),
    public=True,
)
WEB = Advice(
    flow="authorization-code",
    program="code.py",
    title="Authorization code with PKCE and a client secret",
    why="The browser transports only a single-use code; the server gets the tokens directly from /token.",
    instead_of={"implicit": _NOT_IMPLICIT, "password": _NOT_PASSWORD, "client credentials": _NOT_MACHINE},
    then="Send the browser to /authorize with response_type=code and a code_challenge, and redeem the code at /token. "
    "Any OpenID Connect library does this; it needs only the issuer.",
    grant_types=("authorization_code", "refresh_token"),
    redirect_uri=EXAMPLE_REDIRECT_URI,
)
NATIVE = Advice(
    flow="authorization-code",
    program="native.py",
    title="Authorization code with PKCE in the system browser, without a client secret",
    why="An installed application cannot keep a secret, so PKCE protects the code. The system browser has the user's "
    "session, and the application never sees a password (RFC 8252).",
    instead_of={"implicit": _NOT_IMPLICIT, "password": _NOT_PASSWORD, "device": _NOT_DEVICE},
    then="Listen on any port of 127.0.0.1, or register a private-use URI scheme, open the system browser at /authorize "
    "with response_type=code and a code_challenge, and redeem the code at /token.",
    grant_types=("authorization_code", "refresh_token"),
    public=True,
    redirect_uri="http://127.0.0.1/callback",
)
SINGLE_PAGE = Advice(
    flow="authorization-code",
    program="single_page.html",
    title="Authorization code with PKCE in the page, without a client secret",
    why="A page can send token requests itself (/token allows CORS from any origin), so no token is in a URL.",
    instead_of={"implicit": _NOT_IMPLICIT, "password": _NOT_PASSWORD},
    then="Send the browser to /authorize with response_type=code and a code_challenge, and let a script redeem "
    "the code at /token. If the application has a server, keep the tokens there and register a client with a secret.",
    grant_types=("authorization_code", "refresh_token"),
    public=True,
    redirect_uri=EXAMPLE_REDIRECT_URI,
)
IMPLICIT = Advice(
    flow="implicit",
    program="implicit.html",
    title="Implicit, until the library can be replaced",
    why="The library supports nothing else: it reads an ID token and an access token from the "
    "fragment of the redirect URI.",
    instead_of={"password": _NOT_PASSWORD, "a new application": "Use the authorization code with PKCE."},
    then="Send the browser to /authorize with response_type=id_token token and a nonce. The access token is valid "
    "for a few minutes, and there is no refresh token.",
    grant_types=("implicit",),
    response_type="id_token token",
    public=True,
    redirect_uri=EXAMPLE_REDIRECT_URI,
)
FORM_POST = Advice(
    flow="form-post",
    program="form_post.py",
    title="Implicit with form_post: an ID token only",
    why="The browser posts an ID token, which the application verifies with the published key set. The application "
    "sends no requests, needs no client secret, and no token is part of a URL.",
    instead_of={
        "implicit in the fragment": "Browsers do not send the fragment of a URL to the server.",
        "authorization code": "It needs a request to /token, which this application cannot send.",
    },
    then="Send the browser to /authorize with response_type=id_token, response_mode=form_post and a nonce that is "
    "kept in a cookie with SameSite=None, and verify the ID token that is posted.",
    grant_types=("implicit",),
    response_type="id_token",
    public=True,
    redirect_uri=EXAMPLE_REDIRECT_URI,
)
HYBRID = Advice(
    flow="hybrid",
    program="hybrid.py",
    title="Hybrid: a code and an ID token",
    why="The ID token identifies the user at once and is bound to the code by c_hash; the server gets the other tokens "
    "directly from /token.",
    instead_of={
        "authorization code": "It gives the same result one request later: prefer it if the library supports it.",
        "implicit": _NOT_IMPLICIT,
    },
    then="Send the browser to /authorize with response_type=code id_token, response_mode=form_post, a nonce and a "
    "code_challenge; verify the ID token, then redeem the code at /token.",
    grant_types=("authorization_code", "implicit", "refresh_token"),
    response_type="code id_token",
    redirect_uri=EXAMPLE_REDIRECT_URI,
)
PASSWORD = Advice(
    flow="password",
    program="password.py",
    title="Password, until the application can be changed",
    why="The application asks for the password itself and supports nothing else. Users cannot be asked for consent, so "
    "use it only for first-party applications.",
    instead_of={
        "this flow in a new application": _NOT_PASSWORD,
        "client credentials": _NOT_MACHINE,
    },
    then="POST grant_type=password with username and password to /token. Move it to the authorization code or the "
    "device flow when you can, and delete this client.",
    grant_types=("password", "refresh_token"),
    more=(("--consent", "skip"),),
)

_REACH = Question(
    "reach",
    "Can it send requests to the authorization server?",
    (
        Choice("yes", "Yes", WEB),
        Choice("no", "No: a firewall or its platform prevents it", FORM_POST),
    ),
)
_NEEDS = Question(
    "needs",
    "What does the application need?",
    (
        Choice("tokens", "Tokens to call APIs, or long sessions", WEB),
        Choice("login", "Only to identify the user", _REACH),
        Choice(
            "both", "Both at once: it must identify the user before it gets tokens, or its library requires it", HYBRID
        ),
    ),
)
_LIBRARY = Question(
    "library",
    "Does its library support the authorization code with PKCE?",
    (
        Choice("pkce", "Yes, or it can be replaced", SINGLE_PAGE),
        Choice("implicit", "No, it supports only the implicit flow and cannot be replaced", IMPLICIT),
    ),
)
_WHERE = Question(
    "where",
    "Where does the application run?",
    (
        Choice("server", "On a server, with pages in the browser", _NEEDS),
        Choice("page", "In the browser only (single-page application)", _LIBRARY),
        Choice("installed", "Installed on the user's phone or computer", NATIVE),
        Choice("device", "On a device without a browser or keyboard: TV, console, terminal", DEVICE),
        Choice("old", "Anywhere, but it asks for the password itself and cannot be changed", PASSWORD),
    ),
)
FIRST = Question(
    "who",
    "Who uses the application?",
    (
        Choice("person", "A user, who signs in", _WHERE),
        Choice("program", "No user: a program that acts for itself", CLIENT_CREDENTIALS),
    ),
)
