"""Measures how fast encoders run on this machine: every way of encoding over the same texts, in turn."""

import contextlib
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from indexer.encode_contender import Contender, Facts, Round, reference_is_installed
from indexer.encode_process import ContenderProcess
from indexer.encoder_shape import EncoderShape
from indexer.machine import MatrixRate, machine_name
from indexer.progress import Progress
from search.article import Article
from search.encoder import EncoderIdentity, NumericPath


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one way of encoding is: medians of the rounds.

    `flop_per_second` is that of the texts' own tokens, `matrix` the machine's at the same time, and `matrix_share` the one
    as a share of the other. `padding` is the share of what was computed that belonged to no text, None where it is not known;
    `times_reference` compares to sentence-transformers in the same round, where it is installed. `numeric_path` is None for
    sentence-transformers itself.
    """

    name: str
    numeric_path: NumericPath | None
    machine: str
    documents_per_second: float
    tokens_per_second: float
    flop_per_second: float
    matrix: MatrixRate
    matrix_share: float
    padding: float | None
    peak_memory_mb: int
    question_ms: float
    times_reference: float | None


@dataclass(frozen=True, slots=True)
class Encoding:
    """How fast an encoder is in every way, over `texts` texts in `rounds` rounds; tokens and FLOP are the mean of a text."""

    encoder: EncoderIdentity
    shape: EncoderShape
    texts: int
    rounds: int
    tokens: float
    flop: float
    question_tokens: int
    speeds: tuple[Speed, ...]


@dataclass(frozen=True, slots=True)
class EncodeBench:
    """What is to be measured: an encoder on some numeric paths, fp32 among them, reading `length` tokens of a text."""

    encoder: str
    paths: Sequence[NumericPath]
    rounds: int = 3
    length: int | None = None
    with_reference: bool = True

    def run(self, articles: Sequence[Article], progress: Progress) -> Encoding:
        """Encode the articles once a round in every way. PMIDs must be distinct. Raises EncoderError."""
        contenders = [Contender(self.encoder, path, self.length) for path in self.paths]
        with contextlib.ExitStack() as stack:
            progress.start("Loading", len(contenders), "ways of encoding")
            processes = [stack.enter_context(_prepared(one, articles)) for one in contenders]
            facts = _facts(processes, articles, progress)
            if self.with_reference and reference_is_installed():
                reference = Contender(self.encoder, None, facts.identity.max_length)
                processes.append(stack.enter_context(ContenderProcess.running(reference)))
                processes[-1].facts(articles)
            progress.start("Encoding", self.rounds * len(processes) * len(articles), "texts")
            rounds = [[one.round(progress.advance) for one in processes] for _ in range(self.rounds)]
        return _encoding(facts, [one.contender for one in processes], rounds)


@contextlib.contextmanager
def _prepared(contender: Contender, articles: Sequence[Article]) -> Iterator[ContenderProcess]:
    """The process of a contender; what it makes once and for all, the weights in bytes, is made by another one before."""
    if contender.numeric_path is NumericPath.INT8:
        with ContenderProcess.running(contender) as maker:
            maker.facts(articles[:1])
    with ContenderProcess.running(contender) as process:
        yield process


def _facts(processes: Sequence[ContenderProcess], articles: Sequence[Article], progress: Progress) -> Facts:
    """Wait until all are loaded; what they know of the encoder is the same."""
    known = []
    for process in processes:
        known.append(process.facts(articles))
        progress.advance(1)
    return next(facts for facts in known if facts)


def _encoding(facts: Facts, contenders: Sequence[Contender], rounds: Sequence[Sequence[Round]]) -> Encoding:
    work = _Work(len(facts.tokens), sum(facts.tokens), sum(facts.shape.flop(tokens) for tokens in facts.tokens))
    by_contender = dict(zip(contenders, zip(*rounds, strict=True), strict=True))
    return Encoding(
        encoder=facts.identity,
        shape=facts.shape,
        texts=work.texts,
        rounds=len(rounds),
        tokens=work.tokens / work.texts,
        flop=work.flop / work.texts,
        question_tokens=facts.question_tokens,
        speeds=tuple(_speed(one, by_contender, work) for one in contenders),
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """What one round encodes, padding aside."""

    texts: int
    tokens: int
    flop: float


def _speed(contender: Contender, rounds: Mapping[Contender, Sequence[Round]], work: _Work) -> Speed:
    own, matrices = rounds[contender], _matrices(contender, rounds)
    reference = next((theirs for other, theirs in rounds.items() if other.numeric_path is None), None)
    seconds = statistics.median(one.seconds for one in own)
    return Speed(
        name=contender.name,
        numeric_path=contender.numeric_path,
        machine=machine_name(contender.numeric_path or NumericPath.FP32),
        documents_per_second=work.texts / seconds,
        tokens_per_second=work.tokens / seconds,
        flop_per_second=work.flop / seconds,
        matrix=replace(matrices[0], flop_per_second=statistics.median(one.flop_per_second for one in matrices)),
        matrix_share=statistics.median(
            work.flop / one.seconds / matrix.flop_per_second for one, matrix in zip(own, matrices, strict=True)
        ),
        padding=_padding(own[0], work.tokens),
        peak_memory_mb=max(one.peak_memory_mb for one in own),
        question_ms=statistics.median(one.question_ms for one in own),
        times_reference=_times(reference, own) if reference else None,
    )


def _matrices(contender: Contender, rounds: Mapping[Contender, Sequence[Round]]) -> list[MatrixRate]:
    """What the machine multiplied in each round; sentence-transformers computes in fp32."""
    measured = [one.matrix for one in rounds[contender] if one.matrix]
    if measured:
        return measured
    fp32 = next(others for other, others in rounds.items() if other.numeric_path is NumericPath.FP32)
    return [one.matrix for one in fp32 if one.matrix]


def _times(reference: Sequence[Round], own: Sequence[Round]) -> float:
    """How many times as fast: each round beside the reference's own, which met the same neighbours on the machine."""
    return statistics.median(theirs.seconds / ours.seconds for theirs, ours in zip(reference, own, strict=True))


def _padding(one: Round, tokens: int) -> float | None:
    return None if one.padded_tokens is None else 1 - tokens / one.padded_tokens
