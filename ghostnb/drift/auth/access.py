"""Who may do what, where users are configured."""

import ipaddress
from dataclasses import dataclass

from starlette.requests import Request

from ghostnb.drift.auth.identity import Identity, Role, User, role_needed
from ghostnb.drift.auth.passwords import Passwords, decode_login
from ghostnb.drift.auth.scopes import covers, needed_scope
from ghostnb.drift.auth.tokens import InvalidTokenError, Tokens
from ghostnb.drift.auth.users import Users
from ghostnb.drift.replies import RefusedError

__all__ = ["KnownUsers", "address_of", "log_in_first"]

_SERVICE = "drift"
# Where a token for some scopes opens what they are for.
_SCOPED = ("/v1/", "/v2/")
_NOBODY = Identity(None, Role.VIEWER)


class KnownUsers:
    """Users do what their role allows, tokens only what they were given for.

    Parameters
    ----------
    users : Users
    key : bytes
        For tokens; see `read_key`.
    anonymous_pull : bool, optional
        Who does not log in may read.
    public_url : str, optional
        How clients reach this registry; by default as each of them did.

    Attributes
    ----------
    passwords : Passwords
    tokens : Tokens
    anonymous_pull : bool

    Notes
    -----
    Sources: distribution, "Token Authentication Specification"; RFC 7617 for
    Basic; RFC 6750 for what can be wrong with a token.
    """

    def __init__(
        self, users: Users, key: bytes, *, anonymous_pull: bool = False, public_url: str = ""
    ) -> None:
        self.passwords = Passwords(users)
        self.tokens = Tokens(key, users)
        self.anonymous_pull = anonymous_pull
        self._public_url = public_url

    async def check(self, request: Request, action: str, repository: str) -> None:
        """Let a request pass, or raise; see `Access.check`."""
        if action == "open":
            return
        challenge = self._challenge(request, action, repository)
        identity = request.state.identity = await self._identity(request, challenge)
        if not identity.role.allows(action):
            raise _not_allowed(identity, action, challenge)
        if not _is_granted(request, identity, action, repository):
            raise challenge.refusal("The token was not given for this.", "insufficient_scope")

    def close(self) -> None:
        """End the threads that check passwords."""
        self.passwords.close()

    async def logged_in(self, request: Request) -> User | None:
        """Find out who asks for a token: no token will do for that.

        Returns
        -------
        User or None
            None for who does not log in, and need not.

        Raises
        ------
        RefusedError
            401.
        """
        scheme, value = _authorization(request)
        if not scheme and self.anonymous_pull:
            return None
        if scheme != "basic":
            raise log_in_first("Log in, please: a token is given for a name and its password.")
        return await self._by_password(request, value, _BASIC)

    async def _identity(self, request: Request, challenge: "_Challenge") -> Identity:
        scheme, value = _authorization(request)
        if scheme == "basic":
            user = await self._by_password(request, value, challenge)
            return Identity(user.name, user.role)
        if scheme == "bearer":
            return await self._by_token(value, challenge)
        # Clients learn from the first 401, here, where to get tokens, and log in only then.
        if scheme or not self.anonymous_pull or request.scope["path"] == "/v2/":
            raise challenge.refusal("Log in, please.")
        return _NOBODY

    async def _by_password(self, request: Request, value: str, challenge: "_Challenge") -> User:
        pair = decode_login(value)
        if pair is None:
            raise challenge.refusal("The name and password cannot be read.")
        user = await self.passwords.check(*pair, address_of(request))
        if user is None:
            raise challenge.refusal("The name or the password is wrong.")
        return user

    async def _by_token(self, value: str, challenge: "_Challenge") -> Identity:
        try:
            identity = await self.tokens.identity(value)
        except InvalidTokenError as e:
            raise challenge.refusal(str(e), "invalid_token") from e
        if identity.username is None and not self.anonymous_pull:
            raise challenge.refusal("Nobody reads here any more without a login.", "invalid_token")
        return identity

    def _challenge(self, request: Request, action: str, repository: str) -> "_Challenge":
        path = request.scope["path"]
        if not path.startswith(_SCOPED):
            return _BASIC
        token_url = f"{self._public_url or _own_origin(request)}/token"
        scope = _scope_text(action, repository)
        if path.startswith("/v1/"):
            # People ask there, too, and their browser or curl knows Basic alone.
            return _Challenge(token_url, scope, is_basic_fine=True)
        name = request.path_params.get("name", "")
        if name and repository and name != repository:
            # A blob is to be mounted from another repository: the token must be for both.
            scope = f"{_scope_text('push', name)} {scope}"
        return _Challenge(token_url, scope)


@dataclass(frozen=True, slots=True)
class _Challenge:
    """How to log in: at a token server, or by Basic where there is none."""

    token_url: str = ""
    scope: str = ""
    is_basic_fine: bool = False

    def refusal(self, message: str, error: str = "") -> RefusedError:
        headers = {"www-authenticate": self._header(error)}
        if self.token_url:
            # Docker 20.10 looks for it in this very answer.
            headers |= {"docker-distribution-api-version": "registry/2.0", "server": _SERVICE}
        return RefusedError(401, "UNAUTHORIZED", message, headers=headers)

    def _header(self, error: str) -> str:
        if not self.token_url:
            return f'Basic realm="{_SERVICE}"'
        pairs = {"realm": self.token_url, "service": _SERVICE, "scope": self.scope, "error": error}
        bearer = "Bearer " + ",".join(f'{name}="{text}"' for name, text in pairs.items() if text)
        return f'{bearer}, Basic realm="{_SERVICE}"' if self.is_basic_fine else bearer


_BASIC = _Challenge()


def log_in_first(message: str) -> RefusedError:
    """Make a 401 that asks for a name and a password."""
    return _BASIC.refusal(message)


def address_of(request: Request) -> str:
    """Give where a request comes from; of IPv6 the network, which is one owner's."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4 or address.ipv4_mapped:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False))


def _not_allowed(identity: Identity, action: str, challenge: _Challenge) -> RefusedError:
    if identity.username is None:
        return challenge.refusal("Log in, please: without a login one may only read.")
    return RefusedError(
        403,
        "DENIED",
        f"{identity.username} has the role {identity.role}; "
        f"this needs the role {role_needed(action)}.",
    )


def _is_granted(request: Request, identity: Identity, action: str, repository: str) -> bool:
    if identity.scopes is None:
        return True
    if not request.scope["path"].startswith(_SCOPED):
        return False
    return covers(identity.scopes, needed_scope(action, repository))


def _scope_text(action: str, repository: str) -> str:
    needed = needed_scope(action, repository)
    if needed is None:
        return ""
    # Who pushes also looks whether something is there already.
    return f"repository:{repository}:pull,push" if action == "push" else str(needed)


def _own_origin(request: Request) -> str:
    host = request.headers.get("host")
    if not host:
        host, port = request.scope["server"]
        host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"{request.scope['scheme']}://{host}"


def _authorization(request: Request) -> tuple[str, str]:
    scheme, _, value = request.headers.get("authorization", "").strip().partition(" ")
    return scheme.lower(), value.strip()
