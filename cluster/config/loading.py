"""The configuration: a TOML file, DCGW_* variables over it, flags of the command line over those.

``configs/cluster.toml`` shows every key with its default and unit. The token is no key: it comes
from DCGW_TOKEN or the file that ``token_file`` names, so that no configuration that is shown or
shared holds it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import msgspec

from cluster.config.cache import check_cache
from cluster.config.checks import (
    broker_endpoint,
    capabilities_of,
    check_account,
    check_presence,
    check_readable,
    guilds_of,
    intents_of,
)
from cluster.config.cluster_config import SANDBOX_CLUSTER, ClusterConfig
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.engines import check_engine
from cluster.config.keys import ProxyConfig
from cluster.config.offered import check_joinable, check_offered
from cluster.config.proxy import check_proxy, tls_of
from cluster.config.schema import HIDDEN, Given, is_secret
from cluster.config.shards import check_one_session, check_share, check_workers, parse_shards
from cluster.config.sources import SCHEMA, VARIABLES, find_file, read_environment, read_file
from cluster.config.store_url import check_store
from cluster.config.tokens import read_http_token, read_secrets, read_token
from cluster.discord.account import TERMS, USER_API_VERSION, IdentifyAccount
from cluster.discord.urls import check_urls
from cluster.endpoints.folders import expanded, here, replaceable
from cluster.endpoints.listening import check_http
from cluster.endpoints.paths import ClusterPaths, cluster_paths
from cluster.errors import ConfigError
from cluster.sandbox.options import check as check_sandbox

__all__ = ["HIDDEN", "SCHEMA", "VARIABLES", "ClusterConfig", "Loaded", "load", "locate"]


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that was checked, and where each of its values came from."""

    config: ClusterConfig
    file: Path | None
    sources: dict[str, str]
    """Where each key was given; a key that is not in it has its default."""
    on_sandbox: bool
    env: dict[str, str]

    @property
    def paths(self) -> ClusterPaths:
        """Folders and endpoints of this cluster."""
        return cluster_paths(self.config.name, self.environment)

    @property
    def environment(self) -> dict[str, str]:
        """The environment, with the folders that the configuration chose in it."""
        return self.env | {
            f"DCGW_{key.upper()}": str(self._path(key))
            for key in ("state_dir", "runtime_dir")
            if getattr(self.config, key)
        }

    def _path(self, key: str) -> Path:
        """Return a path key, absolute and without links."""
        return self._path_as_given(key).resolve()

    def _path_as_given(self, key: str) -> Path:
        """Return a path key, absolute. One from the file is relative to the file's folder, so that
        it means the same from wherever the command is run; one from elsewhere is relative to
        here."""
        path = expanded(attrgetter(key)(self.config))
        if path.is_absolute():
            return path
        in_file = self.file is not None and self.sources.get(key) == self.file.name
        return (self.file.parent if self.file and in_file else here()) / path

    def _check_folders(self) -> None:
        """Refuse folders that others could put another in the place of, by a link, too."""
        for key in ("state_dir", "runtime_dir"):
            if getattr(self.config, key) and (why := replaceable(self._path_as_given(key))):
                raise ConfigError(f"{key}: {why}", f"give {key} a folder of your own")

    def token(self) -> tuple[str, list[str]]:
        """Return the token (without "Bot"), and warnings about how it is kept. ConfigError without
        one."""
        c = self.config
        return read_token(
            self.env, self._path_as_given("token_file") if c.token_file else None, c.account
        )

    def _http_token(self) -> tuple[str, list[str]]:
        """Return the token that clients of HTTP show, and warnings about how it is kept; empty:
        there is none. Raises ConfigError."""
        http = self.config.http
        if not (http.listen and http.token_file):
            check_http(http.listen, has_token=False)
            return "", []
        check_http(http.listen, has_token=True)
        return read_http_token(self._path_as_given("http.token_file"))

    def _proxy(self) -> tuple[ProxyConfig, list[str]]:
        """Return [proxy] with absolute paths, and warnings about its secrets. Raises
        ConfigError."""
        proxy = self.config.proxy
        paths: dict[str, str] = {}
        warnings: list[str] = []
        for key in ("secrets_file", "certificate", "private_key"):
            if getattr(proxy, key):
                paths[key] = str(self._path_as_given(f"proxy.{key}"))
        proxy = msgspec.structs.replace(proxy, **paths)
        if proxy.listen:
            tls_of(proxy.certificate, proxy.private_key)
            if proxy.secrets_file:
                _, warnings = read_secrets(Path(proxy.secrets_file))
        return proxy, warnings

    def _api_version(self) -> tuple[Literal[9, 10], list[str]]:
        """Return the API's version for this kind of account, and warnings on it."""
        version = self.config.api_version
        if self.config.account == "bot":
            return 10 if version == "auto" else version, []
        warnings = [] if self.on_sandbox else [TERMS]
        return USER_API_VERSION if version == "auto" else version, warnings

    def spec(self) -> tuple[CoordinatorSpec, list[str]]:
        """Return what a coordinator is started with, and warnings for the reader."""
        token, warnings = ("", []) if self.on_sandbox else self.token()
        spec, more = self.spec_with(token)
        return spec, warnings + more

    def spec_with(self, token: str) -> tuple[CoordinatorSpec, list[str]]:
        """Return the spec with this token, and warnings on all but the token. An empty one: as on a
        sandbox, which brings its own. Raises ConfigError."""
        self._check_folders()
        c, where = self.config, self.paths
        check_joinable(c)
        check_store(c.store)
        check_engine(c)
        api_version, warnings = self._api_version()
        http_token, more = self._http_token()
        proxy, of_proxy = self._proxy()
        warnings += of_proxy
        broker, keys, identify = "", "", c.identify
        if not self.on_sandbox:  # which is a bot of its own
            if c.ca_file:
                check_readable("ca_file", self._path("ca_file"))
            if identify.broker_keys:
                check_readable("identify.broker_keys", self._path("identify.broker_keys"))
            broker = broker_endpoint(identify.broker, self.environment, identify.broker_keys)
            if broker and identify.broker_keys:
                keys = str(self._path("identify.broker_keys"))
            if broker == where.control:
                raise ConfigError("identify.broker is this cluster itself", 'write "self"')
            check_share(
                str(c.shards), broker=broker, budget=identify.budget, reserve=identify.reserve
            )
        http_file = str(self._path("http.token_file")) if c.http.token_file else ""
        own = {key: getattr(c, key) for key in ClusterConfig.__struct_fields__}
        spec = CoordinatorSpec(
            **own
            | {
                "state_dir": str(where.state_dir),
                "runtime_dir": str(where.runtime_dir),
                "intents": intents_of(c.intents) if c.account == "bot" else 0,
                "capabilities": capabilities_of(c.capabilities, c.account, c.client_build_number),
                "subscribe_guilds": guilds_of(c.subscribe_guilds),
                "shards": str(c.shards),
                "api_version": api_version,
                "ca_file": str(self._path("ca_file")) if c.ca_file else "",
                "identify": msgspec.structs.replace(identify, broker=broker, broker_keys=keys),
                "http": msgspec.structs.replace(c.http, token_file=http_file),
                "proxy": proxy,
            },
            config_file=str(self.file or ""),
            token=token,
            http_token=http_token,
            on_sandbox=self.on_sandbox or not token,
        )
        return spec, warnings + more

    def values(self) -> dict[str, Any]:
        """Return every key and its value, secrets replaced by HIDDEN."""
        flat: dict[str, Any] = {}
        for name in SCHEMA.keys:
            table, _, key = name.rpartition(".")
            value = getattr(getattr(self.config, table) if table else self.config, key)
            flat[name] = HIDDEN if is_secret(name) and value else value
        return flat


def load(
    *,
    file: Path | None = None,
    flags: Mapping[str, Given] | None = None,
    on_sandbox: bool = False,
    env: Mapping[str, str] = os.environ,
) -> Loaded:
    """Read, merge and check a configuration. ``file``, else DCGW_CONFIG, else ./cluster.toml if it
    is there.

    ``flags``: by key, as the command line gave them. Raises ConfigError.
    """
    found = find_file(file, env)
    given = read_file(found) if found else {}
    if on_sandbox:  # else it would run on, and write into, the state of the real bot
        given.pop("name", None)
    given |= read_environment(env)
    given |= flags or {}
    defaults = dict(SANDBOX_CLUSTER) if on_sandbox else {}
    if "engine" in given:  # hosts say themselves how many workers they would run
        defaults.pop("workers", None)
    config = SCHEMA.build(given, defaults)
    assert isinstance(config, ClusterConfig)
    parse_shards(str(config.shards))
    intents_of(config.intents)
    capabilities_of(config.capabilities, config.account, config.client_build_number)
    guilds_of(config.subscribe_guilds)
    check_urls(config.api_url, config.gateway_url)
    _check_account(config, given)
    check_presence(config.presence, config.account)
    check_offered(config)
    check_proxy(config.proxy, config.account)
    check_cache(config, intents_of(config.intents))
    if on_sandbox:
        try:
            check_sandbox(config.sandbox)
        except ValueError as error:
            field, _, wanted = str(error).partition(": ")
            raise ConfigError(f"sandbox.{field} does not fit", f"give {wanted}") from None
    return Loaded(
        config=config,
        file=found,
        sources={key: one.source for key, one in given.items()},
        on_sandbox=on_sandbox,
        env=dict(env),
    )


def _check_account(config: ClusterConfig, given: Mapping[str, Given]) -> None:
    """Raise ConfigError for a mix of a bot and a user account."""
    said = {
        key: one.source
        for key, one in given.items()
        if "." not in key and getattr(config, key) != SCHEMA.keys[key].default
    }
    check_account(config.account, said, config.client_build_number)
    IdentifyAccount(
        kind=config.account,
        intents=intents_of(config.intents),
        capabilities=capabilities_of(
            config.capabilities, config.account, config.client_build_number
        ),
        client_build_number=config.client_build_number,
    ).check()
    part = parse_shards(str(config.shards))
    if part is not None and config.workers != "auto":
        check_workers(len(part), config.workers)
    if config.account == "user":
        check_one_session(str(config.shards), config.identify.broker)


def locate(
    *,
    file: Path | None = None,
    name: str | None = None,
    env: Mapping[str, str] = os.environ,
) -> tuple[str | None, dict[str, str]]:
    """Return where a running cluster is to be looked for: its name, if one was given, and an
    environment with the chosen folders. Only the keys that matter for this are checked, so that a
    mistake elsewhere in the file keeps nobody from stopping a cluster."""
    found = find_file(file, env)
    given = (read_file(found) if found else {}) | read_environment(env)
    if name is not None:
        given["name"] = Given(name, "--name", text=True)
    wanted = ("name", "state_dir", "runtime_dir")
    kept: dict[str, Given] = {key: one for key, one in given.items() if key in wanted}
    config = SCHEMA.build(kept, {})
    assert isinstance(config, ClusterConfig)
    sources = {key: one.source for key, one in kept.items()}
    loaded = Loaded(config=config, file=found, sources=sources, on_sandbox=False, env=dict(env))
    return config.name if "name" in kept else None, loaded.environment
