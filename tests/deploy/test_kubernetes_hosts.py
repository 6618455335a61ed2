"""The manifests of a cluster whose hosts are pods of their own."""

from __future__ import annotations

import re
import subprocess
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner

from cluster.cli.verbs.host import host
from cluster.config.loading import load
from cluster.endpoints.curve_keys import SUFFIX
from cluster.endpoints.tcp import Tcp
from tests.deploy.files import CONFIGS
from tests.deploy.test_kubernetes import KUBECTL

BASE: Final = CONFIGS / "kubernetes"
FOLDER: Final = CONFIGS / "kubernetes-hosts"
PORTS: Final = {7321, 7322, 7323}


def manifests(name: str) -> dict[str, Any]:
    """Return the manifests of a file by their names."""
    found = yaml.safe_load_all((FOLDER / name).read_text())
    return {one["metadata"]["name"]: one for one in found}


def stateful() -> Any:
    return manifests("statefulset.yaml")["dcgw-host"]


def container() -> Any:
    (only,) = stateful()["spec"]["template"]["spec"]["containers"]
    return only


def arguments() -> dict[str, str]:
    """Return the options of `dcgw-cluster host`."""
    return dict(one.removeprefix("--").split("=", 1) for one in container()["args"][1:])


def test_the_kustomization_names_what_is_there() -> None:
    said = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    named = [*said["resources"][1:], *(patch["path"] for patch in said["patches"])]
    assert said["resources"][0] == "../kubernetes"
    there = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(named) == there
    (made,) = said["configMapGenerator"]
    base = yaml.safe_load((BASE / "kustomization.yaml").read_text())["configMapGenerator"][0]
    assert (made["name"], made["behavior"], made["files"]) == (
        base["name"],
        "replace",
        base["files"],
    )


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not here")
def test_kubectl_builds_one_cluster_of_both_folders() -> None:
    assert KUBECTL is not None
    done = subprocess.run(
        [KUBECTL, "kustomize", str(FOLDER)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    built = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(done.stdout)}
    (config,) = [one for (kind, _), one in built.items() if kind == "ConfigMap"]
    assert config["data"]["cluster.toml"] == (FOLDER / "cluster.toml").read_text()
    pod = built["StatefulSet", "dcgw-cluster"]["spec"]["template"]["spec"]
    assert {"name": config["metadata"]["name"]} in [one.get("configMap") for one in pod["volumes"]]
    (its,) = pod["containers"]
    assert len(its["ports"]) == 7
    assert its["image"] == pod["initContainers"][0]["image"] == "dcgw-cluster:latest"
    mounts = {mount["name"] for mount in its["volumeMounts"]}
    assert mounts == {"state", "config", "secrets", "tmp"}


def test_the_coordinator_listens_where_hosts_join() -> None:
    config = load(file=FOLDER / "cluster.toml", env={}).config
    assert config.engine == "join"
    listened = {port.port for port in map(Tcp.read, config.hosts.offered.values()) if port}
    assert listened == PORTS
    assert config.hosts.expected == stateful()["spec"]["replicas"]
    join = Tcp.read(arguments()["join"])
    assert join is not None
    service = manifests("service.yaml")[join.host]
    ports = {port["targetPort"]: port["port"] for port in service["spec"]["ports"]}
    assert set(ports.values()) == PORTS
    assert ports["hosts-control"] == join.port
    patch = yaml.safe_load((FOLDER / "coordinator.patch.yaml").read_text())
    (patched,) = patch["spec"]["template"]["spec"]["containers"]
    assert {one["name"]: one["containerPort"] for one in patched["ports"]} == ports
    base = yaml.safe_load((BASE / "statefulset.yaml").read_text())
    assert patch["metadata"]["name"] == base["metadata"]["name"]
    (its,) = base["spec"]["template"]["spec"]["containers"]
    assert patched["name"] == its["name"]
    labels = base["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    # It is not ready before hosts have joined, and they find it by this Service.
    assert service["spec"]["publishNotReadyAddresses"] is True


def test_keys_are_there_before_a_start_asks_for_them() -> None:
    patch = yaml.safe_load((FOLDER / "coordinator.patch.yaml").read_text())
    (before,) = patch["spec"]["template"]["spec"]["initContainers"]
    (line,) = before["args"]
    assert re.search(r"\|\| dcgw-cluster keys renew --config (\S+)$", line)
    name = load(file=FOLDER / "cluster.toml", env={}).config.name
    assert f"/var/lib/dcgw/{name}/keys/server.json" in line


def test_each_host_has_its_own_key_alone_by_the_name_of_its_pod() -> None:
    said = arguments()
    (mount,) = [one for one in container()["volumeMounts"] if one["name"] == "keys"]
    assert mount["mountPath"] == said["keys"]
    assert mount["subPathExpr"] == f"$(POD_NAME){SUFFIX}"
    (variable,) = container()["env"]
    assert variable["name"] == "POD_NAME"
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    (volume,) = [
        one["secret"]
        for one in stateful()["spec"]["template"]["spec"]["volumes"]
        if "secret" in one
    ]
    assert volume["defaultMode"] & 0o007 == 0


def test_a_host_is_started_as_the_command_takes_it() -> None:
    assert container()["args"][0] == "host"
    done = CliRunner().invoke(host, container()["args"][1:])
    assert "/run/secrets/dcgw/host.key" in str(done.exception), "it goes as far as its key"
    said = arguments()
    assert int(container()["resources"]["requests"]["cpu"]) >= int(said["workers"])


def test_hosts_and_the_coordinator_reach_each_other_and_nobody_else_does() -> None:
    policies = manifests("networkpolicy.yaml")
    (rule,) = policies["dcgw-join"]["spec"]["ingress"]
    label = stateful()["spec"]["template"]["metadata"]["labels"]
    assert rule["from"] == [{"podSelector": {"matchLabels": label}}]
    assert {port["port"] for port in rule["ports"]} == PORTS
    own = policies["dcgw-host"]["spec"]
    assert own["podSelector"]["matchLabels"] == label
    assert "ingress" not in own
    assert any({port["port"] for port in rule["ports"]} == PORTS for rule in own["egress"])
    disruption = manifests("poddisruptionbudget.yaml")["dcgw-host"]["spec"]
    assert disruption["selector"]["matchLabels"] == label


def test_a_host_may_no_more_than_the_coordinator() -> None:
    base = yaml.safe_load((BASE / "statefulset.yaml").read_text())["spec"]["template"]["spec"]
    own = stateful()["spec"]["template"]["spec"]
    assert own["securityContext"] == base["securityContext"]
    assert container()["securityContext"] == base["containers"][0]["securityContext"]
