"""The manifests: valid for Kubernetes, and of one mind with the code, the image and each other."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import kubernetes_validate  # type: ignore[import-untyped]  # it carries no types
import pytest
import yaml

from cluster.config.keys import ClusterKeys
from cluster.config.loading import Loaded, load
from tests.deploy.files import CONFIGS

FOLDER: Final = CONFIGS / "kubernetes"
VERSIONS: Final = ("1.29", "1.34")
"""The oldest that has all that is used (ReadWriteOncePod), and a newer one."""
MANIFESTS: Final = sorted(
    path
    for folder in (FOLDER, CONFIGS / "kubernetes-hosts")
    for path in folder.rglob("*.yaml")
    if path.name not in ("kustomization.yaml", "servicemonitor.yaml")
    and not path.name.endswith(".patch.yaml")
)
KUBECTL: Final = shutil.which("kubectl")
NAME: Final = {"app.kubernetes.io/name": "dcgw-cluster"}


def manifest(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


def pod() -> Any:
    return manifest("statefulset.yaml")["spec"]["template"]["spec"]


def container() -> Any:
    (only,) = pod()["containers"]
    return only


def configuration() -> Loaded:
    return load(file=FOLDER / "cluster.toml", env={})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_manifest_is_valid(path: Path, version: str) -> None:
    for one in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(one, version, strict=True)


def test_the_service_monitor_has_the_shape_of_its_definition() -> None:
    monitor = manifest("monitoring/servicemonitor.yaml")
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["kind"] == "ServiceMonitor"
    assert set(monitor["spec"]) == {"selector", "endpoints"}
    (endpoint,) = monitor["spec"]["endpoints"]
    assert set(endpoint) <= {"port", "path", "interval", "authorization"}
    assert endpoint["path"] == "/metrics"
    service = manifest("service.yaml")
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    # The operator takes the Service's name as the job, which the rules look for.
    assert service["metadata"]["name"] == "dcgw-cluster"
    assert endpoint["authorization"]["credentials"] == {"name": "dcgw-cluster", "key": "http_token"}


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "monitoring"], ids=lambda path: path.name)
def test_what_a_kustomization_names_is_there(folder: Path) -> None:
    said = yaml.safe_load((folder / "kustomization.yaml").read_text())
    files = said["resources"] + [
        file for one in said.get("configMapGenerator", []) for file in one["files"]
    ]
    assert all((folder / file).is_file() for file in files)
    there = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert there - set(files) <= {"secret.example.yaml"}


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not here")
def test_kubectl_builds_the_kustomization() -> None:
    assert KUBECTL is not None
    done = subprocess.run(
        [KUBECTL, "kustomize", str(FOLDER)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    (made,) = [one for one in built if one["kind"] == "ConfigMap"]
    (stateful,) = [one for one in built if one["kind"] == "StatefulSet"]
    volumes = stateful["spec"]["template"]["spec"]["volumes"]
    assert {"name": made["metadata"]["name"]} in [volume.get("configMap") for volume in volumes]


def test_selectors_find_the_pod() -> None:
    stateful = manifest("statefulset.yaml")
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    for selector in (
        stateful["spec"]["selector"]["matchLabels"],
        manifest("service.yaml")["spec"]["selector"],
        manifest("networkpolicy.yaml")["spec"]["podSelector"]["matchLabels"],
        manifest("poddisruptionbudget.yaml")["spec"]["selector"]["matchLabels"],
    ):
        assert selector == NAME
        assert selector.items() <= labels.items()
    assert stateful["spec"]["serviceName"] == manifest("service.yaml")["metadata"]["name"]


def test_ports_are_those_that_the_service_and_the_network_policy_have() -> None:
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    for port in manifest("service.yaml")["spec"]["ports"]:
        assert ports[port["targetPort"]] == port["port"]
    let_in = {
        port["port"]
        for rule in manifest("networkpolicy.yaml")["spec"]["ingress"]
        for port in rule["ports"]
    }
    assert let_in == set(ports.values())
    assert configuration().config.http.listen == f"0.0.0.0:{ports['http']}"


def test_the_configuration_is_right_and_its_secrets_are_mounted() -> None:
    config = configuration().config
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    secrets = manifest("secret.example.yaml")
    assert [config.token_file, config.http.token_file] == [
        f"{mounts['secrets']}/{name}" for name in secrets["stringData"]
    ]
    (volume,) = [one["secret"] for one in pod()["volumes"] if "secret" in one]
    assert volume["secretName"] == secrets["metadata"]["name"]
    assert volume["defaultMode"] & 0o007 == 0
    assert container()["args"][-1] == f"{mounts['config']}/cluster.toml"
    assert isinstance(config.workers, int), '"auto" counts the cores of the node'


def test_it_is_the_user_of_the_image_without_rights() -> None:
    image = (CONFIGS / "docker" / "Dockerfile").read_text()
    security = pod()["securityContext"]
    assert f"USER {security['runAsUser']}:{security['runAsGroup']}" in image
    assert security["fsGroup"] == security["runAsGroup"]
    assert security["runAsNonRoot"] is True
    assert security["fsGroupChangePolicy"] == "OnRootMismatch"
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    assert f"DCGW_STATE_DIR={mounts['state']} " in image
    assert f"DCGW_RUNTIME_DIR={mounts['state']}/" in image, "an emptyDir is everybody's to write to"


def test_a_stop_has_the_time_that_it_may_take() -> None:
    assert pod()["terminationGracePeriodSeconds"] >= ClusterKeys().stop_seconds + 10


def test_probes_wait_for_a_start_that_waits_for_the_api() -> None:
    assert "--wait" in container()["args"]
    startup = container()["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 3600, "a ban lasts an hour"
    assert container()["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container()["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_the_volume_holds_the_journals_while_resharding() -> None:
    config = configuration().config
    (claim,) = manifest("statefulset.yaml")["spec"]["volumeClaimTemplates"]
    size = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) * 1024**3
    assert size >= 2 * 2 * config.journal.bytes * int(config.workers) + 1024**3
