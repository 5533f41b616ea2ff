"""Every error that a caller may want to catch.

    PubMedSearchError
    ├── SourceError              a file of records cannot be read
    ├── FetchError               NCBI did not give what was asked for
    ├── EncoderError             an encoder cannot be loaded or used
    │   └── EncoderUnavailable   its files are neither here nor to be had from the hub
    ├── IndexFolderError         an index folder cannot be used
    │   ├── NoIndex              there is no index in this folder yet
    │   ├── BrokenIndex          a file is missing, cut short or altered
    │   ├── IndexVersion         written by a version of this project with another format
    │   ├── EncoderMismatch      the index was built with another encoder
    │   └── IndexLocked          another process is writing to this index
    ├── StorageFull              the disk is full, or a file-size limit was hit
    ├── SavedSearchError         a search cannot be saved, or none was saved under this name
    └── QueryError               the question cannot be answered as it was put

A message says what was expected, what was found and what to run next.
"""


class PubMedSearchError(Exception):
    """The base of every error this project raises on purpose."""


class SourceError(PubMedSearchError):
    """A file of records cannot be read."""


class FetchError(PubMedSearchError):
    """NCBI did not give what was asked for."""


class EncoderError(PubMedSearchError):
    """An encoder cannot be loaded or used."""


class EncoderUnavailable(EncoderError):
    """The files of an encoder are neither on this machine nor to be had from the hub."""


class IndexFolderError(PubMedSearchError):
    """An index folder cannot be used."""


class NoIndex(IndexFolderError):
    """There is no index in this folder yet."""


class BrokenIndex(IndexFolderError):
    """A file of the index is missing, cut short or altered."""


class IndexVersion(IndexFolderError):
    """The index was written in another format version."""


class EncoderMismatch(IndexFolderError):
    """The index was built with another encoder than the one at hand."""


class IndexLocked(IndexFolderError):
    """Another process is writing to this index."""


class StorageFull(PubMedSearchError):
    """The disk is full, or a limit on the size of a file was hit."""


class SavedSearchError(PubMedSearchError):
    """A search cannot be saved as it was put, or none was saved under this name."""


class QueryError(PubMedSearchError):
    """The question cannot be answered as it was put."""
