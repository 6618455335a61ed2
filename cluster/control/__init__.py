"""Ask a running cluster and tell it what to do; public is what ``__all__`` names."""

from cluster.control.client import ControlClient

__all__ = ["ControlClient"]


def __dir__() -> list[str]:
    return __all__
