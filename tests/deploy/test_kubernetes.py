"""deploy/kubernetes: accepted by the schemas, with the rights and secrets of the units, and open for messages without the database."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.test_units import SECRETS
from triage.config.settings_loader import read_settings
from triage_cli.services.supervisor import later_roles

kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="make test installs it")

PARTS = Path(__file__).parents[2] / "deploy" / "kubernetes"
RELEASES = ("1.31", "1.37")  # the oldest and the newest that are checked
OPERATORS = {"Cluster"}  # of CloudNativePG: the schemas know nothing of it
DOCUMENTS: list[dict[str, Any]] = [one for path in sorted(PARTS.glob("*.yaml")) for one in yaml.safe_load_all(path.read_text())]
PODS = {one["metadata"]["name"]: one for one in DOCUMENTS if one["kind"] in ("Deployment", "StatefulSet", "Job")}
CONTAINERS = [(name, box) for name, one in PODS.items() for box in one["spec"]["template"]["spec"]["containers"]]
EACH_CONTAINER = pytest.mark.parametrize(("pod", "box"), CONTAINERS, ids=lambda one: one if isinstance(one, str) else one["name"])


def template_of(name: str) -> dict[str, Any]:
    """The pods that it makes."""
    found: dict[str, Any] = PODS[name]["spec"]["template"]
    return found


@pytest.mark.parametrize("release", RELEASES)
def test_kubernetes_knows_every_field(release: str) -> None:
    known = [one for one in DOCUMENTS if one["kind"] not in OPERATORS]
    for document in known:
        kubernetes_validate.validate(document, release, strict=True)
    assert len(known) > 10
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**known[-1], "replica": 2}, release, strict=True)


def test_a_pod_runs_each_role_that_its_settings_ask_for(tmp_path: Path) -> None:
    (config,) = [one for one in DOCUMENTS if one["kind"] == "ConfigMap"]
    (tmp_path / "mailroom.toml").write_text(config["data"]["mailroom.toml"])
    settings = read_settings(str(tmp_path / "mailroom.toml"), {})
    wanted = {"receive", "api", *later_roles(str(tmp_path / "mailroom.toml"))}
    assert {" ".join(box["args"]) for _, box in CONTAINERS} == wanted | {"db upgrade"}
    ports = {box["name"]: one["containerPort"] for _, box in CONTAINERS for one in box.get("ports", ())}
    listens = {"receive": settings.smtp.listen, "outbound": settings.outbound.listen, "api": settings.api.listen}
    assert {name: f"0.0.0.0:{port}" for name, port in ports.items()} == listens


@EACH_CONTAINER
def test_no_rights_but_those_of_its_files(pod: str, box: dict[str, Any]) -> None:
    spec = template_of(pod)["spec"]
    assert box["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["runAsNonRoot"]) == (2525, True)
    assert spec["automountServiceAccountToken"] is False, "it would lie in /run/secrets"
    assert "memory" in box["resources"]["limits"]
    assert "env" not in box, "secrets are files"


@EACH_CONTAINER
def test_a_role_gets_secrets_that_its_unit_gets(pod: str, box: dict[str, Any]) -> None:
    spec = template_of(pod)["spec"]
    (mounted,) = [one["name"] for one in box["volumeMounts"] if one["mountPath"] == "/run/secrets"]
    (volume,) = [one for one in spec["volumes"] if one["name"] == mounted]
    given = {item["path"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]}
    assert given <= {name for name, whose in SECRETS.items() if box["name"] in whose or box["name"] == "database-upgrade"}
    assert ("database.url" in given) is (box["name"] != "receive")


def test_what_is_accepted_outlives_its_pod() -> None:
    one = PODS["mailroom-receive"]
    assert one["kind"] == "StatefulSet"
    assert [claim["metadata"]["name"] for claim in one["spec"]["volumeClaimTemplates"]] == ["spool"]
    assert one["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    accepting = {pod for pod, box in CONTAINERS if box["name"] in ("receive", "outbound")}
    assert accepting == {"mailroom-receive"}, "the others have an empty directory for a spool"


def test_port_25_stays_open_while_the_database_is_away() -> None:
    """A pod is unready as a whole, and /readyz asks the database; the judge ends where no database answers its start."""
    doors = [one for one in DOCUMENTS if one["kind"] == "Service" and one["spec"].get("type") == "LoadBalancer"]
    assert {one["metadata"]["name"] for one in doors} == {"mailroom-smtp", "mailroom-outbound"}
    assert all(one["spec"]["publishNotReadyAddresses"] for one in doors)
    assert all(one["spec"]["externalTrafficPolicy"] == "Local" for one in doors), "the client's address would be the node's"
    asks = {(pod, box["name"]) for pod, box in CONTAINERS if "httpGet" in box.get("readinessProbe", {})}
    assert asks == {("mailroom-api", "api")}


def test_selectors_find_their_pods_and_services_their_ports() -> None:
    for one in PODS.values():
        if one["kind"] != "Job":
            assert one["spec"]["selector"]["matchLabels"] == one["spec"]["template"]["metadata"]["labels"]
    for service in (one for one in DOCUMENTS if one["kind"] == "Service"):
        (pod,) = [name for name in PODS if template_of(name)["metadata"]["labels"] == service["spec"]["selector"]]
        named = {port["name"] for name, box in CONTAINERS if name == pod for port in box.get("ports", ())}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= named


def test_every_pod_has_the_same_image() -> None:
    assert {box["image"].partition(":")[0] for _, box in CONTAINERS} == {"registry.company.example/mailroom"}
    assert len({box["image"] for _, box in CONTAINERS}) == 1
