"""REST as clients ask at login: who may, what is limited, what there is not."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.cluster.sandbox.gateway_probe import bench

VERSIONS = ["/v9", "/v10", ""]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_libraries_ask_at_login(version: str) -> None:
    async def scenario() -> None:
        async with bench(shards=7, max_concurrency=2, session_start_remaining=900) as b:
            status, _, answer = await b.get(f"{version}/gateway/bot")
            assert status == 200
            limit = answer.pop("session_start_limit")
            assert answer == {"url": b.sandbox.info.gateway_url, "shards": 7}
            assert 0 < limit.pop("reset_after") <= 86_400_000
            assert limit == {"total": 1000, "remaining": 900, "max_concurrency": 2}
            _, _, me = await b.get(f"{version}/users/@me")
            assert me["bot"] is True
            assert me["id"] == str(b.sandbox.world.application_id)
            for path in ("/oauth2/applications/@me", "/applications/@me"):
                _, _, application = await b.get(version + path)
                assert application["bot"]["id"] == me["id"]
            _, _, plain = await b.get(f"{version}/gateway", "")
            assert plain == {"url": b.sandbox.info.gateway_url}

    asyncio.run(scenario())


@pytest.mark.parametrize("authorization", ["", "Bot", "Bot wrong", "Bearer {token}", "{token}"])
def test_who_is_not_let_in(authorization: str) -> None:
    async def scenario() -> None:
        async with bench() as b:
            given = authorization.format(token=b.token)
            status, _, answer = await b.get("/v10/gateway/bot", given)
            assert (status, answer) == (401, {"message": "401: Unauthorized", "code": 0})

    asyncio.run(scenario())


@pytest.mark.parametrize("version", ["v8", "v11"])
def test_another_version_is_not_a_wrong_token(version: str) -> None:
    async def scenario() -> None:
        async with bench() as b:
            for authorization in (None, ""):
                status, _, answer = await b.get(f"/{version}/gateway", authorization)
                assert (status, answer["code"]) == (400, 50041)

    asyncio.run(scenario())


def test_what_there_is_not() -> None:
    async def scenario() -> None:
        async with bench() as b:
            assert (await b.get("/v10/nothing"))[::2] == (
                404,
                {"message": "404: Not Found", "code": 0},
            )
            assert (await b.get("/v10/guilds/1"))[2]["code"] == 10004
            assert (await b.get("/v10/channels/1"))[2]["code"] == 10003
            headers = {"Authorization": f"Bot {b.token}"}
            url = b.sandbox.info.api_url + "/v10/users/@me"
            async with b.http.delete(url, headers=headers) as response:
                assert response.status == 405
                assert (await response.json())["code"] == 0
            async with b.http.get(b.sandbox.info.gateway_url.replace("wss", "https")) as response:
                assert response.status == 400

    asyncio.run(scenario())


def test_the_worlds_objects_are_the_gateways() -> None:
    async def scenario() -> None:
        async with bench() as b:
            _, _, guilds = await b.get("/v10/users/@me/guilds?limit=2")
            assert len(guilds) == 2
            rest = await b.get(f"/v10/users/@me/guilds?after={guilds[-1]['id']}")
            assert len(rest[2]) == 1
            guild_id = guilds[0]["id"]
            _, _, guild = await b.get(f"/v10/guilds/{guild_id}")
            assert guild["roles"]
            assert "channels" not in guild
            _, _, channels = await b.get(f"/v10/guilds/{guild_id}/channels")
            _, _, channel = await b.get(f"/v10/channels/{channels[0]['id']}")
            assert channel == channels[0]
            _, _, member = await b.get(f"/v10/guilds/{guild_id}/members/@me")
            assert member["user"]["id"] == str(b.sandbox.world.application_id)

            members = f"/v10/guilds/{guild_id}/members"
            query = member["user"]["username"][:3].upper()
            status, _, found = await b.get(f"{members}/search?query={query}&limit=1000")
            assert (status, member in found) == (200, True)
            assert len((await b.get(f"{members}/search?query={query}"))[2]) == 1
            for path, status, code in (
                (f"{members}/5", 404, 10007),
                (f"{members}/somebody", 400, 50035),
                (f"{members}/{'1' * 5000}", 400, 50035),
                (f"{members}/search", 400, 50035),
                (f"{members}/search?query=a&limit=1001", 400, 50035),
                (f"{members}/search?query=a&limit={'1' * 5000}", 400, 50035),
                ("/v10/guilds/5/members/search?query=a", 404, 10004),
                ("/v10/guilds/5/members/5", 404, 10004),
                (f"/v10/guilds/{'1' * 5000}", 404, 10004),
                (f"/v10/users/@me/guilds?after={'1' * 5000}", 400, 50035),
                (f"/v10/channels/{'1' * 5000}", 404, 10003),
            ):
                answer = await b.get(path)
                assert (answer[0], answer[2]["code"]) == (status, code), path

    asyncio.run(scenario())


def test_lists_that_libraries_ask_for_at_their_start_are_there() -> None:
    """py-cord is not ready before it has had the default sounds."""

    async def scenario() -> None:
        async with bench() as b:
            for path in ("/voice/regions", "/soundboard-default-sounds"):
                assert (await b.get(f"/v10{path}"))[::2] == (200, [])

    asyncio.run(scenario())


def test_commands_that_were_put_are_there() -> None:
    async def scenario() -> None:
        async with bench() as b:
            application_id = b.sandbox.world.application_id
            path = f"/v10/applications/{application_id}/commands"
            assert (await b.get(path))[2] == []
            headers = {"Authorization": f"Bot {b.token}"}
            url = b.sandbox.info.api_url + path
            async with b.http.put(url, headers=headers, json=[{"name": "ping"}]) as response:
                (made,) = await response.json()
            assert made["name"] == "ping"
            assert made["application_id"] == str(application_id)
            assert (await b.get(path))[2] == [made]
            for body in (b"{", b"[" * 2000 + b"]" * 2000):
                async with b.http.put(url, headers=headers, data=body) as response:
                    assert response.status == 400
            url = b.sandbox.info.api_url + "/v10/users/@me/channels"
            for given in (b"[" * 990 + b"]" * 990, b'"' + b"1" * 5000 + b'"', b"null"):
                body = b'{"recipient_id":%b}' % given
                async with b.http.post(url, headers=headers, data=body) as response:
                    assert response.status == 400

    asyncio.run(scenario())


def test_429_and_5xx_as_often_as_asked() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await b.control.fault(kind="rest_429", count=2, retry_after=1.5)
            for _ in range(2):
                status, headers, answer = await b.get("/v10/gateway/bot")
                assert status == 429
                assert headers["Retry-After"] == "2"
                assert headers["X-RateLimit-Reset-After"] == "1.500"
                assert headers["X-RateLimit-Remaining"] == "0"
                assert answer == {
                    "message": "You are being rate limited.",
                    "retry_after": 1.5,
                    "global": False,
                }
            assert (await b.get("/v10/gateway/bot"))[0] == 200
            await b.control.fault(kind="rest_429", **{"global": True})
            _, headers, answer = await b.get("/v10/users/@me")
            assert headers["X-RateLimit-Global"] == "true"
            assert answer["global"] is True
            await b.control.fault(kind="rest_5xx", status=503)
            headers = {"Authorization": f"Bot {b.token}"}
            url = b.sandbox.info.api_url + "/v10/gateway/bot"
            async with b.http.get(url, headers=headers) as response:
                assert response.status == 503
            assert (await b.get("/v10/gateway/bot"))[0] == 200
            assert b.token not in json.dumps(await b.control.state())

    asyncio.run(scenario())


def test_a_channel_that_the_bot_cant_view_until_it_can() -> None:
    """REST leaves it out; the gateway obfuscates it, and says when it need not any more."""

    async def scenario() -> None:
        async with bench(guilds=1) as b:
            guild_id = b.sandbox.world.guild_ids(0, 1)[0]
            (channel_id,) = b.sandbox.world.guild(guild_id).hidden
            every, one = f"/v10/guilds/{guild_id}/channels", f"/v10/channels/{channel_id}"
            _, _, channels = await b.get(every)
            assert str(channel_id) not in [channel["id"] for channel in channels]
            status, _, answer = await b.get(one)
            assert (status, answer) == (403, {"message": "Missing Access", "code": 50001})
            _, _, whole = await b.get(every, b.sandbox.info.user_token)
            assert len(whole) == len(channels) + 1
            probe = await b.ready()
            change = {"channel_id": str(channel_id), "overwrites": []}
            heard = await b.control.access(guild_id, **change)
            assert heard == {"CHANNEL_UPDATE": 1, "THREAD_LIST_SYNC": 1}
            told = (await probe.until("CHANNEL_UPDATE"))["d"]
            assert (await b.get(one))[::2] == (200, told)

    asyncio.run(scenario())
