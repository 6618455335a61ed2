"""What configs/ray has: of one mind with the code, Ray's versions and each other. The definition of
RayCluster is not at hand: its shape is looked at by hand."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import kubernetes_validate  # type: ignore[import-untyped]  # it carries no types
import pytest
import yaml

from cluster.config.keys import ClusterKeys
from cluster.config.loading import load
from cluster.endpoints.tcp import Tcp
from tests.deploy.files import CONFIGS, ROOT
from tests.deploy.test_kubernetes import KUBECTL, VERSIONS

FOLDER: Final = CONFIGS / "ray"
DOCKERFILE: Final = (FOLDER / "Dockerfile").read_text()
HADOLINT: Final = shutil.which("hadolint", path=str(Path(sys.executable).parent))
GIB: Final = 1024


def manifests(name: str) -> list[Any]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def ray_cluster() -> Any:
    (only,) = manifests("raycluster.yaml")
    return only


def coordinator() -> Any:
    return manifests("coordinator.yaml")[0]


def nodes() -> Any:
    (group,) = ray_cluster()["spec"]["workerGroupSpecs"]
    return group


def config(name: str) -> ClusterKeys:
    return load(file=FOLDER / name, env={}).config


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["coordinator.yaml", "networkpolicy.yaml"])
def test_manifests_are_valid(name: str, version: str) -> None:
    for one in manifests(name):
        kubernetes_validate.validate(one, version, strict=True)


def test_the_kustomization_names_what_is_there() -> None:
    said = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert set(said["resources"]) == {
        path.name for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml"
    }
    (made,) = said["configMapGenerator"]
    (volume,) = [
        one["configMap"]
        for one in coordinator()["spec"]["template"]["spec"]["volumes"]
        if "configMap" in one
    ]
    assert volume["name"] == made["name"]
    assert [item["key"] for item in volume["items"]] == made["files"] == ["kuberay.toml"]


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not here")
def test_kubectl_builds_the_kustomization() -> None:
    assert KUBECTL is not None
    done = subprocess.run(
        [KUBECTL, "kustomize", str(FOLDER)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert sorted(one["kind"] for one in built) == [
        "ConfigMap", "NetworkPolicy", "NetworkPolicy", "RayCluster", "Service", "StatefulSet"
    ]  # fmt: skip
    assert done.stdout.count("image: dcgw-ray:2.60.0\n") == 3, "of the RayCluster, too"


@pytest.mark.skipif(HADOLINT is None, reason="hadolint has no wheel for this machine")
def test_the_dockerfile_is_clean() -> None:
    assert HADOLINT is not None
    done = subprocess.run(
        [HADOLINT, FOLDER / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_has_all_packages_and_one_version_of_ray() -> None:
    wheel = re.search(r"packages = \[(.+)\]", (ROOT / "pyproject.toml").read_text())
    assert wheel is not None
    copied = re.findall(r"^COPY (\w+) \w+$", DOCKERFILE, re.M)
    assert set(re.findall(r'"(\w+)"', wheel[1])) == set(copied)
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text()
    assert all(f"!{name}\n" in ignored for name in copied)
    image = re.search(r"^FROM rayproject/ray:([\d.]+)-py", DOCKERFILE, re.M)
    assert image is not None
    assert ray_cluster()["spec"]["rayVersion"] == image[1]
    said = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert said["images"] == [{"name": "dcgw-ray", "newTag": image[1]}]
    groups = [ray_cluster()["spec"]["headGroupSpec"], nodes()]
    pods = [group["template"]["spec"] for group in groups] + [
        coordinator()["spec"]["template"]["spec"]
    ]
    assert [one["image"] for pod in pods for one in pod["containers"]] == ["dcgw-ray"] * 3


def test_a_ray_cluster_has_the_shape_that_kuberay_takes() -> None:
    cluster = ray_cluster()
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    assert set(cluster["spec"]) == {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
    assert set(cluster["spec"]["headGroupSpec"]) == {"rayStartParams", "template"}
    group = nodes()
    assert set(group) == {
        "groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"
    }  # fmt: skip
    for one in (cluster["spec"]["headGroupSpec"], group):
        assert all(isinstance(value, str) for value in one["rayStartParams"].values())
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}} | {
            "spec": one["template"]["spec"]
        }
        kubernetes_validate.validate(pod, VERSIONS[-1], strict=True)


def test_agents_have_room_on_each_node_and_none_is_on_the_head() -> None:
    asked, params = config("kuberay.toml").ray, nodes()["rayStartParams"]
    assert float(params["num-cpus"]) >= asked.cpus
    assert dict([params["labels"].split("=")]) == asked.labels
    assert config("kuberay.toml").hosts.expected == nodes()["replicas"]
    (container,) = nodes()["template"]["spec"]["containers"]
    limit = int(container["resources"]["limits"]["memory"].removesuffix("Gi")) * GIB
    assert limit * 0.7 >= asked.memory_mb, "Ray keeps three tenths for its objects"
    assert ray_cluster()["spec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_who_has_to_find_whom_does() -> None:
    own = config("kuberay.toml")
    (service,) = [one for one in manifests("coordinator.yaml") if one["kind"] == "Service"]
    assert own.hosts.advertise == service["metadata"]["name"]
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["selector"] == coordinator()["spec"]["selector"]["matchLabels"]
    (container,) = coordinator()["spec"]["template"]["spec"]["containers"]
    listened = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == listened
    offered = {tcp.port for tcp in map(Tcp.read, own.hosts.offered.values()) if tcp}
    assert offered < set(listened.values())
    # KubeRay names the head's Service after its cluster.
    assert own.ray.address == f"ray://{ray_cluster()['metadata']['name']}-head-svc:10001"


def test_ports_of_ray_are_open_to_ray_and_the_coordinator_alone() -> None:
    policy, own = manifests("networkpolicy.yaml")
    label = {"app.kubernetes.io/name": "dcgw-ray"}
    assert policy["spec"]["podSelector"]["matchLabels"] == label
    for group in (ray_cluster()["spec"]["headGroupSpec"], nodes()):
        assert group["template"]["metadata"]["labels"] == label
    (among, from_coordinator, _) = policy["spec"]["ingress"]
    assert among["from"] == [{"podSelector": {"matchLabels": label}}]
    assert from_coordinator["ports"] == [{"protocol": "TCP", "port": 10001}]
    assert own["spec"]["ingress"][0]["from"] == [{"podSelector": {"matchLabels": label}}]


def test_bare_hosts_are_nodes_that_agents_fit_on() -> None:
    unit = (FOLDER / "ray-node.service").read_text()
    asked = config("cluster.toml").ray
    (command,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    cpus = re.search(r"--num-cpus=(\d+)", command)
    assert cpus is not None
    assert int(cpus[1]) >= asked.cpus
    assert "--labels=" + ",".join(f"{k}={v}" for k, v in asked.labels.items()) in command
    stop = re.search(r"TimeoutStopSec=(\d+)", unit)
    assert stop is not None
    assert int(stop[1]) >= ClusterKeys().stop_seconds + 10
