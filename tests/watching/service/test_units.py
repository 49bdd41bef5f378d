import plistlib
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from imgtrans.watching.service.units import Service, launchd, systemd

PLAIN = Service(
    words=["/bin/true", "watch", "inbox", "--model", "tiny"],
    folder=Path("/srv"),
    reads=[Path("/srv/inbox")],
    writes=[Path("/srv/out")],
    grace=30,
    user="daemon",
    only_cpu=True,
)
AWKWARD = replace(
    PLAIN,
    words=["/bin/true", "watch", 'my "in" box', "$HOME", "100%", "a\\b", "caf\udce9", "tab\there"],
    reads=[Path('/srv/my "in" box')],
    writes=[Path("/srv/100% out"), Path("/tmp/x")],
    environment={"IMGTRANS_HOME": "/var/lib/my models"},
    network=True,
    only_cpu=False,
    user="",
)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd")
@pytest.mark.parametrize("service", [PLAIN, AWKWARD])
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path, service: Service) -> None:
    unit = tmp_path / "imgtrans-inbox.service"
    unit.write_text(systemd(service))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "imgtrans" in line] == []
    assert done.returncode == 0, done.stderr


def test_the_unit_may_write_what_it_must_and_nothing_else() -> None:
    lines = systemd(PLAIN).splitlines()
    assert "ReadWritePaths=/srv/out" in lines
    assert "ProtectSystem=strict" in lines
    assert "PrivateNetwork=yes" in lines
    assert "PrivateTmp=yes" in lines
    assert "TimeoutStopSec=60" in lines
    assert "User=daemon" in lines
    awkward = systemd(AWKWARD).splitlines()
    assert 'ReadWritePaths="/srv/100%% out" /tmp/x' in awkward
    assert "PrivateTmp=yes" not in awkward  # it would not see /tmp/x
    assert "PrivateNetwork=yes" not in awkward
    assert 'Environment="IMGTRANS_HOME=/var/lib/my models"' in awkward


def test_a_command_line_comes_out_of_the_unit_as_it_went_in() -> None:
    (line,) = [line for line in systemd(AWKWARD).splitlines() if line.startswith("ExecStart=")]
    assert line == (r'ExecStart=/bin/true watch "my \"in\" box" "$$HOME" 100%% "a\\b" "caf\xe9" "tab\x09here"')


def test_launchd_gets_a_property_list() -> None:
    agent = plistlib.loads(launchd(PLAIN).encode())
    assert agent["Label"] == "org.imgtrans.inbox"
    assert agent["ProgramArguments"] == [*PLAIN.words]
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["ExitTimeOut"] == 60
