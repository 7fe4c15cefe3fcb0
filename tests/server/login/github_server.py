"""A GitHub of one's own: a real OAuth server, built on Authlib, and the parts of the API asked."""

import base64
import json
import secrets
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge

from dendro_local.server.github import GitHubApp

CLIENT_ID = "Iv1.hub"
CLIENT_SECRET = "the-client-secret"

Answer = tuple[int, bytes, Mapping[str, str]]


class Person(NamedTuple):
    """Somebody with an account."""

    number: int
    login: str
    name: str | None = None


class GitHubServer:
    """Runs until `close`.

    Attributes:
        logged_in: who is logged in in every browser, and lets the hub know who that is; None for
            one who does not.
        asked: the paths that were asked for.
    """

    def __init__(self, redirect_uri: str) -> None:
        self.logged_in: Person | None = None
        self.asked: list[str] = []
        self.tokens: dict[str, tuple[Person, str]] = {}
        self.oauth = _OAuth(self, redirect_uri)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever)
        self._thread.start()

    def app(self, **changed: str) -> GitHubApp:
        """What the hub is here."""
        known = {
            "url": self.url,
            "api_url": f"{self.url}/api",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        }
        return GitHubApp(**{**known, **changed})

    def token_of(self, person: Person, given_to: str, prefix: str = "gho_") -> str:
        """A token that was given to a site, by its client id, or made by the person for all."""
        token = prefix + secrets.token_hex(18)
        self.tokens[token] = (person, given_to)
        return token

    def close(self) -> None:
        """End, if it has not ended."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What is answered to a request."""
        parts = urlsplit(url)
        self.asked.append(parts.path)
        request = _Request(method, parts.path, parts.query, headers, body)
        if parts.path == "/login/oauth/authorize":
            grant = self.oauth.get_consent_grant(request, self.logged_in)
            made: Answer = self.oauth.create_authorization_response(
                request, self.logged_in, grant=grant
            )
            return made
        if parts.path == "/login/oauth/access_token":
            given: Answer = self.oauth.create_token_response(request)
            return given
        if parts.path == "/api/user":
            return self._user(headers)
        if parts.path == f"/api/applications/{CLIENT_ID}/token":
            return self._grant(headers, body)
        return 404, b"{}", {}

    def _user(self, headers: Mapping[str, str]) -> Answer:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            return _json(401, {"message": "Bad credentials"})
        return _json(200, _shown(self.tokens[token][0]))

    def _grant(self, headers: Mapping[str, str], body: bytes) -> Answer:
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if headers.get("authorization") != f"Basic {expected}":
            return _json(401, {"message": "Requires authentication"})
        person, given_to = self.tokens.get(json.loads(body)["access_token"], (None, ""))
        if person is None or given_to != CLIENT_ID:
            return _json(404, {"message": "Not Found"})
        return _json(200, {"id": 1, "user": _shown(person)})


class _Client(ClientMixin):  # type: ignore[misc]  # Authlib has no types
    client_id = CLIENT_ID

    def __init__(self, redirect_uri: str) -> None:
        self._redirect_uri = redirect_uri

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return self._redirect_uri

    def get_allowed_scope(self, scope: str | None) -> str:
        return ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self._redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_post"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class _Code(NamedTuple):
    person: Person
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return ""


class _CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post",)

    def save_authorization_code(self, code: str, request: Any) -> None:
        data = request.payload.data
        self.server.codes[code] = _Code(
            request.user,
            data["redirect_uri"],
            data["code_challenge"],
            data["code_challenge_method"],
        )

    def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
        found: _Code | None = self.server.codes.get(code)
        return found

    def delete_authorization_code(self, authorization_code: _Code) -> None:
        codes = self.server.codes
        self.server.codes = {
            code: each for code, each in codes.items() if each is not authorization_code
        }

    def authenticate_user(self, authorization_code: _Code) -> Person:
        return authorization_code.person


class _OAuth(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, github: GitHubServer, redirect_uri: str) -> None:
        super().__init__()
        self.codes: dict[str, _Code] = {}
        self._github = github
        self._client = _Client(redirect_uri)
        self.register_token_generator(
            "default", BearerTokenGenerator(lambda **_: "gho_" + secrets.token_hex(18))
        )
        self.register_grant(_CodeGrant, [CodeChallenge(required=True)])

    def query_client(self, client_id: str) -> _Client | None:
        return self._client if client_id == CLIENT_ID else None

    def save_token(self, token: Mapping[str, Any], request: Any) -> None:
        self._github.tokens[token["access_token"]] = (request.user, CLIENT_ID)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        pass

    def create_oauth2_request(self, request: Any) -> Any:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        sent = body if isinstance(body, str) else json.dumps(body)
        return status, sent.encode(), dict(headers)


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        # Authlib refuses http; the network between is this machine's own.
        super().__init__(method, f"https://github.test{path}?{query}", headers=dict(headers))
        self._args = dict(parse_qsl(query))
        is_form = "form-urlencoded" in headers.get("content-type", "")
        self._form = dict(parse_qsl(body.decode())) if is_form else {}
        self.payload = BasicOAuth2Payload({**self._args, **self._form})

    @property
    def args(self) -> dict[str, str]:
        return self._args

    @property
    def form(self) -> dict[str, str]:
        return self._form


def _handler(github: GitHubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            status, reply, more = github.answer(self.command, self.path, headers, body)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


def _json(status: int, value: object) -> Answer:
    return status, json.dumps(value).encode(), {"content-type": "application/json"}


def _shown(person: Person) -> Mapping[str, object]:
    return {"id": person.number, "login": person.login, "name": person.name, "type": "User"}
