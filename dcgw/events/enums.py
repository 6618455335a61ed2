"""Enumerations and flags of events and of what is nested in them, all themes in one module."""

from cluster.events.enums.applications import *  # noqa: F403
from cluster.events.enums.base import *  # noqa: F403
from cluster.events.enums.channels import *  # noqa: F403
from cluster.events.enums.feed import *  # noqa: F403
from cluster.events.enums.gateway import *  # noqa: F403
from cluster.events.enums.guilds import *  # noqa: F403
from cluster.events.enums.messages import *  # noqa: F403
from cluster.events.enums.moderation import *  # noqa: F403
from cluster.events.enums.presences import *  # noqa: F403
from cluster.events.enums.settings import *  # noqa: F403
from cluster.events.enums.store import *  # noqa: F403
from cluster.events.enums.users import *  # noqa: F403
