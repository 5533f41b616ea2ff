"""A small NLM on this machine: it lists and serves files of records as NLM's does, and misbehaves when told to."""

import hashlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MEBIBYTE = 1 << 20
FIRST, SECOND, THIRD = (f"pubmed26n000{number}.xml.gz" for number in (1, 2, 3))
UPDATE = "pubmed26n0004.xml.gz"


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Fault:
    """What takes the place of an answer, or of a part of it.

    `cut` ends the connection after so many bytes of the body, `stall` falls silent after them; `body` replaces the whole;
    `trickle` is called before each byte.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None
    stall: int | None = None
    trickle: Callable[[], object] | None = None
    reset: bool = False
    ignore_range: bool = False
    leave_out_length: bool = False
    method: str = "GET"


class FakeNlm(ThreadingHTTPServer):
    """A small NLM: `files` by their paths, and `faults` for the next requests of a path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.dates: dict[str, str] = {}
        self.md5s: dict[str, str] = {}
        self.without_md5: set[str] = set()
        self.faults: dict[str, list[Fault]] = {}
        self.requests: list[Request] = []
        self.connections = 0
        self.serving = self.most_serving = 0
        self.listing_extras = ""
        self.lock = threading.Lock()
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/pubmed/"

    def add(self, series: str, name: str, content: bytes, date: str = "2026-01-12 14:09") -> None:
        self.files[f"{series}/{name}"] = content
        self.dates[f"{series}/{name}"] = date

    def answer(self, path: str) -> bytes | None:
        if path.endswith("/"):
            return self.listing(path).encode()
        if path.endswith(".md5") and path not in self.files:
            of = path.removesuffix(".md5")
            name = of.rpartition("/")[2]
            return self.md5s.get(of, f"MD5({name})= {md5(self.files[of])}\n").encode() if of in self.files else None
        return self.files.get(path)

    def listing(self, folder: str) -> str:
        lines = []
        for path, content in sorted(self.files.items()):
            name = path.removeprefix(folder)
            if path.startswith(folder):
                lines.append(f'<a href="{name}">{name}</a>   {self.dates[path]}  {len(content) / MEBIBYTE:.1f}M')
                if name not in self.without_md5:
                    lines.append(f'<a href="{name}.md5">{name}.md5</a>   {self.dates[path]}   60 ')
        links = "\n".join(lines)
        return (
            "<!DOCTYPE HTML>\n<html><head><title>Index of /pubmed</title></head><body><pre>Name  Last modified  Size <hr>"
            '<a href="/pubmed/">Parent Directory</a>   -\n<a href="README.txt">README.txt</a>  2026-01-12 14:09  5.3K\n'
            f'{links}\n<a href="pubmed26n0001_stats.html">pubmed26n0001_stats.html</a>  2026-01-12 14:09  591\n'
            f"{self.listing_extras}<hr></pre>\n</body></html>\n"
        )

    def asked(self, path: str, method: str = "GET") -> list[Request]:
        return [request for request in self.requests if request.path == path and request.method == method]

    def asked_for_files(self) -> list[str]:
        return sorted(one.path for one in self.requests if one.method == "GET" and one.path.endswith(".xml.gz"))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FakeNlm

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.serving += 1
            self.server.most_serving = max(self.server.most_serving, self.server.serving)
        try:
            self.serve()
        finally:
            with self.server.lock:
                self.server.serving -= 1

    def do_HEAD(self) -> None:
        self.do_GET()

    def serve(self) -> None:
        path = self.path.removeprefix("/pubmed/")
        with self.server.lock:
            self.server.requests.append(Request(self.command, path, dict(self.headers)))
            faults = self.server.faults.get(path, [])
            at = next((number for number, one in enumerate(faults) if one.method == self.command), None)
            fault = faults.pop(at) if at is not None else Fault()
        if fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        whole = self.server.answer(path) if fault.body is None else fault.body
        status, body, headers = self.part(fault, whole)
        self.send_response(fault.status or status)
        for name, value in ({} if fault.status == 206 else headers | {}).items():
            self.send_header(name, value)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        if not fault.leave_out_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection = fault.cut is not None or fault.stall is not None or fault.leave_out_length
        if self.command == "GET":
            self.send_body(body, fault)

    def part(self, fault: Fault, whole: bytes | None) -> tuple[int, bytes, dict[str, str]]:
        if whole is None:
            return 404, b"<html>Not found</html>", {}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None or fault.ignore_range or fault.status:
            return 200, whole if not fault.status or fault.body is not None or fault.status == 206 else b"", {}
        start = int(asked.group(1))
        if start >= len(whole):
            return 416, b"", {"Content-Range": f"bytes */{len(whole)}"}
        return 206, whole[start:], {"Content-Range": f"bytes {start}-{len(whole) - 1}/{len(whole)}"}

    def send_body(self, body: bytes, fault: Fault) -> None:
        if fault.stall is not None:
            self.wfile.write(body[: fault.stall])
            self.wfile.flush()
            self.server.released.wait(30)
            return
        if fault.trickle is None:
            self.wfile.write(body if fault.cut is None else body[: fault.cut])
            return
        with suppress(ConnectionError):
            for at in range(len(body)):
                fault.trickle()
                self.wfile.write(body[at : at + 1])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        """Say nothing."""


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def content(seed: str, size: int = 5_000) -> bytes:
    """Bytes that do not repeat, so that a part in the wrong place is noticed."""
    return hashlib.shake_128(seed.encode()).digest(size)


@contextmanager
def serving() -> Iterator[FakeNlm]:
    """A server with three files of a baseline and one of updates."""
    server = FakeNlm()
    for name in (FIRST, SECOND, THIRD):
        server.add("baseline", name, content(name))
    server.add("updatefiles", UPDATE, content(UPDATE), "2026-01-20 09:00")
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def place(out: Path, name: str) -> Path:
    series = "updatefiles" if name == UPDATE else "baseline"
    return out / "2026" / series / name


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def parts(out: Path) -> list[Path]:
    return sorted(out.rglob("*.part"))


def is_mirrored(nlm: FakeNlm, out: Path) -> bool:
    """Whether every file of the server is in its place, byte for byte, its MD5 beside it, and nothing else."""
    for path, whole in nlm.files.items():
        local = out / f"20{path.rpartition('/')[2][6:8]}" / path
        if local.read_bytes() != whole or md5(whole) not in local.with_name(f"{local.name}.md5").read_text():
            return False
    return not parts(out)
