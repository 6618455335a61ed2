"""What a client can ask of the gateway: one function a command, checked before anything is sent.

Pure: a function returns the Command (bulk subscriptions: a list) or raises CommandError, which
names the argument. ``Commands`` has them all as methods, for whoever can send one.
"""

from cluster.commands.command import Command, raw, read
from cluster.commands.member_chunks import MemberChunks, Members
from cluster.commands.methods import Commands, Take
from cluster.commands.subscriptions import EVERYTHING, Subscription
from cluster.commands.voice import LobbyVoiceState
from cluster.errors import BusyError, CommandError, NotSentError

__all__ = [
    "EVERYTHING",
    "BusyError",
    "Command",
    "CommandError",
    "Commands",
    "LobbyVoiceState",
    "MemberChunks",
    "Members",
    "NotSentError",
    "Subscription",
    "Take",
    "raw",
    "read",
]
