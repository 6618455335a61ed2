"""The coordinator's spec, as it comes on standard input."""

from __future__ import annotations

from typing import Final

from cluster.config.coordinator_spec import CoordinatorSpec, decode_spec
from cluster.decode_errors import MALFORMED
from cluster.errors import ConfigError

MAX_SPEC_BYTES: Final = 1024 * 1024


def read_spec(data: bytes) -> CoordinatorSpec:
    """Decode a spec. ConfigError, which names the field and never the token, for what is none."""
    try:
        return decode_spec(data)
    except MALFORMED as error:
        raise ConfigError(f"the coordinator's spec can't be read ({error})") from None
