"""How much a client may send."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.gateway_server.send_limit import SendLimit


@given(st.lists(st.floats(0, 3), min_size=1, max_size=400))
def test_no_more_than_the_limit_in_any_window(pauses: list[float]) -> None:
    limit, now, passed = SendLimit(10, 6.0), 0.0, list[float]()
    for pause in pauses:
        now += pause
        recent = sum(1 for moment in passed if now - moment < 6.0)
        allowed = limit.allows(now)
        assert allowed is (recent < 10)
        if allowed:
            passed.append(now)
