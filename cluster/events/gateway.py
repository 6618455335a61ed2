"""The gateway itself: the session, the connection, other sessions of the account."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from cluster.events.base import UNSET, Absent, Dispatch, GatewayEvent, Payload, Snowflake, dispatch
from cluster.events.enums.users import AuthenticatorType
from cluster.events.objects.gateway import ConsoleError, RateLimitMetadata
from cluster.events.objects.integrations import OAuth2Authorization
from cluster.events.objects.presences import Session
from cluster.events.objects.users import Authenticator


class Reconnect(GatewayEvent):
    """Op 7: the server asks to reconnect and resume."""

    name: ClassVar[str] = "RECONNECT"
    data: ClassVar[bytes] = b"null"


class HeartbeatAck(GatewayEvent):
    """Op 11: the server has got a heartbeat."""

    name: ClassVar[str] = "HEARTBEAT_ACK"
    data: ClassVar[bytes] = b"null"


@dispatch("RESUMED", "Gateway")
class Resumed(Dispatch):
    """A session goes on: everything that was missed has been sent again."""

    trace: list[str] | Absent = msgspec.field(default=UNSET, name="_trace")


@dispatch("SESSIONS_REPLACE", "Gateway")
class SessionsReplace(Dispatch):
    """All sessions of the account, after one began, ended or changed its presence."""

    sessions: Payload[list[Session]]


@dispatch("RATE_LIMITED", "Gateway", listed=False)
class RateLimited(Dispatch):
    """A request over the gateway came too soon and was not answered."""

    opcode: int
    """Opcode of the request that came too soon."""
    retry_after: float
    """Seconds after which the request may be made again."""
    meta: RateLimitMetadata


@dispatch("REMOTE_COMMAND", "Gateway")
class RemoteCommand(Dispatch):
    """A word from another session of the account (op 29), as that session wrote it."""

    command: Payload[dict[str, Any]]


@dispatch("AUTH_SESSION_CHANGE", "Gateway")
class AuthSessionChange(Dispatch):
    """The login that this session belongs to has another id."""

    auth_session_id_hash: str


@dispatch("AUTHENTICATOR_CREATE", "Gateway")
class AuthenticatorCreate(Dispatch):
    """A security key was registered."""

    authenticator: Payload[Authenticator]


@dispatch("AUTHENTICATOR_UPDATE", "Gateway")
class AuthenticatorUpdate(Dispatch):
    """A security key was changed."""

    authenticator: Payload[Authenticator]


@dispatch("AUTHENTICATOR_DELETE", "Gateway")
class AuthenticatorDelete(Dispatch):
    """A security key was removed."""

    id: str
    type: AuthenticatorType | str


@dispatch("OAUTH2_TOKEN_CREATE", "Gateway", listed=False)
class OAuth2TokenCreate(Dispatch):
    """The account authorized an application."""

    authorization: Payload[OAuth2Authorization]


@dispatch("OAUTH2_TOKEN_DELETE", "Gateway", listed=False)
class OAuth2TokenDelete(Dispatch):
    """An application's authorization was taken back."""

    id: Snowflake
    application_id: Snowflake


@dispatch("OAUTH2_TOKEN_REVOKE", "Gateway")
class OAuth2TokenRevoke(Dispatch):
    """An OAuth2 token was revoked."""

    access_token: str
    application_id: Snowflake | Absent = UNSET


@dispatch("CONSOLE_COMMAND_UPDATE", "Gateway", listed=False)
class ConsoleCommandUpdate(Dispatch):
    """What became of a command to a game console."""

    id: Snowflake
    result: str
    error: ConsoleError | Absent | None = UNSET


@dispatch("EXPERIMENT_SESSION_OVERRIDE_CREATE", "Gateway", listed=False)
class ExperimentSessionOverrideCreate(Dispatch):
    """This session takes part in another variant of an experiment."""

    experiment_name: str
    variant_id: int


@dispatch("EXPERIMENT_SESSION_OVERRIDE_DELETE", "Gateway", listed=False)
class ExperimentSessionOverrideDelete(Dispatch):
    """An override of an experiment in this session is over."""

    experiment_name: str
