import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ui.launch import main

Served = Callable[..., Any]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_help_comes_at_once() -> None:
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "ui.launch", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert time.perf_counter() - started < 1
    for option in ("--index DIR", "--port", "--address", "--encoder", "--open-browser"):
        assert option in done.stdout


def test_help_imports_nothing_heavy() -> None:
    heavy = ["streamlit", "torch", "transformers", "faiss", "sqlalchemy", "lxml"]
    code = f"import sys, ui.launch; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_taken_port_is_one_sentence(taken_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", str(taken_port)]) == 1
    assert capsys.readouterr().err == (
        f"pubmed-ui: Port {taken_port} at 127.0.0.1 cannot be used (address already in use). Name another with --port.\n"
    )


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--port", "x"], ["--address", "example"], ["--nothing"]])
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_on_a_free_port_until_it_is_stopped(served: Served, tmp_path: Path, stop: signal.Signals) -> None:
    with socket.socket() as first:
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        occupy(first, 8501)
        with served("--index", str(tmp_path)) as (url, process):
            parts = urlsplit(url)
            assert parts.hostname == "127.0.0.1"
            assert parts.port is not None
            assert parts.port > 8501
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
            connection.request("GET", "/")
            assert connection.getresponse().status == http.client.OK
            connection.close()
            process.send_signal(stop)
            rest, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert (rest.strip(), errors) == ("Stopping...", "")


def occupy(listener: socket.socket, port: int) -> None:
    """Take a port, unless another program has it already."""
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError:
        return
