"""Every event of the Gateway, typed: all of ``cluster.events`` (docs/events.md).

What is nested in events is in ``dcgw.events.objects``, enumerations and flags are in
``dcgw.events.enums``.
"""

from dcgw.installation import check_packages

check_packages()

from cluster.events import *  # noqa: E402, F403
from cluster.events import __all__ as __all__  # noqa: E402
