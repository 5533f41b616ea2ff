"""The embedding cache: vectors by the text they came from, so that what one build embedded no later one embeds again.

`embeddings/<encoder>/000001.shard` and so on, append-only. A shard is written beside and renamed when complete, so every
shard that can be seen was whole. One that was damaged since is found before any vector of it is used, and set aside as
`000001.damaged`: its texts count as not embedded. Its layout: 128 bytes of JSON {count, dimension, sha256 of the rest} padded
with spaces, then `keys` (n, 16) uint8, `vectors` (n, d) float32 and `truncated` (n,) uint8, one after the other.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import msgspec
import numpy as np
import numpy.typing as npt

from search.article import Article
from search.encoder import EmbeddedBatch, EncoderIdentity, Vectors, embedded_text
from search.errors import BrokenIndex
from search.storage import full_disk_is_said, sync_file
from search.vectors import Marks

Keys = npt.NDArray[np.void]

# A crash loses at most this much work, or that of so many rows.
_SECONDS_PER_SHARD = 15.0
_KEY = np.dtype("V16")
_HEADER_BYTES = 128
_SUFFIX = ".shard"
_SET_ASIDE = ".damaged"


def text_key(article: Article) -> bytes:
    """The key of an article's embedded text: 16 bytes of its SHA-256."""
    return hashlib.sha256("\0".join(embedded_text(article)).encode("utf-8", "surrogatepass")).digest()[:16]


@dataclass(frozen=True, slots=True)
class KnownRows:
    """What is known of some articles: which are `found` (n,) bool, their `vectors` (n, d) float32, `truncated` (n,) bool."""

    found: Marks
    vectors: Vectors
    truncated: Marks

    @classmethod
    def none(cls, count: int, dimension: int) -> Self:
        """Rows of which none is found."""
        return cls(np.zeros(count, np.bool_), np.zeros((count, dimension), np.float32), np.zeros(count, np.bool_))

    def fill(self, rows: npt.NDArray[np.intp], known: "KnownRows") -> None:
        """Fill in some of the rows, as far as they are known."""
        rows = rows[known.found]
        self.found[rows] = True
        self.vectors[rows], self.truncated[rows] = known.vectors[known.found], known.truncated[known.found]


class _Header(msgspec.Struct):
    count: int
    dimension: int
    sha256: str


class EmbeddingCache:
    """Reads and appends the shards of one encoder, and tells `say` of damaged ones. Needs the writer's lock of the index.

    A context manager: leaving it, by an error too, keeps what was added.
    """

    rows_per_shard: ClassVar[int] = 65_536

    def __init__(self, folder: Path, dimension: int, say: Callable[[str], None] = lambda _: None) -> None:
        self._folder = folder
        self._dimension = dimension
        self._say = say
        self._added: list[tuple[list[bytes], EmbeddedBatch]] = []
        self._last_flush = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        self._shards = list(self._opened())
        self._next = 1 + max((int(shard.path.stem) for shard in self._shards), default=0)
        self._trusted: dict[int, bool] = {}
        self._keys, self._places = _sorted_keys(self._shards)

    @classmethod
    def of(cls, folder: Path, identity: EncoderIdentity, say: Callable[[str], None] = lambda _: None) -> Self:
        """The cache in `folder`, whose encoder is recorded beside the shards for people who look."""
        cache = cls(folder, identity.dimension, say)
        (folder / "encoder.json").write_bytes(msgspec.json.format(msgspec.json.encode(identity), indent=1))
        return cache

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.flush()

    def __len__(self) -> int:
        return len(self._keys)

    def look_up(self, articles: Sequence[Article]) -> KnownRows:
        """The vectors of those articles whose texts were in the cache when it was opened."""
        wanted = np.frombuffer(b"".join(text_key(article) for article in articles), _KEY)
        positions = np.searchsorted(self._keys, wanted)
        rows = KnownRows.none(len(articles), self._dimension)
        found = positions < len(self._keys)
        found[found] = self._keys[positions[found]] == wanted[found]
        places = np.full((len(articles), 2), -1, np.int32)
        places[found] = self._places[positions[found]]
        for number in np.unique(places[found, 0]).tolist():
            inside = np.flatnonzero(places[:, 0] == number)
            if self._is_trusted(number):
                rows.vectors[inside], rows.truncated[inside] = self._shards[number].rows(places[inside, 1])
            else:
                found[inside] = False
        rows.found[:] = found
        return rows

    def add(self, articles: Sequence[Article], batch: EmbeddedBatch) -> None:
        """Add freshly embedded rows, their articles in the order of `batch`; they reach the disk within seconds."""
        self._added.append(([text_key(article) for article in articles], batch))
        rows = sum(len(keys) for keys, _ in self._added)
        if rows >= self.rows_per_shard or time.monotonic() - self._last_flush >= _SECONDS_PER_SHARD:
            self.flush()

    def flush(self) -> None:
        """Write what was added as one more shard."""
        self._last_flush = time.monotonic()
        if not self._added:
            return
        path = self._folder / f"{self._next:06d}{_SUFFIX}"
        with full_disk_is_said(self._folder):
            _write_shard(path, self._added, self._dimension)
        self._added = []
        self._next += 1

    @staticmethod
    def set_aside(folder: Path) -> list[Path]:
        """The damaged shards that were set aside in the caches of all encoders, below `folder`."""
        return sorted(folder.glob(f"*/*{_SET_ASIDE}"))

    @classmethod
    def damaged(cls, folder: Path, dimension: int | None) -> Iterator[tuple[Path, str]]:
        """Read every shard in `folder`, of any encoder where `dimension` is None; each damaged one, and what is wrong."""
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            try:
                _Shard.open(path, dimension).verify()
            except BrokenIndex as error:
                yield path, str(error)

    def _opened(self) -> Iterator["_Shard"]:
        """The shards that are as long as they should be."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                yield _Shard.open(path, self._dimension)
            except BrokenIndex as error:
                self._set_aside(path, error)

    def _is_trusted(self, number: int) -> bool:
        """Whether a shard's checksum is right: compared before its first vector is used."""
        if number not in self._trusted:
            shard = self._shards[number]
            try:
                shard.verify()
                self._trusted[number] = True
            except BrokenIndex as error:
                self._set_aside(shard.path, error)
                self._trusted[number] = False
        return self._trusted[number]

    def _set_aside(self, path: Path, error: BrokenIndex) -> None:
        path.replace(path.with_suffix(_SET_ASIDE))
        self._say(str(error))


def _sorted_keys(shards: Sequence["_Shard"]) -> tuple[Keys, npt.NDArray[np.int32]]:
    """All keys in order, and the (shard, row) of each: 24 million take 600 MB, and twice that while they are sorted."""
    joined: Keys = np.concatenate([np.empty(0, _KEY), *(shard.keys for shard in shards)])
    places = [_places(number, len(shard.keys)) for number, shard in enumerate(shards)]
    order = np.argsort(joined, kind="stable")
    return joined[order], np.concatenate([np.empty((0, 2), np.int32), *places])[order]


def _places(shard: int, count: int) -> npt.NDArray[np.int32]:
    return np.column_stack([np.full(count, shard, np.int32), np.arange(count, dtype=np.int32)])


@dataclass(frozen=True, slots=True)
class _Shard:
    """One shard: its keys in memory, its vectors on disk. It keeps no file open: a long build makes thousands of shards."""

    path: Path
    keys: Keys
    dimension: int
    sha256: str

    @classmethod
    def open(cls, path: Path, dimension: int | None) -> Self:
        """Read the keys of a shard, checking that it is as long as its header says. Raises BrokenIndex."""
        with path.open("rb") as stream:
            header = _read_header(stream.read(_HEADER_BYTES), path)
            expected = _HEADER_BYTES + header.count * (_KEY.itemsize + 4 * header.dimension + 1)
            if path.stat().st_size != expected or header.dimension != (dimension or header.dimension):
                raise _broken(path, "it is not as long as its header says")
            keys = np.fromfile(stream, _KEY, header.count)
        return cls(path, keys, header.dimension, header.sha256)

    def rows(self, rows: npt.NDArray[np.intp]) -> tuple[Vectors, npt.NDArray[np.uint8]]:
        """The vectors (n, d) float32 and the truncation marks (n,) of some rows."""
        content = np.memmap(self.path, np.uint8, "r", _HEADER_BYTES + self.keys.nbytes)
        end = len(self.keys) * 4 * self.dimension
        vectors = content[:end].view(np.float32).reshape(len(self.keys), self.dimension)
        return np.array(vectors[rows]), np.array(content[end:][rows])

    def verify(self) -> None:
        """Compare the checksum. Raises BrokenIndex."""
        with self.path.open("rb") as stream:
            stream.seek(_HEADER_BYTES)
            if hashlib.file_digest(stream, "sha256").hexdigest() != self.sha256:
                raise _broken(self.path, "its checksum does not match")


def _read_header(content: bytes, path: Path) -> _Header:
    try:
        return msgspec.json.decode(content, type=_Header)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _broken(path, "its header cannot be read") from error


def _broken(path: Path, what: str) -> BrokenIndex:
    return BrokenIndex(
        f"The embedding shard {path} is damaged: {what}. A build or update sets it aside and embeds its texts again."
    )


def _write_shard(path: Path, added: Sequence[tuple[Sequence[bytes], EmbeddedBatch]], dimension: int) -> None:
    keys = b"".join(key for keys, _ in added for key in keys)
    vectors = np.concatenate([batch.vectors for _, batch in added]).astype(np.float32, copy=False).tobytes()
    truncated = np.concatenate([batch.truncated for _, batch in added]).astype(np.uint8).tobytes()
    digest = hashlib.sha256()
    for part in (keys, vectors, truncated):
        digest.update(part)
    header = msgspec.json.encode(_Header(len(truncated), dimension, digest.hexdigest()))
    beside = path.with_suffix(".new")
    with beside.open("wb") as stream:
        stream.writelines((header.ljust(_HEADER_BYTES), keys, vectors, truncated))
    sync_file(beside)
    beside.rename(path)
