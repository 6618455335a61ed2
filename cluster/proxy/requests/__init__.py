"""What clients ask of Discord, and whose the answers are."""

from cluster.proxy.requests.answers import Answers
from cluster.proxy.requests.requests import Requests

__all__ = ["Answers", "Requests"]
