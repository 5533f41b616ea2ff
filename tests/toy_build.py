"""A build with the toy encoder as a process of its own, slow enough to be interrupted: SOURCE INDEX SECONDS_PER_BATCH."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from toy import ToyEncoder

from indexer.build import Build
from indexer.progress import Silent
from indexer.sources import find_sources
from search.article import Article
from search.command import run
from search.encoder import EmbeddedBatch
from search.index_folder import IndexFolder


class SlowToyEncoder(ToyEncoder):
    """Takes a while over every batch."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def embed(self, articles: Sequence[Article]) -> Iterator[EmbeddedBatch]:
        for batch in super().embed(articles):
            time.sleep(self._seconds)
            yield batch


def main() -> None:
    source, index, seconds = sys.argv[1:]
    sys.stderr.write("ready\n")
    sys.stderr.flush()
    summary = Build(IndexFolder(Path(index)), SlowToyEncoder(float(seconds)), Silent()).run(find_sources([source]))
    sys.stdout.write(f"{summary.embedded} {summary.cached}\n")


sys.exit(run(main, interrupted="Stopped."))
