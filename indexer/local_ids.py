"""Local ids: numbers above all PMIDs for articles that have none, the same for the same text in every index.

An article's number comes of the hash of the text that is embedded, and where that is a title alone also of where it appeared.
Where another text has it, the article gets the next number that is free, so that nothing is lost; 10,000 such articles
among 67 million numbers have one such meeting or none.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from indexer.embedding_cache import text_key
from search.article import FIRST_LOCAL_ID, LOCAL_IDS, Article
from search.errors import SourceError

_HASH_BYTES = 8


class LocalIds:
    """Gives local ids to articles.

    What it gave it remembers by 64 bits of the text's hash, about 150 bytes for an article.

    Parameters
    ----------
    articles_of
        The articles that the index already has under some ids; ids that it does not have are left out.
    size
        How many numbers there are, from `FIRST_LOCAL_ID` on.

    """

    def __init__(self, articles_of: Callable[[Sequence[int]], Mapping[int, Article]], size: int = LOCAL_IDS) -> None:
        self._articles_of = articles_of
        self._size = size
        self._hash_of: dict[int, int] = {}

    def numbered(self, articles: Sequence[Article]) -> list[Article]:
        """The articles, in their order, with their ids. Raises SourceError where every number is taken."""
        hashes = [_text_hash(article) for article in articles]
        indexed = self._indexed([FIRST_LOCAL_ID + one % self._size for one in hashes])
        return [replace(article, pmid=self._id_of(one, indexed)) for article, one in zip(articles, hashes, strict=True)]

    def _id_of(self, text_hash: int, indexed: dict[int, int | None]) -> int:
        """The first number, from its own on, that is free or has the same text; `indexed` is what is known of the index."""
        for step in range(self._size):
            local_id = FIRST_LOCAL_ID + (text_hash + step) % self._size
            holder = self._hash_of.get(local_id)
            if holder is None:
                if local_id not in indexed:
                    indexed |= self._indexed([local_id])
                holder = indexed[local_id]
            if holder is None or holder == text_hash:
                self._hash_of[local_id] = text_hash
                return local_id
        raise SourceError(
            f"All {self._size:,} local ids are given, so there is none for another article without a PMID. Build the index "
            "without --local-ids, or from fewer files."
        )

    def _indexed(self, ids: Sequence[int]) -> dict[int, int | None]:
        """The hashes of the texts that the index has under these ids, None where it has none."""
        found = self._articles_of(ids)
        return {one: _text_hash(found[one]) if one in found else None for one in ids}


def _text_hash(article: Article) -> int:
    """64 bits of the hash of an article's embedded text; of a title alone, such as "Editorial", its place, too."""
    key = text_key(article)
    if not article.sections:
        place = "\0".join([article.journal, str(article.year), article.volume, article.issue, article.pages, article.doi])
        key = hashlib.sha256(key + place.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(key[:_HASH_BYTES], "big")
