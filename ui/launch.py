"""The command ``pubmed-ui``: serves the page from this machine until Ctrl-C."""

import argparse
import http.client
import ipaddress
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from search.index_folder import DEFAULT_INDEX

FIRST_PORT = 8501
PORTS_TRIED = 100
NO_SAVED = "no-saved"  # what the page is told where it saves nothing
_POLL_SECONDS = 0.1

# Fixed here because the project keeps no folder of Streamlit settings; both themes follow the reader's system.
_OPTIONS = {
    "server_headless": True,
    "server_fileWatcherType": "none",
    "server_runOnSave": False,
    "runner_magicEnabled": False,
    "browser_gatherUsageStats": False,
    "client_toolbarMode": "minimal",
    "client_showErrorDetails": "none",
    "logger_hideWelcomeMessage": True,
    "logger_level": "warning",
    "theme_light_primaryColor": "#1b5e9b",
    "theme_light_linkColor": "#1a56a0",
    "theme_light_backgroundColor": "#ffffff",
    "theme_light_secondaryBackgroundColor": "#f2f5f9",
    "theme_light_textColor": "#1c2733",
    "theme_dark_primaryColor": "#2f74b8",
    "theme_dark_linkColor": "#8ab8f0",
    "theme_dark_backgroundColor": "#11161d",
    "theme_dark_secondaryBackgroundColor": "#1b232d",
    "theme_dark_textColor": "#e4e9ef",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl-C; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        port = _chosen_port(arguments.address, arguments.port)
    except OSError as error:
        print(f"pubmed-ui: {error}", file=sys.stderr)
        return 1
    host = _browser_host(arguments.address)
    watcher = threading.Thread(target=_announce, args=(host, port, arguments.open_browser), daemon=True)
    watcher.start()
    with suppress(KeyboardInterrupt):
        _serve([arguments.index, arguments.encoder or "", "" if arguments.saved else NO_SAVED], arguments.address, port)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pubmed-ui", description="Serve the search page from this machine until Ctrl-C.")
    parser.add_argument("--index", metavar="DIR", default=str(DEFAULT_INDEX), help="the index folder (default: %(default)s)")
    parser.add_argument("--encoder", metavar="NAME|PATH", help="where the index's encoder lies now, if it has moved")
    parser.add_argument(
        "--no-saved", dest="saved", action="store_false", help="no saved searches: for a page that is open to everybody"
    )
    parser.add_argument("--port", type=_port, help=f"the port (default: the first free one from {FIRST_PORT} up)")
    reach = "the address to listen on (default: %(default)s, which only this machine reaches)"
    parser.add_argument("--address", type=_address, default="127.0.0.1", help=reach)
    parser.add_argument("--open-browser", action="store_true", help="open the page in the browser once it is there")
    return parser


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = 0
    if not 0 < port < 2**16:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535; found {text!r}")
    return port


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address("127.0.0.1" if text == "localhost" else text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"an address is written like 127.0.0.1 or ::1; found {text!r}") from None


def _chosen_port(address: str, port: int | None) -> int:
    """The port asked for, or the first free one. Raises OSError with a sentence where none is free."""
    if port is not None:
        _claim(address, port)
        return port
    for candidate in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        with suppress(OSError):
            _claim(address, candidate)
            return candidate
    raise OSError(f"No port from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1} is free at {address}. Name one with --port.")


def _claim(address: str, port: int) -> None:
    """Raise OSError where a server could not listen. The port is given back at once, Streamlit opens its own socket."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            reason = str(error.strerror).lower()
            raise OSError(f"Port {port} at {address} cannot be used ({reason}). Name another with --port.") from error


def _browser_host(address: str) -> str:
    """The host that a browser on this machine asks for; listening on every address includes the loopback."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - compared, not bound


def _announce(host: str, port: int, open_browser: bool) -> None:
    """Print the page's address as soon as it answers."""
    while not _is_healthy(host, port):
        time.sleep(_POLL_SECONDS)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    print(f"The page is at {url}", flush=True)
    if open_browser:
        webbrowser.open(url)


def _is_healthy(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _serve(page_arguments: list[str], address: str, port: int) -> None:
    from streamlit.web import bootstrap

    page = str(Path(__file__).with_name("page.py"))
    options = {**_OPTIONS, "server_address": address, "server_port": port}
    bootstrap.load_config_options(flag_options=options)
    bootstrap.run(page, is_hello=False, args=page_arguments, flag_options=options)


if __name__ == "__main__":
    sys.exit(main())
