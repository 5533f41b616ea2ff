"""A training run, from an index's records to an encoder that has won against its base, or to none."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from indexer.held_out import HeldOut
from indexer.leak_filter import LeakFilter
from indexer.lessons import DOCUMENT, QUESTION, Index, Layout, Question, Teacher, write_lessons
from indexer.metrics import Scores, p_value
from indexer.model_card import write_card
from indexer.processes import Processes
from indexer.progress import Progress
from indexer.provenance import Provenance
from indexer.training import HeldOutEncoder, Trained, Training, TrainingSettings, averaged, open_model
from indexer.training_pair import PairKind, TrainingPair, document_text
from indexer.training_pairs import article_pairs, citing_pairs, link_pairs, mesh_pairs, read_citing_sentences
from indexer.training_set import DEFAULT_MIX, PairCounts, Side, TrainingSet, quotas
from search.article import Article
from search.encoder import Vectors
from search.encoder_files import EncoderSpec, content_hash
from search.errors import EncoderError
from search.storage import complete_folder, file_sha256, write_atomically
from search.writer_lock import locked

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_WINDOW = 500
_LEVEL = 0.05
# So many documents are ranked by every text, and held in memory: of 384 numbers, 100 MB.
_RANKED = 65_536
# How much of the trained weights the encoder gets, the rest being its base's.
_SHARES = (0.25, 0.5, 0.75, 1.0)


class Records(Index, Protocol):
    """The index whose records are learnt from; `Searcher` is one."""

    def pmids(self) -> npt.NDArray[np.int64]:
        """All PMIDs, ascending: (n,) int64."""
        ...

    def articles(self, pmids: Sequence[int]) -> dict[int, Article]:
        """The articles of some PMIDs; those that are not in the index are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an encoder learns from, and how.

    To every question come `documents` whole articles, each of which is taught its own vector. `answer` is how far a question
    is moved to its known answer; `reads` counts the tokens that the encoder will read of a text, None as its base.
    """

    pairs: int = 100_000
    mix: Mapping[PairKind, float] = field(default_factory=lambda: dict(DEFAULT_MIX))
    documents: float = 0.15
    answer: float = 0.5
    held_out: float = 0.1
    questions: int = 300
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

    `teacher` names the index that taught, `drawn` counts the lessons of each kind; `reads` are the tokens that the encoder
    reads of a text.
    """

    out: str
    base: str
    teacher: str
    recipe: Recipe
    pairs: tuple[PairCounts, ...]
    drawn: dict[str, int]
    reads: int
    trained: Trained
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run in `work`, which goes on from where it was stopped; `out` is written at its end, if the encoder is better.

    `records` teach; `teacher` is what people call them.
    """

    records: Records
    teacher: str
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
        dimension = int(self.records.vectors(self.records.pmids()[:1].tolist()).shape[1])
        for length in (self.recipe.reads, self.recipe.settings.length):
            model = open_model(self.base, length, dimension)  # first: what cannot be trained is said at once
        pairs = TrainingSet(self.work / "pairs", self.recipe.held_out, self.recipe.settings.seed)
        with processes.first_goes_ahead():
            self._require_same_run()
            counts = self._collect(pairs)
            unseen = self._unseen(pairs)
            drawn = self._teach(pairs, counts, unseen)
        choose, gate = (self._held_out(pairs, side) for side in (Side.CHOOSE, Side.GATE))
        ranked, lessons = self._ranked(unseen), [self._lessons_of(column) for column in drawn]
        training = Training(self.work / "checkpoints", ranked, self.recipe.settings, self.bf16, self.progress, processes.count)
        trained = training.run(model, lessons, choose)
        if not processes.is_first:
            return None
        verdict = self._judge(model, choose, gate)
        reads = int(model.max_seq_length or 0)
        summary = TrainingSummary(
            str(out), self.base.name, self.teacher, self.recipe, tuple(counts), drawn, reads, trained, verdict
        )
        if verdict.passed:
            with complete_folder(out) as folder:
                _save_half(model, folder)
                write_card(folder, summary, self.provenance)
        return summary

    def _require_same_run(self) -> None:
        """What lies in `work` is gone on from only where it comes of the same base, records and settings."""
        settings = dataclasses.replace(self.recipe.settings, hours=None)
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
        return (article for _, article in self._found(self.records.pmids()))

    def _unseen(self, pairs: TrainingSet) -> npt.NDArray[np.int64]:
        """The articles that training must not see, held out or protected: (n,) PMIDs, ascending."""
        kept = self.work / "unseen.json"
        if not kept.exists():
            self.progress.start("Articles that are held out", len(self.records.pmids()), "articles")
            unseen = []
            for article in self._articles():
                if not pairs.is_for_training(article.pmid) or self.protected.leaks(article.title, article.abstract):
                    unseen.append(article.pmid)
                self.progress.advance(1)
            write_atomically(kept, msgspec.json.encode(unseen))
        return np.array(msgspec.json.decode(kept.read_bytes(), type=list[int]), np.int64)

    def _teach(self, pairs: TrainingSet, counts: Sequence[PairCounts], unseen: npt.NDArray[np.int64]) -> dict[str, int]:
        """Write the lessons to train on, questions and documents in files of their own; returns how many each has."""
        teacher = Teacher(self.records, unseen.tolist(), self.recipe.answer)
        wanted = quotas(counts, self.recipe.mix, self.recipe.pairs)
        if not wanted:
            raise EncoderError("These records give no pairs to learn from. Train on an index with abstracts, or give --citing.")
        known = set(self.records.pmids().tolist()).__contains__
        drawn = chain.from_iterable(pairs.draw(Side.TRAIN, kind, count) for kind, count in wanted.items())
        questions = [Question.of(pair, known) for pair in drawn]
        self._lessons(
            QUESTION, [one.text for one in questions], lambda places: teacher.questions([questions[place] for place in places])
        )
        pmids = self._some_seen(unseen, round(self.recipe.documents * len(questions)))
        texts = {pmid: document_text(article) for pmid, article in self._found(pmids)}
        known_pmids = list(texts)
        self._lessons(
            DOCUMENT, list(texts.values()), lambda places: teacher.documents([known_pmids[place] for place in places])
        )
        return {name: count for name, count in ((QUESTION, len(questions)), (DOCUMENT, len(texts))) if count}

    def _lessons(self, column: str, texts: Sequence[str], teach: Callable[[Sequence[int]], Vectors]) -> None:
        path, settings = self._lessons_of(column), self.recipe.settings
        if path.exists() or not texts:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self.progress.start(f"Lessons, {column}", len(texts), "texts")
        write_lessons(path, texts, teach, Layout(column, settings.batch, settings.seed), self.progress.advance)

    def _lessons_of(self, column: str) -> Path:
        return self.work / "lessons" / f"{column}.arrow"

    def _some_seen(self, unseen: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
        """At most so many articles that training may see, drawn by chance: (n,) PMIDs, ascending."""
        seen = np.setdiff1d(self.records.pmids(), unseen, assume_unique=True)
        chosen = np.random.default_rng(self.recipe.settings.seed).permutation(len(seen))[:count]
        return np.sort(seen[chosen])

    def _ranked(self, unseen: npt.NDArray[np.int64]) -> Vectors:
        """The documents' vectors that every text of the training ranks: (m, d)."""
        return self.records.vectors(self._some_seen(unseen, _RANKED).tolist())

    def _found(self, pmids: npt.NDArray[np.int64]) -> Iterator[tuple[int, Article]]:
        for start in range(0, len(pmids), _WINDOW):
            yield from self.records.articles(pmids[start : start + _WINDOW].tolist()).items()

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
        before = gate.score(gate.embed(HeldOutEncoder(base, self.bf16)))
        trained = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        # What got a layer of its own cannot be averaged with what has none.
        alike = trained.keys() == base.state_dict().keys()

        def take(share: float) -> None:
            model.load_state_dict(averaged(base.state_dict(), trained, share) if alike else trained)

        found: dict[float, float] = {}
        for share in _SHARES if alike else _SHARES[-1:]:
            take(share)
            found[share] = choose.mean(choose.score(choose.embed(HeldOutEncoder(model, self.bf16))))
            self.progress.say(f"{share:.0%} of the trained weights: held-out nDCG@10 {100 * found[share]:.2f}")
        best = max(found, key=lambda share: found[share])
        take(best)
        model.half().float()  # what is judged is what is kept: half as many bytes, and vectors that differ by 1e-4
        after = gate.embed(HeldOutEncoder(model, self.bf16))
        cut = {dimension: gate.mean(gate.score(after, dimension)) for dimension in self.recipe.settings.dimensions}
        return dataclasses.replace(_verdict(gate, before, gate.score(after)), share=best, cut=cut)


def _save_half(model: "SentenceTransformer", folder: Path) -> None:
    """Save the weights in 16 bits, to be computed with in 32: what reads the folder would take the shorter ones for both."""
    model.half().save(str(folder), create_model_card=False)
    configuration = msgspec.json.decode((folder / "config.json").read_bytes())
    write_atomically(folder / "config.json", msgspec.json.format(msgspec.json.encode(configuration | {"dtype": "float32"})))


def _verdict(gate: HeldOut, before: Scores, after: Scores) -> Verdict:
    """The paired test is of the questions' differences, each kind counting alike."""
    old, new = gate.by_kind(before), gate.by_kind(after)
    kinds = {kind: KindVerdict(len(old[kind]), float(old[kind].mean()), float(new[kind].mean())) for kind in old}
    p = p_value(*(new[kind] - old[kind] for kind in old))
    return Verdict(gate.mean(before), gate.mean(after), p, kinds)
