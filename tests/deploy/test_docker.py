"""The image and the compose files: well formed, and of one mind with the code and with each other.

Nothing is built here: no container engine is at hand where the tests run.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from cluster.config.keys import ClusterKeys
from cluster.config.loading import load
from cluster.endpoints.listening import HTTP
from tests.deploy.files import CONFIGS, ROOT, RULES

DOCKER: Final = CONFIGS / "docker"
DOCKERFILE: Final = (DOCKER / "Dockerfile").read_text()
COMPOSE_FILES: Final = [DOCKER / "compose.yaml", DOCKER / "compose.bot.yaml"]
BIN: Final = Path(sys.executable).parent
HADOLINT: Final = shutil.which("hadolint", path=str(BIN))


def compose(name: str) -> Any:
    return yaml.safe_load((DOCKER / name).read_text())


def run(program: str, *arguments: str | Path) -> None:
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(HADOLINT is None, reason="hadolint has no wheel for this machine")
def test_the_dockerfile_is_clean() -> None:
    assert HADOLINT is not None
    run(HADOLINT, DOCKER / "Dockerfile")


def test_compose_files_are_as_the_specification_has_them() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    run(str(BIN / "check-jsonschema"), *schema, *COMPOSE_FILES)


def test_what_the_image_is_built_from_is_there_and_is_let_through() -> None:
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M)
        for source in line.split()[:-1]
    ]
    wheel = re.search(r"packages = \[(.+)\]", (ROOT / "pyproject.toml").read_text())
    assert wheel is not None
    assert set(re.findall(r'"(\w+)"', wheel[1])) <= set(copied)
    assert all((ROOT / source).exists() for source in copied)
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert sorted(line[1:] for line in ignored if line.startswith("!")) == sorted(copied)


def test_the_image_runs_as_nobody_special_and_hears_signals() -> None:
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.M)[-1] == "10001:10001"
    assert 'ENTRYPOINT ["dcgw-cluster"]' in DOCKERFILE  # in exec form
    assert re.search(r'^CMD \["start"', DOCKERFILE, re.M)


def test_variables_of_the_image_and_of_compose_are_keys() -> None:
    named = dict(re.findall(r"(DCGW_\w+)=(\S+)", DOCKERFILE))
    for file in COMPOSE_FILES:
        for service in yaml.safe_load(file.read_text())["services"].values():
            said = service.get("environment", {})
            named |= {key: value for key, value in said.items() if key.startswith("DCGW_")}
    assert len(named) >= 4
    config = load(env=named).config
    assert config.http.listen == "0.0.0.0:7310"
    assert config.token_file == "/run/secrets/token"


def test_the_health_check_asks_where_it_listens() -> None:
    check = re.search(r"HTTPConnection\('127\.0\.0\.1', (\d+)", DOCKERFILE)
    assert check is not None
    assert HTTP.auto.endswith(f":{check[1]}")


def test_a_stop_has_the_time_that_it_may_take() -> None:
    grace = compose("compose.yaml")["services"]["cluster"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) >= ClusterKeys().stop_seconds + 10


def test_services_may_no_more_than_they_need_and_are_seen_on_this_host_alone() -> None:
    for name, service in compose("compose.yaml")["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    for name in ("cluster", "bot"):
        assert compose("compose.yaml")["services"][name]["read_only"] is True


def test_files_that_are_mounted_are_there() -> None:
    made_by_hand = {"./cluster.toml"}
    for file in COMPOSE_FILES:
        for service in yaml.safe_load(file.read_text())["services"].values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith(".") and source not in made_by_hand:
                    assert (DOCKER / source).exists(), source


def test_prometheus_of_compose_scrapes_the_cluster_with_its_token_and_has_the_rules() -> None:
    configuration = yaml.safe_load((DOCKER / "prometheus.yml").read_text())
    assert configuration["rule_files"] == [RULES.name]
    (job,) = configuration["scrape_configs"]
    assert job["job_name"] == "dcgw-cluster"
    assert job["static_configs"] == [{"targets": ["cluster:7310"]}]
    secret = Path(job["authorization"]["credentials_file"]).name
    services = compose("compose.yaml")["services"]
    assert secret in services["prometheus"]["secrets"]
    assert services["prometheus"]["group_add"] == ["10001"]
    token_file = services["cluster"]["environment"]["DCGW_HTTP_TOKEN_FILE"]
    assert token_file == f"/run/secrets/{secret}"
