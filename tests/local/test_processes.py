"""What is started is stopped, whole."""

import contextlib
import os
import socket
import sys
import time

import psutil
import pytest

from local.errors import LocalError
from local.processes import Service, free_port, is_free, require_free, sole_user, stopping

# A child in a process group of its own, as Airflow's tasks are, that does not end when asked to.
STUBBORN = """
import os, signal, sys, time
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("child", os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def start(tmp_path):
    def start(code):
        command = [sys.executable, "-c", code]
        return Service("thing", command, env=dict(os.environ), cwd=tmp_path, log=tmp_path / "log")

    return start


def wait_for_output(service, text):
    deadline = time.monotonic() + 60
    while text not in service.output:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_stopping_ends_orphans_in_other_process_groups(start):
    service = start(STUBBORN)
    with stopping([service]):
        wait_for_output(service, "child")
        child = psutil.Process(int(service.output.split()[1]))

    assert service.exit_code is not None
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_an_interruption_stops_too(start):
    service = start("import time; time.sleep(60)")

    with contextlib.suppress(KeyboardInterrupt), stopping([service]):
        raise KeyboardInterrupt

    assert service.exit_code is not None


def test_a_service_that_ends_by_itself_is_told_with_its_log(start):
    service = start("import sys; print('no disk'); sys.exit(3)")
    service.wait(10)

    with pytest.raises(
        LocalError, match=r"thing has ended by itself \(exit code 3\)(?s:.*)no disk"
    ):
        service.check()


def test_the_log_of_an_earlier_start_is_not_told(start):
    for word in ("first", "second"):
        service = start(f"print('{word}')")
        service.wait(10)

    assert service.output == "second\n"


def test_a_port_that_is_taken_is_told():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]

        assert not is_free(port)
        with pytest.raises(LocalError, match=f"Airflow cannot listen on 127.0.0.1:{port}"):
            require_free(port, "Airflow")

    assert is_free(free_port())


def test_a_folder_has_one_user_at_a_time(tmp_path):
    with sole_user(tmp_path), pytest.raises(LocalError, match="is in use"):
        sole_user(tmp_path).__enter__()

    with sole_user(tmp_path):
        pass
