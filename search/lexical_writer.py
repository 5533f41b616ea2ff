"""Writing the lexical index: the words of articles into the `lexical/` folder of a generation."""

import contextlib
import errno
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import tantivy

from search.article import Article
from search.lexical_fields import PMID, document, schema
from search.storage import full_disk_is_said, link
from search.words import register

# tantivy's own memory before it writes a segment; the least it takes is 15 MB a thread. 200 MB are no faster.
_HEAP_BYTES = 32_000_000
_WRITER_LOCKS = ".tantivy-*.lock"


class LexicalWriter:
    """Writes the `lexical/` folder of a generation. A context manager: leaving it in peace commits and merges."""

    def __init__(self, folder: Path, earlier: Path | None = None) -> None:
        """Start an empty index, or go on from that of an `earlier` generation, whose files are linked and stay as they are."""
        self._folder = folder
        folder.mkdir()
        for path in earlier.iterdir() if earlier else ():
            link(path, folder / path.name)
        self._index = tantivy.Index.open(str(folder)) if earlier else tantivy.Index(schema(), str(folder))
        # A reader that follows commits makes a lock file half a second later, when the folder may have been published.
        self._index.config_reader("manual")
        register(self._index)
        # One thread: two would deal the articles out by chance, and equal scores would stand in another order each time.
        self._writer = self._index.writer(_HEAP_BYTES, 1)

    def append(self, articles: Sequence[Article]) -> None:
        """Add articles, none of which is in the index. Raises StorageFull."""
        with self._said():
            for article in articles:
                self._writer.add_document(document(article))

    def delete(self, pmids: Sequence[int]) -> None:
        """Take articles out that were there before this writer; PMIDs that are not there are left out. Raises StorageFull."""
        with self._said():
            # By a query: the deletion by a term takes a number for a signed one, and deletes nothing.
            self._writer.delete_documents_by_query(tantivy.Query.term_set_query(self._index.schema, PMID, list(pmids)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._said():
            if kind is None:
                self._writer.commit()
            self._writer.wait_merging_threads()
        for lock in self._folder.glob(_WRITER_LOCKS):
            lock.unlink()

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Tantivy says everything with ValueError; a disk that takes no more is what a user can do something about."""
        with full_disk_is_said(self._folder):
            try:
                yield
            except ValueError as error:
                # Once its thread has failed to write, tantivy does not tell why any more.
                if "io::Error" in str(error):
                    raise OSError(errno.ENOSPC, str(error)) from error
                raise
