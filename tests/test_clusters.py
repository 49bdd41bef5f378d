"""What docs/clusters.md says to type, as far as one machine can tell."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from imgtrans.zoo.store import Model
from tests.pictures import save

PAGE = Path(__file__).parent.parent / "docs" / "clusters.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)

# The fields of KubeRay 1.x's and of Kubernetes' own definitions, with what is below those that hold others; None is
# anything, a list is of such.
CONTAINER = {
    "name": str, "image": str, "volumeMounts": [{"name": str, "mountPath": str, "readOnly": bool}], "env": [None],
    "resources": {"requests": None, "limits": None},
}  # fmt: skip
POD = {
    "metadata": None,
    "spec": {
        "containers": [CONTAINER],
        "tolerations": [{"key": str, "operator": str, "effect": str, "value": str}],
        "nodeSelector": None,
        "volumes": [
            {"name": str, "persistentVolumeClaim": {"claimName": str}, "emptyDir": {"medium": str, "sizeLimit": str}}
        ],
    },
}
STARTED = {"rayStartParams": None, "template": POD, "resources": None, "labels": None}
FIELDS = {
    "apiVersion": str,
    "kind": str,
    "metadata": {"name": str, "namespace": str, "labels": None},
    "spec": {
        "entrypoint": str, "shutdownAfterJobFinishes": bool, "ttlSecondsAfterFinished": int, "backoffLimit": int,
        "activeDeadlineSeconds": int, "submissionMode": str, "suspend": bool, "runtimeEnvYAML": str,
        "rayClusterSpec": {
            "rayVersion": str,
            "enableInTreeAutoscaling": bool,
            "autoscalerOptions": {"idleTimeoutSeconds": int, "upscalingMode": str, "resources": None, "version": str},
            "headGroupSpec": {**STARTED, "serviceType": str},
            "workerGroupSpecs": [
                {
                    **STARTED, "groupName": str, "replicas": int, "minReplicas": int, "maxReplicas": int,
                    "numOfHosts": int, "idleTimeoutSeconds": int,
                }
            ],
        },
    },
}  # fmt: skip

pytestmark = pytest.mark.skipif(not TEXT, reason="needs the checkout")


def blocks(language: str, having: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language and having in text]


def unknown(value: Any, fields: Any, place: str = "") -> list[str]:
    """Return the places of a manifest that are no fields, or have values of another type."""
    if fields is None:
        return []
    if isinstance(fields, dict):
        if not isinstance(value, dict):
            return [place]
        strange = [f"{place}.{name}" for name in value if name not in fields]
        return strange + [
            one for name in value if name in fields for one in unknown(value[name], fields[name], f"{place}.{name}")
        ]
    if isinstance(fields, list):
        if not isinstance(value, list):
            return [place]
        return [one for n, item in enumerate(value) for one in unknown(item, fields[0], f"{place}[{n}]")]
    return [] if isinstance(value, fields) else [place]


def test_the_manifest_has_fields_that_there_are() -> None:
    (text,) = blocks("yaml", "ray.io/v1")
    manifest = yaml.safe_load(text)
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayJob")
    assert unknown(manifest, FIELDS) == []
    cluster = manifest["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())  # the definition says so
        pod = group["template"]["spec"]
        mounted = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
    (workers,) = cluster["workerGroupSpecs"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]


def test_its_images_have_the_ray_that_the_plugin_is_tried_with() -> None:
    (text,) = blocks("yaml", "ray.io/v1")
    version = yaml.safe_load(text)["spec"]["rayClusterSpec"]["rayVersion"]
    assert f"ray=={version}\n" in (PAGE.parent.parent / "constraints.txt").read_text(encoding="utf-8")


def test_what_is_no_field_is_noticed() -> None:
    assert set(unknown({"kind": 1, "spec": {"entrypont": "x"}}, FIELDS)) == {".kind", ".spec.entrypont"}


def test_every_run_that_the_page_names_is_understood() -> None:
    commands = re.findall(r"imgtrans run [^\n]*(?:\\\n[^\n]*)*", TEXT)
    assert len(commands) >= 4
    known = subprocess.run(
        [sys.executable, "-m", "imgtrans", "run", "--help"], capture_output=True, text=True, check=True
    )
    for command in commands:
        for flag in re.findall(r" (--[a-z-]+|-[a-zA-Z])\b", command):
            assert flag in known.stdout, (flag, command)


@pytest.mark.slow
def test_the_array_of_slurm_does_all_parts(tmp_path: Path, tiny: Model) -> None:
    photos, winter = tmp_path / "photos", tmp_path / "winter"
    for number in range(9):
        save(photos / f"{number}.png", 16, 16, seed=number)
    (script,) = blocks("sh", "#SBATCH --array")
    (first, last) = map(int, re.findall(r"--array=(\d+)-(\d+)", script)[0])
    assert first == 1
    (tmp_path / "winter.sh").write_text(script)
    for part in range(1, 4):
        told = {"SLURM_ARRAY_TASK_ID": f"{part}", "SLURM_ARRAY_TASK_COUNT": "3"}
        places = {"PHOTOS": f"{photos}", "WINTER": f"{winter}", "IMGTRANS_RUN_MODEL": "tiny"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(["sh", tmp_path / "winter.sh"], env={**os.environ, **told, **places, "PATH": path}, check=True)
    assert len([*winter.glob("*.png")]) == 9
    assert last == 16


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_torchrun_trains_with_two_processes(tmp_path: Path) -> None:
    for number in range(4):
        for seed, domain in enumerate(("trainA", "trainB")):
            save(tmp_path / "data" / domain / f"{number}.png", 40, 40, seed=number + 100 * seed)
    (command,) = blocks("sh", "torchrun --nnodes")
    command = command.replace("--nnodes 2", "--nnodes 1").replace("--nproc-per-node 8", "--nproc-per-node 2")
    command = command.replace("--max-restarts 3", "--max-restarts 0").replace('"$HOST:29500"', "localhost:0")
    small = {"STEPS": "2", "DEVICE": "cpu", "CROP": "32", "NGF": "4", "BLOCKS": "1"}
    environment = {
        **os.environ,
        **{f"IMGTRANS_TRAIN_{name}": value for name, value in small.items()},
        "DATASET": f"{tmp_path / 'data'}",
        "RUNS": f"{tmp_path / 'runs'}",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, check=False)
    assert (tmp_path / "runs" / "data" / "losses.csv").is_file(), done.stderr
