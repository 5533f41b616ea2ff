"""Lays what later files say over what an index has: PMID by PMID, the statement of higher precedence counts."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

from search.catalogue import Catalogue, Row
from search.catalogue_writer import CatalogueWriter
from search.precedence import Precedence

_WINDOW = 10_000


@dataclass(slots=True)
class Changes:
    """What later files changed, counted; `changed` are the PMIDs of articles that are new, other than before, or gone.

    `older` counts statements that do not count, `refreshed` records that say the same as before, and `remembered` what changes
    no article but must be known when an older file comes.
    """

    inserted: int = 0
    revised: int = 0
    refreshed: int = 0
    deleted: int = 0
    older: int = 0
    remembered: int = 0
    changed: "array[int]" = field(default_factory=lambda: array("q"))

    @property
    def has_any(self) -> bool:
        """Whether the index must say anything else than before."""
        return bool(self.changed) or self.remembered > 0


@dataclass(frozen=True, slots=True)
class _Before:
    """What is known of some PMIDs: the live records, and the highest precedence of any statement."""

    live: Mapping[int, Row]
    latest: Mapping[int, Precedence]


@dataclass(frozen=True, slots=True)
class Overlay:
    """Lays a catalogue of later statements over a base and its delta; only `delta` is written."""

    base: Catalogue
    delta: CatalogueWriter

    def lay(self, later: Catalogue) -> Changes:
        """Write into the delta what counts of the later statements."""
        changes = Changes()
        for rows in later.row_windows(_WINDOW):
            before = self._before([row.pmid for row in rows])
            taken = [row for row in rows if _counts(row, before, changes)]
            with self.delta.together():
                self.delta.put(taken)
        for deletions in later.deletion_windows(_WINDOW):
            before = self._before(list(deletions))
            taken_deletions = {pmid: by for pmid, by in deletions.items() if _deletes(pmid, by, before, changes)}
            with self.delta.together():
                self.delta.put_deletions(taken_deletions)
        return changes

    def _before(self, pmids: list[int]) -> _Before:
        in_base, in_delta = self.base.rows(pmids), self.delta.rows(pmids)
        deleted = self.delta.deletions(pmids)
        live = {pmid: row for pmid, row in in_base.items() if pmid not in deleted} | in_delta
        statements = [*self.base.deletions(pmids).items(), *deleted.items()]
        statements += [(row.pmid, row.precedence) for row in (*in_base.values(), *in_delta.values())]
        latest: dict[int, Precedence] = {}
        for pmid, by in statements:
            latest[pmid] = max(by, latest.get(pmid, by))
        return _Before(live, latest)


def _counts(row: Row, before: _Before, changes: Changes) -> bool:
    """Whether a record counts; what it changes is noted."""
    there, latest = before.live.get(row.pmid), before.latest.get(row.pmid)
    if latest is not None and row.precedence < latest:
        changes.older += 1
        return False
    if there is None:
        changes.inserted += 1
    elif there.record != row.record:
        changes.revised += 1
    else:
        changes.refreshed += 1
        # A file of NLM's that confirms a record outranks the files before it; other files have no order to keep.
        confirms = row.precedence.year > 0 and row.precedence != latest
        changes.remembered += confirms
        return confirms
    changes.changed.append(row.pmid)
    return True


def _deletes(pmid: int, by: Precedence, before: _Before, changes: Changes) -> bool:
    """Whether a deletion counts; what it changes is noted."""
    latest = before.latest.get(pmid)
    if latest is not None and by <= latest:
        changes.older += by < latest
        return False
    if pmid in before.live:
        changes.deleted += 1
        changes.changed.append(pmid)
    changes.remembered += 1
    return True
