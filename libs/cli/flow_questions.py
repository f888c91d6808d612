"""The questions about an application, from the last to the first, and the flow that each way through them ends at."""

from libs.cli.flow_advice import A_REDIRECT_URI, DEVICE_CODE, Advice, Choice, Question

_NOT_IMPLICIT = (
    "Tokens would travel in addresses, where histories, logs and scripts find them, and nothing binds them to this "
    "application (RFC 9700, 2.1.2)."
)
_NOT_PASSWORD = (
    "The application would see the passwords of people, and no second factor could be asked for (RFC 9700, 2.4)."
)
_NOT_DEVICE = "A code that is typed elsewhere can be talked out of people; it is for what has no browser."
_NOT_MACHINE = "Its token says which program called, and nothing about people."

CLIENT_CREDENTIALS = Advice(
    flow="client-credentials",
    program="client_credentials.py",
    title="Client credentials",
    why="No person is there who could sign in: the program shows its own id and secret, and gets a token in its own "
    "name.",
    instead_of={
        "authorization code": "It needs a person with a browser.",
        "password": "An account made up for a program has a password that nobody guards.",
    },
    then="POST grant_type=client_credentials to /token whenever a token is needed. There is no refresh token.",
    grant_types=("client_credentials",),
    more=(("--scope", "orders:read"),),
)
DEVICE = Advice(
    flow="device",
    program="device.py",
    title="Device authorization",
    why="The device shows a short code, and the person says yes on a telephone or computer that has a browser.",
    instead_of={
        "authorization code": "The browser would have to run on the device itself.",
        "password": "Typing a password with a remote control is a bad idea even where nobody watches.",
    },
    then="POST to /device_authorization, show the code, and ask /token until somebody has decided. "
    "Try it: latchkey login --device --client-id CLIENT_ID",
    grant_types=(DEVICE_CODE, "refresh_token"),
    public=True,
)
WEB = Advice(
    flow="authorization-code",
    program="code.py",
    title="Authorization code with PKCE, with a secret",
    why="The browser carries nothing but a code that works once; the tokens go from server to server.",
    instead_of={"implicit": _NOT_IMPLICIT, "password": _NOT_PASSWORD, "client credentials": _NOT_MACHINE},
    then="Send the browser to /authorize with response_type=code and a code_challenge, and trade the code at /token. "
    "Any OpenID Connect library does it from the issuer alone.",
    grant_types=("authorization_code", "refresh_token"),
    redirect_uri=A_REDIRECT_URI,
)
NATIVE = Advice(
    flow="authorization-code",
    program="native.py",
    title="Authorization code with PKCE, without a secret, in the system's browser",
    why="What is installed at people's can keep no secret, so PKCE protects the code; the system's own browser knows "
    "who is signed in already, and the application never sees a password (RFC 8252).",
    instead_of={"implicit": _NOT_IMPLICIT, "password": _NOT_PASSWORD, "device": _NOT_DEVICE},
    then="Listen on any port of 127.0.0.1, or register a scheme of your own, open the browser at /authorize with "
    "response_type=code and a code_challenge, and trade the code at /token.",
    grant_types=("authorization_code", "refresh_token"),
    public=True,
    redirect_uri="http://127.0.0.1/callback",
)
SINGLE_PAGE = Advice(
    flow="authorization-code",
    program="single_page.html",
    title="Authorization code with PKCE, without a secret, in the page",
    why="A page can make token requests itself (/token answers any origin), so no token has to travel in an address.",
    instead_of={"implicit": _NOT_IMPLICIT, "password": _NOT_PASSWORD},
    then="Send the browser to /authorize with response_type=code and a code_challenge, and let a script trade the "
    "code at /token. Where there is a server of your own, keep the tokens there instead and register it with a secret.",
    grant_types=("authorization_code", "refresh_token"),
    public=True,
    redirect_uri=A_REDIRECT_URI,
)
IMPLICIT = Advice(
    flow="implicit",
    program="implicit.html",
    title="Implicit, for as long as the library cannot be replaced",
    why="The library knows nothing else: it reads an ID token and an access token from the address that comes back.",
    instead_of={"password": _NOT_PASSWORD, "anything new": "Take the authorization code with PKCE as soon as you can."},
    then="Send the browser to /authorize with response_type=id_token token and a nonce. The access token lives for a "
    "few minutes and is never renewed.",
    grant_types=("implicit",),
    response_type="id_token token",
    public=True,
    redirect_uri=A_REDIRECT_URI,
)
FORM_POST = Advice(
    flow="form-post",
    program="form_post.py",
    title="Implicit with a form post: an ID token, and nothing else",
    why="The browser posts an ID token, which the application verifies with the published keys: no request of its "
    "own, no secret, and no token in any address.",
    instead_of={
        "implicit in the fragment": "A server does not get to see what stands behind the #.",
        "authorization code": "It needs a request to /token, which this application cannot send.",
    },
    then="Send the browser to /authorize with response_type=id_token, response_mode=form_post and a nonce that is "
    "kept in a cookie with SameSite=None, and verify the ID token that is posted.",
    grant_types=("implicit",),
    response_type="id_token",
    public=True,
    redirect_uri=A_REDIRECT_URI,
)
HYBRID = Advice(
    flow="hybrid",
    program="hybrid.py",
    title="Hybrid: a code and an ID token",
    why="The ID token says at once who it is and which code belongs to it; the other tokens still go from server to "
    "server.",
    instead_of={
        "authorization code": "It tells the same one request later: prefer it wherever the library lets you choose.",
        "implicit": _NOT_IMPLICIT,
    },
    then="Send the browser to /authorize with response_type=code id_token, response_mode=form_post, a nonce and a "
    "code_challenge; verify the ID token, then trade the code at /token.",
    grant_types=("authorization_code", "implicit", "refresh_token"),
    response_type="code id_token",
    redirect_uri=A_REDIRECT_URI,
)
PASSWORD = Advice(
    flow="password",
    program="password.py",
    title="Password, for as long as the application cannot be changed",
    why="It asks for the password itself and can do nothing else. Nobody can be asked for consent there, so this is "
    "for an application of your own.",
    instead_of={
        "it in anything new": _NOT_PASSWORD,
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
        Choice("no", "No: a firewall is between them, or its platform cannot", FORM_POST),
    ),
)
_NEEDS = Question(
    "needs",
    "What does it want?",
    (
        Choice("tokens", "Tokens to call APIs with, or sign-ins that last", WEB),
        Choice("login", "To know who somebody is, and nothing else", _REACH),
        Choice("both", "Both at once: it has to know who it is before it gets tokens, or its library insists", HYBRID),
    ),
)
_LIBRARY = Question(
    "library",
    "Does its library know the authorization code with PKCE?",
    (
        Choice("pkce", "Yes, or it can be replaced", SINGLE_PAGE),
        Choice("implicit", "No, and it cannot be replaced: it knows the implicit flow only", IMPLICIT),
    ),
)
_WHERE = Question(
    "where",
    "Where does it run?",
    (
        Choice("server", "On a server, with pages in the browser", _NEEDS),
        Choice("page", "In a page of the browser alone (single-page application)", _LIBRARY),
        Choice("installed", "Installed on the person's own phone or computer", NATIVE),
        Choice(
            "device", "On something without a browser, or without a keyboard: television, console, terminal", DEVICE
        ),
        Choice("old", "Anywhere, but it asks for the password itself and cannot be changed", PASSWORD),
    ),
)
FIRST = Question(
    "who",
    "Who uses the application?",
    (
        Choice("person", "A person, who signs in", _WHERE),
        Choice("program", "Nobody: it is a program that acts in its own name", CLIENT_CREDENTIALS),
    ),
)
