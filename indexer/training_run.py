"""A training run, from an index's records to an encoder that has won against its base, or to none."""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from indexer.hard_negatives import Mined, Ranks, mine
from indexer.held_out import HeldOut
from indexer.leak_filter import LeakFilter
from indexer.metrics import Scores, p_value
from indexer.model_card import write_card
from indexer.processes import Processes
from indexer.progress import Progress
from indexer.provenance import Provenance
from indexer.training import HeldOutEncoder, Trained, Training, TrainingSettings, averaged, open_model
from indexer.training_examples import Layout, write_examples
from indexer.training_pair import PairKind, TrainingPair
from indexer.training_pairs import article_pairs, citing_pairs, link_pairs, mesh_pairs, read_citing_sentences
from indexer.training_set import DEFAULT_MIX, PairCounts, Side, TrainingSet, lines_in, quotas, with_same_document
from search.article import Article
from search.encoder_files import EncoderSpec, content_hash
from search.errors import EncoderError
from search.storage import complete_folder, file_sha256, write_atomically
from search.writer_lock import locked

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_WINDOW = 500
_LEVEL = 0.05
_TOPICS_PER_BATCH = 4
# The kinds of pairs whose documents are the same, each kind's question beside the others', and those that are alone.
_FILES: Mapping[str, tuple[PairKind, ...]] = {
    "articles": (PairKind.TITLE, PairKind.SENTENCE, PairKind.CONCLUSION),
    "citations": (PairKind.CITATION,),
    "links": (PairKind.LINK,),
    "mesh": (PairKind.MESH,),
}
# How much of the trained weights the encoder gets, the rest being its base's.
_SHARES = (0.25, 0.5, 0.75, 1.0)


class Records(Ranks, Protocol):
    """The index whose records are learnt from; `Searcher` is one."""

    def pmids(self) -> npt.NDArray[np.int64]:
        """All PMIDs, ascending: (n,) int64."""
        ...

    def articles(self, pmids: Sequence[int]) -> dict[int, Article]:
        """The articles of some PMIDs; those that are not in the index are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """Which pairs an encoder learns from, and how; `reads` counts the tokens that it will read of a text, None as its base."""

    pairs: int = 100_000
    mix: Mapping[PairKind, float] = field(default_factory=lambda: dict(DEFAULT_MIX))
    negatives: int = 0
    held_out: float = 0.1
    questions: int = 500
    reads: int | None = None
    settings: TrainingSettings = field(default_factory=TrainingSettings)


@dataclass(frozen=True, slots=True)
class KindVerdict:
    """One kind's held-out questions: nDCG@10 of the base and of the new encoder."""

    questions: int
    base: float
    trained: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found: it is `passed` where the mean over the kinds rose and the paired test leaves no doubt.

    `share` of the weights are the trained ones; `cut` has the mean where only so many of a vector's first numbers are compared.
    """

    base: float
    trained: float
    p: float
    kinds: dict[PairKind, KindVerdict]
    share: float = 1.0
    cut: dict[int, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the new encoder is to be kept."""
        return self.trained > self.base and self.p < _LEVEL


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """What a run learnt from, how it went and what came of it.

    `drawn` counts the documents of each file that it trained on; `reads` are the tokens that the encoder reads of a text.
    """

    out: str
    base: str
    recipe: Recipe
    pairs: tuple[PairCounts, ...]
    drawn: dict[str, int]
    reads: int
    trained: Trained
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run in `work`, which goes on from where it was stopped; `out` is written at its end, if the encoder is better."""

    records: Records
    records_sha256: str
    citing: Sequence[Path]
    protected: LeakFilter
    base: EncoderSpec
    recipe: Recipe
    work: Path
    progress: Progress
    provenance: Provenance
    bf16: bool = False

    def run(self, out: Path, processes: Processes) -> TrainingSummary | None:
        """Train and judge; writes `out` only if the gate is passed. None in the processes beside the first.

        Raises EncoderError where `work` is of another run.
        """
        self.work.mkdir(parents=True, exist_ok=True)
        with locked(self.work / "lock") if processes.is_first else contextlib.nullcontext():
            return self._run(out, processes)

    def _run(self, out: Path, processes: Processes) -> TrainingSummary | None:
        for length in (self.recipe.reads, self.recipe.settings.length):
            model = open_model(self.base, length)  # first: what cannot be trained is said at once
        pairs = TrainingSet(self.work / "pairs", self.recipe.held_out, self.recipe.settings.seed)
        with processes.first_goes_ahead():
            self._require_same_run()
            counts = self._collect(pairs)
            files = self._mine(pairs, counts)
        drawn = {name: lines_in(path) for name, path in files.items()}
        choose, gate = (self._held_out(pairs, side) for side in (Side.CHOOSE, Side.GATE))
        base = open_model(self.base, self.recipe.settings.length)
        training = Training(self.work / "checkpoints", base, self.recipe.settings, self.bf16, self.progress, processes.count)
        trained = training.run(model, files, choose)
        if not processes.is_first:
            return None
        verdict = self._judge(model, choose, gate)
        reads = int(model.max_seq_length or 0)
        summary = TrainingSummary(str(out), self.base.name, self.recipe, tuple(counts), drawn, reads, trained, verdict)
        if verdict.passed:
            with complete_folder(out) as folder:
                model.save(str(folder), create_model_card=False)
                write_card(folder, summary, self.provenance)
        return summary

    def _require_same_run(self) -> None:
        """What lies in `work` is gone on from only where it comes of the same base, records and settings."""
        settings = dataclasses.replace(self.recipe.settings, hours=None, at_once=1)
        facts = {
            "base": content_hash(self.base),
            "records": self.records_sha256,
            "citing": [[path.name, file_sha256(path)] for path in self.citing],
            "left out": self.protected.fingerprint,
            "recipe": msgspec.to_builtins(dataclasses.replace(self.recipe, settings=settings), enc_hook=str, str_keys=True),
        }
        record = self.work / "run.json"
        if not record.exists():
            write_atomically(record, msgspec.json.encode(facts))
        found = msgspec.json.decode(record.read_bytes())
        if other := [name for name, fact in msgspec.json.decode(msgspec.json.encode(facts)).items() if found.get(name) != fact]:
            raise EncoderError(
                f"{self.work} holds a run of another kind: its {other[0]} differs. Give --work another folder, or remove it."
            )

    def _collect(self, pairs: TrainingSet) -> list[PairCounts]:
        """Every pair that the records give, on its side."""
        seed, find = self.recipe.settings.seed, self.records.articles
        citing = (line for path in self.citing for line in read_citing_sentences(path))
        sources: dict[str, Iterable[TrainingPair]] = {
            "articles": article_pairs(self._articles(), seed),
            "citing": citing_pairs(citing, find, seed),
            "links": link_pairs(self._articles(), find, seed),
            "mesh": mesh_pairs(self._articles(), find, seed),
        }
        counts = []
        for source, made in sources.items():
            self.progress.start(f"Pairs of {source}", None, "pairs")
            counts += pairs.collect(source, made, self.protected, self.progress.advance)
        return counts

    def _articles(self) -> Iterator[Article]:
        pmids = self.records.pmids()
        for start in range(0, len(pmids), _WINDOW):
            yield from self.records.articles(pmids[start : start + _WINDOW].tolist()).values()

    def _mine(self, pairs: TrainingSet, counts: Sequence[PairCounts]) -> dict[str, Path]:
        """The files to train on: pairs whose corpus has negatives for them, and pairs without, in files of their own."""

        def may_be_seen(article: Article) -> bool:
            return pairs.is_for_training(article.pmid) and not self.protected.leaks(article.title, article.abstract)

        files: dict[str, Path] = {}
        wanted = quotas(counts, self.recipe.mix, self.recipe.pairs)
        for name, kinds in _FILES.items():
            if drawn := [pairs.draw(Side.TRAIN, kind, wanted[kind]) for kind in kinds if kind in wanted]:
                documents = with_same_document(drawn) if len(kinds) > 1 else ((pair,) for pair in drawn[0])
                mined = mine(documents, self.records, self.recipe.negatives, may_be_seen, self.recipe.settings.seed)
                files[name] = self._examples(name, mined, len(kinds))
        if not files:
            raise EncoderError("These records give no pairs to learn from. Train on an index with abstracts, or give --citing.")
        return files

    def _examples(self, name: str, mined: Iterable[Mined], questions: int) -> Path:
        path = self.work / "examples" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            self.progress.start(f"Negatives and topics, {name}", None, "documents")
            settings = self.recipe.settings
            together = max(1, settings.batch // _TOPICS_PER_BATCH)
            layout = Layout(questions, self.recipe.negatives, together, settings.seed)
            write_examples(mined, path, layout, self.progress.advance)
        return path

    def _held_out(self, pairs: TrainingSet, side: Side) -> HeldOut:
        """As many questions of each kind."""
        kinds = [kind for kind in PairKind if pairs.pairs(side, kind).exists()]
        drawn = [pairs.draw(side, kind, self.recipe.questions) for kind in kinds]
        # In turn, since an article is asked for once: else the first kind would take them all.
        return HeldOut.of(pair for some in zip_longest(*drawn) for pair in some if pair is not None)

    def _judge(self, model: "SentenceTransformer", choose: HeldOut, gate: HeldOut) -> Verdict:
        """Average the trained weights with the base's as the first held-out half likes best, and judge on the second."""
        base = open_model(self.base)
        model.max_seq_length = self.recipe.reads or base.max_seq_length
        before = gate.score(gate.embed(HeldOutEncoder(base)))
        trained = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        found: dict[float, float] = {}
        for share in _SHARES:
            model.load_state_dict(averaged(base.state_dict(), trained, share))
            found[share] = choose.mean(choose.score(choose.embed(HeldOutEncoder(model))))
            self.progress.say(f"{share:.0%} of the trained weights: held-out nDCG@10 {100 * found[share]:.2f}")
        best = max(found, key=lambda share: found[share])
        model.load_state_dict(averaged(base.state_dict(), trained, best))
        after = gate.embed(HeldOutEncoder(model))
        cut = {dimension: gate.mean(gate.score(after, dimension)) for dimension in self.recipe.settings.dimensions}
        return dataclasses.replace(_verdict(gate, before, gate.score(after)), share=best, cut=cut)


def _verdict(gate: HeldOut, before: Scores, after: Scores) -> Verdict:
    """The paired test is of the questions' differences, each kind counting alike."""
    old, new = gate.by_kind(before), gate.by_kind(after)
    kinds = {kind: KindVerdict(len(old[kind]), float(old[kind].mean()), float(new[kind].mean())) for kind in old}
    p = p_value(*(new[kind] - old[kind] for kind in old))
    return Verdict(gate.mean(before), gate.mean(after), p, kinds)
