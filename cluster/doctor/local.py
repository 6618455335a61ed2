"""Checks what this machine offers: packages, folders, sockets, descriptors, disk."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import stat
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

import zmq

import cluster
from cluster import __version__
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.discord.intents import (
    ALL_CAPABILITIES,
    PRIVILEGED_INTENTS,
    Capabilities,
    Intents,
    set_bits,
)
from cluster.discord.proxy import proxy_for
from cluster.discord.urls import GATEWAY_URL
from cluster.doctor.finding import Finding, State
from cluster.endpoints.curve_keys import KeyFolder, check_keys
from cluster.endpoints.folders import replaceable, why_not_made
from cluster.endpoints.listening import AUTO, HTTP, PROXY, ListenKey
from cluster.endpoints.paths import IPC_PATH_BYTES, ClusterPaths, check_socket_paths, is_held
from cluster.endpoints.tcp import Tcp
from cluster.errors import ClusterError
from cluster.lmdb_files.disk import NO_PROMISE, file_system
from cluster.wire import checks

LIBRARIES: Final = ("curl_cffi", "uvloop", "pyzmq", "msgpack", "msgspec", "lmdb", "zlib-ng")
FILES_OF_A_WORKER: Final = 64
"""How many descriptors a worker has besides those of its sessions."""
FILES_OF_A_SESSION: Final = 2
"""How many descriptors a session may have: while it reconnects its old connection may still be
closing."""
MIB: Final = 1024 * 1024


def packages() -> Finding:
    """Where this installation is; versions of what it stands on. (That its packages are ours is
    checked before any verb runs: dcgw/installation.py.)"""
    home = Path(cluster.__file__).parent.parent
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    text = f"dcgw-cluster {__version__} in {home}; Python {platform.python_version()}, {libraries}"
    return Finding(check="packages", state="ok", text=text)


def state_folder(paths: ClusterPaths) -> Finding:
    """Check that the state folder is this user's, or can be made."""
    folder = paths.state_dir
    found = _writable("state", folder, "give state_dir (DCGW_STATE_DIR) another folder")
    if found.state == "ok" and is_held(paths.lock):
        text = f"{folder}; the cluster {paths.name!r} is running in it"
        return Finding(check="state", state="ok", text=text)
    return found


def sockets(paths: ClusterPaths) -> Finding:
    """Check that the paths of the sockets are short enough, and their folder is this user's."""
    try:
        longest = check_socket_paths(paths)
    except ClusterError as error:
        return Finding.failed("sockets", error)
    found = _writable(
        "sockets", paths.runtime_dir, "give runtime_dir (DCGW_RUNTIME_DIR) another folder"
    )
    if found.state != "ok":
        return found
    text = f"{paths.runtime_dir}, the longest path has {longest} of {IPC_PATH_BYTES} bytes"
    return Finding(check="sockets", state="ok", text=text)


def _writable(check: str, folder: Path, action: str) -> Finding:
    if text := why_not_made(folder) or replaceable(folder):
        return Finding(check=check, state="failed", text=text, action=action)
    if folder.exists():
        info = folder.stat()
        if info.st_uid != os.getuid():
            text = f"{folder} is not a folder of this user's"
            return Finding(check=check, state="failed", text=text, action=action)
        if info.st_mode & 0o077:
            text = f"others can enter {folder} (mode {stat.S_IMODE(info.st_mode):o})"
            action = f"`chmod 700 {folder}`, as every start does"
            return Finding(check=check, state="warning", text=text, action=action)
    return Finding(check=check, state="ok", text=str(folder))


def tcp(paths: ClusterPaths, offered: Mapping[str, str]) -> Finding:
    """Check that what is offered over TCP has keys, and that its ports are free, unless the cluster
    itself has them already. offered: endpoints by key of the configuration."""
    if not offered:
        return Finding(check="tcp", state="ok", text="nothing is offered over TCP")
    try:
        warnings = check_keys(KeyFolder(paths.keys), offered)
    except ClusterError as error:
        return Finding.failed("tcp", error)
    if not is_held(paths.lock):
        for key, endpoint in offered.items():
            if why := _bindable(endpoint):
                text = f"{key}: {endpoint} can't be bound ({why})"
                action = "stop what uses it, or give another address"
                return Finding(check="tcp", state="failed", text=text, action=action)
    text = ", ".join(f"{key} at {endpoint}" for key, endpoint in offered.items())
    if warnings:
        return Finding(check="tcp", state="warning", text=f"{text}; {warnings[0]}")
    keys = len(KeyFolder(paths.keys).clients())
    return Finding(check="tcp", state="ok", text=f"{text}; clients with a key: {keys}")


def http(paths: ClusterPaths, listen: str) -> Finding:
    """Check that HTTP can be served there, unless the cluster itself does so already. listen:
    http.listen."""
    if not listen:
        return Finding(check="http", state="ok", text="nothing is served over HTTP")
    return _listens(paths, "http", HTTP, listen)


def bots(paths: ClusterPaths, listen: str) -> Finding:
    """Check that the gateway proxy can listen there, unless it does so already. listen:
    proxy.listen."""
    if not listen:
        return Finding(check="bots", state="ok", text="no bots connect here: there is no proxy")
    return _listens(paths, "bots", PROXY, listen)


def _listens(paths: ClusterPaths, check: str, key: ListenKey, listen: str) -> Finding:
    text = f"at {key.auto if listen == AUTO else listen}"
    if not is_held(paths.lock):
        address = key.address(listen)
        try:
            listener = key.listener(address.host, address.port, or_next=listen == AUTO)
        except ClusterError as error:
            return Finding.failed(check, error)
        port = listener.getsockname()[1]
        listener.close()
        if port != address.port:
            text = f"at port {port}, since {address.port} is taken"
    return Finding(check=check, state="ok", text=text)


def _bindable(endpoint: str) -> str:
    """Return why nobody can listen on this endpoint; empty: it can be done."""
    tcp = Tcp.read(endpoint)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.setsockopt(zmq.IPV6, int(tcp is not None and tcp.ipv6))
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            return zmq.strerror(error.errno or 0)
    return ""


def nearest(folder: Path) -> Path:
    """Return the folder, or the first one above it that exists."""
    return next(f for f in (folder, *folder.parents) if f.exists())


def proxy(spec: CoordinatorSpec, env: Mapping[str, str] = os.environ) -> Finding:
    """Show which proxy the environment names for the API and for the gateway. Whether it lets us
    through shows when they are asked."""
    urls = {"the API": spec.api_url, "the gateway": spec.gateway_url or GATEWAY_URL}
    try:
        proxies = {what: proxy_for(url, env) for what, url in urls.items()}
    except ClusterError as error:
        return Finding.failed("proxy", error)
    ways = {what: f"through {one}" if one else "directly" for what, one in proxies.items()}
    if len(set(ways.values())) == 1:
        text = f"{' and '.join(ways)} are reached {ways['the API']}"
    else:
        text = ", ".join(f"{what} is reached {way}" for what, way in ways.items())
    return Finding(check="proxy", state="ok", text=text)


def is_behind_proxy(url: str, env: Mapping[str, str] = os.environ) -> bool:
    """Return whether a URL is reached through a proxy."""
    try:
        return proxy_for(url, env) is not None
    except ClusterError:
        return False  # the environment names none that can be used, which `proxy` tells


def descriptors(plan: checks.StartPlan, limit: int | None = None) -> Finding:
    """Check that the fullest worker may open its connections.

    limit: how many descriptors a process may have; None: as many as this one.
    """
    fullest = plan.fullest
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    need = FILES_OF_A_WORKER + FILES_OF_A_SESSION * fullest
    text = f"{fullest} shards of a worker need up to {need:,}, {soft:,} are allowed"
    if plan.assumed:
        text += f"; how many shards there will be is not known, {fullest} is the most of a worker"
    if soft != resource.RLIM_INFINITY and need > soft:
        action = f"`ulimit -n {need}` (systemd: LimitNOFILE={need}), or more workers"
        return Finding(check="descriptors", state=_state(plan), text=text, action=action)
    return Finding(check="descriptors", state="ok", text=text)


def _state(plan: checks.StartPlan) -> State:
    """Return how bad it is that a plan does not fit: one that is assumed may turn out smaller."""
    return "warning" if plan.assumed else "failed"


def disk(paths: ClusterPaths, plan: checks.StartPlan, journal_bytes: int) -> Finding:
    """Check that there is room for the journals: each file is allocated whole, twice its budget."""
    workers = plan.workers
    folder = nearest(paths.journals)
    allocated = sum(f.stat().st_blocks * 512 for f in paths.journals.glob("slot-*/data.mdb"))
    need = max(0, workers * 2 * journal_bytes - allocated)
    free = shutil.disk_usage(folder).free
    kind = file_system(folder)
    text = (
        f"{workers} {'journal takes' if workers == 1 else 'journals take'} "
        f"{workers * 2 * journal_bytes // MIB:,} MiB "
        f"({allocated // MIB:,} are there), "
        f"{free // MIB:,} MiB are free on {kind or 'this file system'}"
    )
    if need > free:
        action = "free the disk, or lower journal.bytes"
        return Finding(check="disk", state=_state(plan), text=text, action=action)
    if kind in NO_PROMISE:
        text += ", which can't promise room for what is allocated: the journal costs 3 to 4 times"
        action = "another file system for state_dir makes it cheaper; it is safe as it is"
        return Finding(check="disk", state="warning", text=text, action=action)
    return Finding(check="disk", state="ok", text=text)


def capabilities(spec: CoordinatorSpec) -> Finding:
    """Show what the client will say that it can do."""
    known = Capabilities(spec.capabilities & int(ALL_CAPABILITIES))
    names = [one.name or "?" for one in known]
    if unknown := set_bits(spec.capabilities & ~int(ALL_CAPABILITIES)):
        names.append(f"bits without a name: {', '.join(map(str, unknown))}")
    text = ", ".join(names) or "none"
    if spec.account == "user":
        text = f"client build {spec.client_build_number}; {text}"
    return Finding(check="capabilities", state="ok", text=text)


def intents(spec: CoordinatorSpec) -> Finding:
    """Show which privileged intents are asked for. Discord says only at IDENTIFY what it allows."""
    asked = Intents(spec.intents) & PRIVILEGED_INTENTS
    if not asked:
        return Finding(check="intents", state="ok", text="none that is privileged")
    names = ", ".join(intent.name or "?" for intent in asked)
    text = f"{names} must be enabled for the bot in the developer portal (else 4014)"
    return Finding(check="intents", state="ok", text=text)
