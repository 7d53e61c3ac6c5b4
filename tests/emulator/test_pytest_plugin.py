"""The pytest plugin with a chip in QEMU, and the example project that uses it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from wagekit import testing
from wagekit.toolchain import cross, qemu

assert testing  # with NumPy, which cannot be loaded anew by pytest within pytest
TESTS = """
import pytest

@pytest.fixture(scope="module")
def device(wagekit_device):
    return wagekit_device("digits-tiny", steps=6, icount=True, test_limit=8, samples=16).train()

def test_holds(device):
    device.assert_equal("host")
    device.assert_ram(1 << 20)
    device.assert_flash(1 << 20)
    device.assert_instructions(per_sample=10**7, per_inference=10**7)
    device.assert_accuracy(0.0)

def test_ram(device):
    device.assert_ram(1000)

def test_flash(device):
    device.assert_flash(1000)

def test_learning(device):
    device.assert_instructions(per_sample=10)

def test_inference(device):
    device.assert_instructions(per_inference=10)

def test_end(wagekit_device):
    device = wagekit_device("digits-tiny", steps=6)
    device.executor.device.session._on_log(30, "the battery is low")
    device.executor.device.exit(3)
    device.train()
"""


def test_in_qemu(pytester: pytest.Pytester, qemu: str) -> None:
    pytester.makepyfile(test_net=TESTS)
    result = pytester.runpytest("-p", "no:cacheprovider", "--wagekit-require-qemu")
    result.assert_outcomes(passed=1, failed=5)
    failures = result.stdout.str().split("= FAILURES =")[1].split("= short test summary")[0]
    assert "toolkit/wagekit" not in failures
    ram, flash, learning, inference, end = failures.split("asked at ")[:5]
    assert "bytes of RAM, wanted are 1,000 or fewer" in ram
    assert "sample store, 16 samples" in ram
    assert "bytes of flash, wanted are 1,000 or fewer" in flash
    assert "instructions to learn a sample, wanted are 10 or fewer" in learning
    assert "instructions to classify a sample, wanted are 10 or fewer" in inference
    assert "qemu:mps2-an386: the emulator ended with code" in end
    assert "last lines of the device's log\n    warning: the battery is low" in failures
    assert "digits-tiny on qemu:mps2-an386, seed 1, batch 8, 6 of 6 steps learned" in failures


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """A copy of the example, as a user makes one."""
    return Path(shutil.copytree(root / "examples" / "ci_project", tmp_path / "my-project"))


def run_tests(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def test_the_example_project(project: Path, qemu: str) -> None:
    result = run_tests(project, "--wagekit-require-qemu")
    assert result.returncode == 0, result.stdout
    assert "5 passed" in result.stdout


@pytest.mark.long
def test_the_example_project_sees_a_change(project: Path, qemu: str) -> None:
    network = project / "network.toml"
    network.write_text(network.read_text().replace("seed = 1", "seed = 2"))
    result = run_tests(project, "-k", "unnoticed")
    assert result.returncode == 1
    assert "after 240 steps the digest is another" in result.stdout
    assert "learning curve" in result.stdout


def test_the_workflow_of_the_example_installs_what_is_needed(root: Path) -> None:
    folder = root / "examples" / "ci_project"
    workflow = yaml.safe_load((folder / ".github" / "workflows" / "firmware.yml").read_text())
    (job,) = workflow["jobs"].values()
    commands = "\n".join(step.get("run", "") for step in job["steps"])
    for install in (cross.INSTALL, qemu.INSTALL):
        for package in install.removeprefix("sudo apt-get install ").split():
            assert package in commands.split()
    assert "pip install -r requirements.txt" in commands
    assert "pytest --wagekit-require-qemu" in commands
    assert "wagekit\n" in (folder / "requirements.txt").read_text()
