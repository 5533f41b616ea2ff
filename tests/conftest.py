"""Fixtures that several packages' tests share."""

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from toy import ToyEncoder

from indexer.build import Build, BuildSummary
from indexer.progress import Silent
from indexer.sources import find_sources
from search.article import Article
from search.index_folder import IndexFolder

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A process started in the background ignores Ctrl-C, and so would every command that the tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real records beside the checkout; users do not have it."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the folder of real records at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def built_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the shipped sample, built by the documented command with the embedded encoder."""
    index = tmp_path_factory.mktemp("sample") / "index"
    command = [sys.executable, "-m", "indexer.cli", "build", "--sample", "--index", str(index)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, timeout=300)
    return index


def write_jsonl(path: Path, articles: Sequence[Article]) -> Path:
    """Write articles as a JSONL source: PMID, title, abstract, year, publication types."""
    rows = [
        {
            "pmid": one.pmid,
            "title": one.title,
            "abstract": one.abstract,
            "year": one.year,
            "publication_types": one.publication_types,
        }
        for one in articles
    ]
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    return path


BuildToy = Callable[..., BuildSummary]


@pytest.fixture
def build_toy(tmp_path: Path) -> BuildToy:
    """Builds an index of articles with the toy encoder: ``build_toy(articles, index=..., encoder=...)``."""

    def run(
        articles: Sequence[Article], index: Path | None = None, encoder: ToyEncoder | None = None, **options: int
    ) -> BuildSummary:
        source = write_jsonl(tmp_path / "articles.jsonl", articles)
        folder = IndexFolder(index or tmp_path / "index")
        return Build(folder, encoder or ToyEncoder(), Silent(), **options).run(find_sources([source]))  # type: ignore[arg-type]

    return run
