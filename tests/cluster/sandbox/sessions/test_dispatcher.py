"""What a session is shown of a guild, and the events that come after it, tell of nothing twice."""

from __future__ import annotations

import pytest

from tests.cluster.sandbox.dispatch_rig import DispatchRig


@pytest.mark.parametrize(
    ("name", "joined"),
    [("GUILD_MEMBER_ADD", 1), ("GUILD_MEMBER_REMOVE", -1), ("GUILD_BAN_ADD", -1)],
)
def test_the_guild_after_an_outage_is_as_it_was_before_the_event(name: str, joined: int) -> None:
    rig = DispatchRig()
    client = rig.client()
    guild_id = rig.world.guild_ids(0, 1)[0]
    rig.emit("GUILD_DELETE", guild_id)
    before = {str(user_id) for user_id in rig.world.guild(guild_id).members}
    list(client.read())
    rig.emit(name, guild_id)
    (appeared, shown), *events = client.read()
    assert appeared == "GUILD_CREATE"
    assert name in [event for event, _ in events]
    assert {member["user"]["id"] for member in shown["members"]} == before
    assert shown["member_count"] == len(before)
    after = rig.world.guild(guild_id).members
    assert len(after) == len(before) + joined
