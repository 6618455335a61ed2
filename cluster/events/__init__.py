"""Every event of the Gateway, typed: ``decode`` makes it from a wire name and ``d``.

match decode("MESSAGE_CREATE", data):
    case MessageCreate(message=message):
        print(message.content or "no content")
    case ParseError() as error:
        print(error)
"""

from cluster.events.base import UNSET, Absent, Dispatch, Event, Object, Snowflake, snowflake_time
from cluster.events.decoding import ParseError, UnknownEvent, decode
from cluster.events.gateway import HeartbeatAck, Reconnect

__all__ = [
    "UNSET",
    "Absent",
    "Dispatch",
    "Event",
    "HeartbeatAck",
    "Object",
    "ParseError",
    "Reconnect",
    "Snowflake",
    "UnknownEvent",
    "decode",
    "snowflake_time",
]
