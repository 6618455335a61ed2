"""REST as far as clients need it to log in and start: /api/v9, /api/v10 and /api."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from cluster.decode_errors import MALFORMED
from cluster.sandbox.state import State

_encode = msgspec.json.Encoder().encode
_MOST_DIGITS: Final = 20
"""Digits of the largest snowflake."""
_MOST_FOUND: Final = 1000
"""Members that a search may ask for."""
_OPEN = {"/gateway"}
"""Paths that need no token."""
_BOTS_ONLY = ("/gateway/bot", "/applications/@me")
"""Ends of paths that no user's token opens."""
_EMPTY = (
    "/applications/{id}/entitlements",
    "/applications/{id}/skus",
    "/guilds/{guild}/emojis",
    "/guilds/{guild}/stickers",
    "/guilds/{guild}/invites",
    "/guilds/{guild}/webhooks",
    "/soundboard-default-sounds",
    "/voice/regions",
)
"""Lists that the sandbox has nothing for."""
_VERSIONS = ("/api/v9", "/api/v10", "/api")
_OTHER_VERSION = re.compile(r"/api/v\d+/")


def _json(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=_encode(data), status=status, content_type="application/json", headers=headers
    )


def _error(status: int, message: str, code: int = 0) -> web.Response:
    return _json({"message": message, "code": code}, status)


def _whole(text: str, most_digits: int = _MOST_DIGITS) -> int | None:
    """Read a whole number, an id unless the digits are fewer; None: it is none."""
    return int(text) if text.isdecimal() and len(text) <= most_digits else None


class Rest:
    """Answers REST requests; ``routes`` gives the answers to an application."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._commands: dict[str, list[Any]] = {}

    def routes(self) -> list[web.RouteDef]:
        table: list[tuple[str, str, Callable[[web.Request], Awaitable[web.Response]]]] = [
            ("GET", "/gateway", self._gateway),
            ("GET", "/gateway/bot", self._gateway_bot),
            ("GET", "/users/@me", self._me),
            ("GET", "/users/{id:[0-9]+}", self._user),
            ("GET", "/users/@me/guilds", self._my_guilds),
            ("POST", "/users/@me/channels", self._open_dm),
            ("GET", "/oauth2/applications/@me", self._application),
            ("GET", "/applications/@me", self._application),
            ("GET", "/applications/{id}/commands", self._get_commands),
            ("PUT", "/applications/{id}/commands", self._put_commands),
            ("GET", "/applications/{id}/guilds/{guild}/commands", self._get_commands),
            ("PUT", "/applications/{id}/guilds/{guild}/commands", self._put_commands),
            ("GET", "/applications/{id}/emojis", self._emojis),
            ("GET", "/guilds/{guild}", self._guild),
            *(("GET", path, self._nothing) for path in _EMPTY),
            ("GET", "/guilds/{guild}/channels", self._channels),
            ("GET", "/guilds/{guild}/roles", self._roles),
            ("GET", "/guilds/{guild}/members/search", self._search_members),
            ("GET", "/guilds/{guild}/members/{user}", self._member),
            ("GET", "/channels/{channel}", self._channel),
        ]
        return [
            web.route(method, prefix + path, handler)
            for prefix in _VERSIONS
            for method, path, handler in table
        ]

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Faults, then the token, then the answer; what there is not is JSON too."""
        prefix = next((p for p in _VERSIONS if request.path.startswith(p + "/")), None)
        if prefix is None:
            return await handler(request)
        if prefix == "/api" and _OTHER_VERSION.match(request.path):
            # Else a client that speaks v8 would be told that its token is wrong.
            return _error(400, "Invalid API version", 50041)
        self._state.counters["rest_requests"] += 1
        fault = self._state.faults.rest_answer()
        if fault is not None:
            return fault
        path = request.path.removeprefix(prefix)
        if path not in _OPEN and not self._authorized(request):
            return _error(401, "401: Unauthorized")
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return _error(404, "404: Not Found")
        except web.HTTPMethodNotAllowed:
            return _error(405, "405: Method Not Allowed")

    def _authorized(self, request: web.Request) -> bool:
        value = request.headers.get("Authorization", "")
        scheme, _, token = value.partition(" ")
        if scheme == "Bot":
            return self._state.is_token(token.strip())
        return self._by_user(request) and not request.path.endswith(_BOTS_ONLY)

    def _by_user(self, request: web.Request) -> bool:
        """Whether a request carries the user account's token."""
        return self._state.is_user_token(request.headers.get("Authorization", ""))

    async def _gateway(self, request: web.Request) -> web.Response:
        return _json({"url": self._state.gateway_url})

    async def _gateway_bot(self, request: web.Request) -> web.Response:
        answer = {
            "url": self._state.gateway_url,
            "shards": self._state.options.shards,
            "session_start_limit": self._state.identify_limit.session_start_limit(),
        }
        return _json(answer)

    async def _me(self, request: web.Request) -> web.Response:
        world = self._state.world
        return _json(world.own_account if self._by_user(request) else world.bot_user)

    async def _user(self, request: web.Request) -> web.Response:
        if request.match_info["id"] == str(self._state.world.bot_user["id"]):
            return _json(self._state.world.bot_user)
        return _error(404, "Unknown User", 10013)

    async def _application(self, request: web.Request) -> web.Response:
        return _json(self._state.world.application)

    async def _my_guilds(self, request: web.Request) -> web.Response:
        after = _whole(request.query.get("after", "0"))
        limit = _whole(request.query.get("limit", "200"), 3)
        if after is None or limit is None or not 1 <= limit <= 200:
            return _error(400, "Invalid Form Body", 50035)
        ids = sorted(i for i in self._state.world.guild_ids(0, 1) if i > after)
        keys = ("id", "name", "icon", "banner", "features")
        guilds = []
        for guild_id in ids[:limit]:
            whole = self._guild_json(guild_id)
            part = {key: whole.get(key) for key in keys}
            part |= {"owner": False, "permissions": "2248473465835073"}
            guilds.append(part)
        return _json(guilds)

    async def _open_dm(self, request: web.Request) -> web.Response:
        try:
            body = msgspec.json.decode(await request.read())
        except MALFORMED:
            return _error(400, "The request body contains invalid JSON.", 50109)
        given = body.get("recipient_id") if isinstance(body, dict) else None
        recipient = str(given) if isinstance(given, int | str) else ""
        if not recipient.isdecimal() or len(recipient) > _MOST_DIGITS:
            return _error(400, "Invalid Form Body", 50035)
        user = {
            "id": recipient,
            "username": f"user{recipient[-4:]}",
            "discriminator": "0",
            "global_name": None,
            "avatar": None,
        }
        channel = {
            "id": str(int(recipient) + 1),
            "type": 1,
            "last_message_id": None,
            "flags": 0,
            "recipients": [user],
        }
        return _json(channel)

    async def _get_commands(self, request: web.Request) -> web.Response:
        return _json(self._commands.get(request.path.partition("/applications/")[2], []))

    async def _put_commands(self, request: web.Request) -> web.Response:
        try:
            body = msgspec.json.decode(await request.read())
        except MALFORMED:
            return _error(400, "The request body contains invalid JSON.", 50109)
        if not isinstance(body, list) or not all(isinstance(one, dict) for one in body):
            return _error(400, "Invalid Form Body", 50035)
        application_id = str(self._state.world.application_id)
        made = [
            {"type": 1, "description": "", "default_member_permissions": None, "nsfw": False}
            | command
            | {
                "id": str(int(application_id) + 1 + number),
                "application_id": application_id,
                "version": str(int(application_id) + 1 + number),
            }
            | ({"guild_id": guild} if (guild := request.match_info.get("guild")) else {})
            for number, command in enumerate(body)
        ]
        self._commands[request.path.partition("/applications/")[2]] = made
        return _json(made)

    async def _nothing(self, request: web.Request) -> web.Response:
        return _json([])

    async def _emojis(self, request: web.Request) -> web.Response:
        return _json({"items": []})

    # The world's objects, as GUILD_CREATE has them

    def _guild_json(self, guild_id: int, *, whole: bool = False) -> dict[str, Any]:
        world = self._state.world
        data = world.guild_create(guild_id, intents=0, large_threshold=50, whole=whole)
        guild: dict[str, Any] = msgspec.json.decode(data)
        return guild

    def _asked_guild(self, request: web.Request) -> dict[str, Any] | None:
        guild_id = _whole(request.match_info["guild"])
        if guild_id is None:
            return None
        try:
            return self._guild_json(guild_id, whole=self._by_user(request))
        except KeyError:
            return None

    async def _guild(self, request: web.Request) -> web.Response:
        guild = self._asked_guild(request)
        if guild is None:
            return _error(404, "Unknown Guild", 10004)
        only_in_event = (
            "joined_at", "large", "unavailable", "member_count", "voice_states", "members",
            "channels", "threads", "presences", "stage_instances", "guild_scheduled_events",
            "soundboard_sounds",
        )  # fmt: skip
        return _json({key: value for key, value in guild.items() if key not in only_in_event})

    async def _channels(self, request: web.Request) -> web.Response:
        guild = self._asked_guild(request)
        if guild is None:
            return _error(404, "Unknown Guild", 10004)
        hidden = self._hidden(request, int(guild["id"]))
        viewed = [c for c in guild["channels"] if int(c["id"]) not in hidden]
        return _json([c | {"guild_id": guild["id"]} for c in viewed])

    def _hidden(self, request: web.Request, guild_id: int) -> frozenset[int]:
        """The channels of a guild that who asks can't view: none for the user account."""
        return frozenset() if self._by_user(request) else self._state.world.guild(guild_id).hidden

    async def _roles(self, request: web.Request) -> web.Response:
        guild = self._asked_guild(request)
        return _error(404, "Unknown Guild", 10004) if guild is None else _json(guild["roles"])

    async def _member(self, request: web.Request) -> web.Response:
        asked, user = request.match_info["guild"], request.match_info["user"]
        own = str(self._state.world.bot_user["id"])
        guild_id, user_id = _whole(asked), _whole(own if user == "@me" else user)
        if guild_id is None or user_id is None:
            return _error(400, "Invalid Form Body", 50035)
        try:
            member = self._state.world.guild(guild_id).members.get(user_id)
        except KeyError:
            return _error(404, "Unknown Guild", 10004)
        return _error(404, "Unknown Member", 10007) if member is None else _json(member.full())

    async def _search_members(self, request: web.Request) -> web.Response:
        guild_id, query = _whole(request.match_info["guild"]), request.query.get("query")
        limit = _whole(request.query.get("limit", "1"), 4)
        if guild_id is None or not query or limit is None or not 1 <= limit <= _MOST_FOUND:
            return _error(400, "Invalid Form Body", 50035)
        try:
            return _json(self._state.world.search_members(guild_id, query, limit))
        except KeyError:
            return _error(404, "Unknown Guild", 10004)

    async def _channel(self, request: web.Request) -> web.Response:
        channel_id = _whole(request.match_info["channel"])
        for guild_id in self._state.world.guild_ids(0, 1):
            guild = self._state.world.guild(guild_id)
            channel = None if channel_id is None else guild.channels.get(channel_id)
            if channel is not None:
                if channel_id in self._hidden(request, guild_id):
                    return _error(403, "Missing Access", 50001)
                return _json(channel | {"guild_id": str(guild_id)})
        return _error(404, "Unknown Channel", 10003)
