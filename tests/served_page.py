"""The page as it is served: the process of ``pubmed-ui``, and visitors who speak its protocol without a browser."""

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

ROOT = Path(__file__).parents[1]
# What an answer that does not come is given up after.
PATIENCE_SECONDS = 120.0
# Far more than any block takes, on a machine that others keep busy, too.
_LONGEST_SECONDS = 1800.0
_LARGEST_MESSAGE = 2**26


@contextmanager
def served(*arguments: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run ``pubmed-ui`` until the block ends, half an hour at most; gives the address that it printed, and the process."""
    command = [sys.executable, "-m", "ui.launch", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(_LONGEST_SECONDS, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("The page is at http://"), f"{line!r} {process.communicate()[1]}"
        yield line.split()[-1], process
    finally:
        watchdog.cancel()
        process.terminate()
        process.communicate(timeout=20)


@dataclass
class Shown:
    """What a page drew for one question: its markup in order, and when, in seconds after the question."""

    markup: list[str] = field(default_factory=list)
    first_hit_after: float | None = None
    whole_after: float = 0.0

    @property
    def heading(self) -> str:
        return self._first(r"<h2[^>]*>(.*?)</h2>")

    @property
    def titles(self) -> list[str]:
        found = (title for body in self.markup for title in re.findall(r'<h3>.*?dir="auto"[^>]*>(.*?)</a>', body))
        return [unescape(re.sub("</?mark>", "", title)) for title in found]

    def _first(self, pattern: str) -> str:
        found = next((found for body in self.markup if (found := re.search(pattern, body))), None)
        return unescape(found[1]) if found else ""


class Visitor:
    """One session of the page: what a browser's tab is to the server."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._query_string = ""
        self._box = self._button = ""

    @classmethod
    @asynccontextmanager
    async def arriving(cls, url: str) -> AsyncIterator["Visitor"]:
        """Open the page, and leave it when the block ends."""
        address = url.replace("http://", "ws://", 1) + "/_stcore/stream"
        async with connect(address, max_size=_LARGEST_MESSAGE, open_timeout=PATIENCE_SECONDS) as connection:
            visitor = cls(connection)
            await visitor._run(ClientState())
            yield visitor

    async def ask(self, question: str) -> Shown:
        """Type a question and press Enter."""
        state = ClientState(query_string=self._query_string)
        state.widget_states.widgets.add(id=self._box, string_value=question)
        state.widget_states.widgets.add(id=self._button, trigger_value=True)
        return await self._run(state)

    async def _run(self, state: ClientState) -> Shown:
        started, shown = time.perf_counter(), Shown()
        await self._connection.send(BackMsg(rerun_script=state).SerializeToString())
        while True:
            received = await asyncio.wait_for(self._connection.recv(), PATIENCE_SECONDS)
            assert isinstance(received, bytes)
            message = ForwardMsg.FromString(received)
            after = time.perf_counter() - started
            match message.WhichOneof("type"):
                case "delta":
                    self._look_at(message, shown, after)
                case "page_info_changed":
                    self._query_string = message.page_info_changed.query_string
                case "script_finished":
                    assert message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
                    shown.whole_after = after
                    return shown

    def _look_at(self, message: ForwardMsg, shown: Shown, after: float) -> None:
        element = message.delta.new_element
        match element.WhichOneof("type"):
            case "html":
                shown.markup.append(element.html.body)
                if shown.first_hit_after is None and "<article>" in element.html.body:
                    shown.first_hit_after = after
            case "text_input" if element.text_input.label == "Your question":
                self._box = element.text_input.id
            case "button" if element.button.is_form_submitter and element.button.label == "Search":
                self._button = element.button.id
