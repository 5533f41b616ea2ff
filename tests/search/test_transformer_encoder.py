"""The encoder that runs, beside plain transformers and beside sentence-transformers."""

import contextlib
import gzip
import json
import os
import pickle
import re
import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
from checkpoints import write_checkpoint
from lxml import etree
from toy import article
from transformers import AutoModel, AutoTokenizer, BertForMaskedLM

from search.article import Article
from search.encoder import Metric, NumericPath, Pooling, Vectors, embedded_text
from search.encoder_files import find_encoder
from search.errors import EncoderError
from search.shipped import sample_folder
from search.transformer_encoder import TransformerEncoder, load_encoder, native_numeric_path

CLOSE = {"rtol": 0, "atol": 1e-5}
QUERY = "what helps newborns during a painful blood test"
# A small checkpoint makes one token of each letter: the third has 512 with the frame's two, the fourth more, the last none.
ARTICLES = [
    article(11, "statins", "ab"),
    article(12, "Muscle pain", "in adults who take statins for years."),
    article(13, "x" * 50 + " " + "y" * 60, " ".join(["abcdefghij"] * 40)),
    article(14, "Long", "sepsis and lactate. " * 60),
    article(15, "Title only"),
    article(16, ""),
]


def load(folder: Path) -> TransformerEncoder:
    return load_encoder(str(folder), NumericPath.FP32)


def texts_of(articles: Sequence[Article]) -> list[str]:
    return [" ".join(part for part in embedded_text(one) if part) for one in articles]


class Plain:
    """What the documentation of transformers tells one to write."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer, self.model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()

    def __call__(self, *texts: Sequence[str], max_length: int = 512) -> tuple[torch.Tensor, torch.Tensor]:
        """Token vectors and mask of texts, or of pairs."""
        batch = self.tokenizer(*texts, padding=True, truncation=True, max_length=max_length, return_tensors="pt")
        with torch.no_grad():
            return self.model(**batch).last_hidden_state, batch["attention_mask"]


def mean_pooled(tokens: torch.Tensor, mask: torch.Tensor) -> Vectors:
    real = mask.unsqueeze(-1)
    mean: Vectors = ((tokens * real).sum(1) / real.sum(1)).numpy()
    return normalised(mean)


def normalised(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit


# BioLinkBERT: its own configuration and file layout, weights by chance

BIOLINKBERT = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "vocab_size": 28895,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
}
TERMS = [f"term{number * 37 % 28000}" for number in range(800)]
BIOLINKBERT_ARTICLES = [
    article(21, "term1 term2", "term3 pain"),
    article(22, " ".join(TERMS[600:620]), " ".join(TERMS[620:700])),
    article(23, " ".join(TERMS[:20]), " ".join(TERMS[20:600])),
]
BIOLINKBERT_QUERY = " ".join(TERMS[700:710])


@pytest.fixture(scope="session")
def biolinkbert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The same weights twice, by file name: as the hub has them, and as safetensors beside a tokenizer.json. 0.9 GB."""
    from safetensors.torch import save_file

    root = tmp_path_factory.mktemp("biolinkbert")
    pickled = write_checkpoint(root / "pickled", "pytorch_model.bin", initializer_range=0.05, **BIOLINKBERT)
    safe = Path(shutil.copytree(pickled, root / "safe", ignore=shutil.ignore_patterns("*.bin", "vocab.txt")))
    save_file(torch.load(pickled / "pytorch_model.bin", weights_only=True), safe / "model.safetensors", {"format": "pt"})
    AutoTokenizer.from_pretrained(pickled).backend_tokenizer.save(str(safe / "tokenizer.json"))
    yield {"pytorch_model.bin": pickled, "model.safetensors": safe}
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def plain_biolinkbert(biolinkbert: dict[str, Path]) -> Vectors:
    """Documents, then the query, by plain transformers."""
    plain, (short, middle, long) = Plain(biolinkbert["pytorch_model.bin"]), texts_of(BIOLINKBERT_ARTICLES)
    return np.concatenate([mean_pooled(*plain(some)) for some in ([short, middle], [long], [BIOLINKBERT_QUERY])])


@pytest.mark.parametrize("weights", ["pytorch_model.bin", "model.safetensors"])
def test_biolinkbert_equals_plain_transformers(weights: str, biolinkbert: dict[str, Path], plain_biolinkbert: Vectors) -> None:
    encoder = load(biolinkbert[weights])
    assert (encoder.identity.dimension, encoder.identity.max_length) == (768, 512)
    assert (encoder.identity.pooling, encoder.identity.metric) == (Pooling.MEAN, Metric.COSINE)
    np.testing.assert_allclose(encoder.encode_documents(BIOLINKBERT_ARTICLES), plain_biolinkbert[:-1], **CLOSE)
    np.testing.assert_allclose(encoder.encode_query(BIOLINKBERT_QUERY), plain_biolinkbert[-1], **CLOSE)
    # Unlike texts do not get like vectors, so the comparison above can fail.
    assert (plain_biolinkbert @ plain_biolinkbert.T)[np.triu_indices(4, 1)].max() < 0.99


def truncated_pmids(encoder: TransformerEncoder, articles: Sequence[Article]) -> set[int]:
    return {int(pmid) for batch in encoder.embed(articles) for pmid in batch.pmids[batch.truncated]}


# Layouts of a folder


def test_a_vocabulary_is_tokenizer_enough(tmp_path: Path, small_checkpoint: Path) -> None:
    folder = Path(shutil.copytree(small_checkpoint, tmp_path / "encoder"))
    for name in ("tokenizer_config.json", "special_tokens_map.json", "README.md"):
        (folder / name).unlink()
    np.testing.assert_array_equal(load(folder).encode_documents(ARTICLES), load(small_checkpoint).encode_documents(ARTICLES))
    assert truncated_pmids(load(folder), ARTICLES) == truncated_pmids(load(small_checkpoint), ARTICLES) == {14}


@pytest.mark.parametrize("weights", ["pytorch_model.bin", "model.safetensors"])
def test_weights_saved_with_the_head_of_a_masked_language_model(weights: str, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "encoder", weights, masked_lm=True)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), BertForMaskedLM.from_pretrained(folder).eval()
    batch = tokenizer([QUERY, "statins"], padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = mean_pooled(model.bert(**batch).last_hidden_state, batch["attention_mask"])
    encoder = load(folder)
    np.testing.assert_allclose(encoder.encode_query(QUERY), expected[0], **CLOSE)
    np.testing.assert_allclose(encoder.encode_documents([article(1, "statins")]), expected[1:], **CLOSE)


class Command:
    """Runs a command of the shell when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("layout", ["as torch saves", "a bare pickle"])
def test_a_pickle_that_would_run_a_command_is_refused(layout: str, tmp_path: Path) -> None:
    folder, marker = write_checkpoint(tmp_path / "encoder", "pytorch_model.bin"), tmp_path / "executed"
    harmful = {"embeddings.word_embeddings.weight": Command(f"touch {marker}")}
    weights = folder / "pytorch_model.bin"
    if layout == "as torch saves":
        torch.save(harmful, weights)
    else:
        weights.write_bytes(pickle.dumps(harmful))
    with pytest.raises(EncoderError, match=r"pytorch_model.bin was not loaded: .* a pickle of more than tensors") as raised:
        load(folder)
    assert not marker.exists()
    assert "weights_only" not in str(raised.value)  # torch advises to switch it off
    with (
        weights.open("rb") as stream,
        contextlib.suppress(RuntimeError),
    ):  # torch looks closer at a bare pickle after running it
        torch.load(stream, weights_only=False)
    assert marker.exists()  # it would have


def test_weights_that_lack_tensors(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "encoder", "pytorch_model.bin")
    tensors = torch.load(folder / "pytorch_model.bin", weights_only=True)
    tensors.pop("encoder.layer.1.output.dense.weight")
    tensors.pop("pooler.dense.weight")  # not used, so not missed
    torch.save(tensors, folder / "pytorch_model.bin")
    with pytest.raises(EncoderError, match=r"lack 1 tensors of the model, encoder\.layer\.1\.output\.dense\.weight among them"):
        load(folder)


@pytest.mark.parametrize("weights", ["pytorch_model.bin", "model.safetensors"])
def test_weights_cut_short(weights: str, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "encoder", weights)
    (folder / weights).write_bytes((folder / weights).read_bytes()[:-1000])
    with pytest.raises(EncoderError, match=r"Copy (its|the) folder again"):
        load(folder)


def test_weights_of_another_configuration(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "encoder")
    configuration = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**configuration, "hidden_size": 32}))
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load(folder)


def test_a_model_that_comes_with_code_is_not_run(tmp_path: Path) -> None:
    folder, marker = write_checkpoint(tmp_path / "encoder"), tmp_path / "executed"
    (folder / "modeling.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Model: pass\n")
    configuration = json.loads((folder / "config.json").read_text())
    own = {"model_type": "own", "auto_map": {"AutoConfig": "modeling.Model", "AutoModel": "modeling.Model"}}
    (folder / "config.json").write_text(json.dumps({**configuration, **own}))
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load(folder)
    assert not marker.exists()


# MedCPT


def test_medcpt_equals_plain_transformers(medcpt_folder: Path) -> None:
    encoder = load(medcpt_folder)
    identity = encoder.identity
    assert (identity.pooling, identity.metric, identity.max_length) == (Pooling.CLS, Metric.INNER_PRODUCT, 512)
    titles, abstracts = ([one.title for one in ARTICLES], [one.abstract for one in ARTICLES])
    tokens, _ = Plain(medcpt_folder / "MedCPT-Article-Encoder")(titles, abstracts)
    np.testing.assert_allclose(encoder.encode_documents(ARTICLES), tokens[:, 0].numpy(), **CLOSE)
    plain = Plain(medcpt_folder / "MedCPT-Query-Encoder")
    for question in (QUERY, "statins", QUERY * 5):
        tokens, _ = plain([question], max_length=64)
        np.testing.assert_allclose(encoder.encode_query(question), tokens[0, 0].numpy(), **CLOSE)
    assert abs(np.linalg.norm(encoder.encode_query(QUERY)) - 1) > 0.1


def test_medcpt_reads_512_tokens_of_a_pair(medcpt_folder: Path) -> None:
    """[CLS] title [SEP] abstract [SEP]: three tokens go to the frame."""
    articles = [article(pmid, "a" * 9, " ".join(["b" * 50] * 9 + ["c" * (50 + pmid)])) for pmid in (0, 1)]
    assert truncated_pmids(load(medcpt_folder), articles) == {1}


# sentence-transformers folders


@pytest.fixture
def save_folder(tmp_path: Path) -> Any:
    """Saves a sentence-transformers folder: ``save_folder(pooling="cls", normalize=True, cased=True, prompts={...})``."""

    def save(
        pooling: Any = "mean", *, normalize: bool = False, cased: bool = False, extra: Any = None, **settings: Any
    ) -> Path:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer import modules

        transformer = modules.Transformer(str(write_checkpoint(tmp_path / "checkpoint", cased=cased)), max_seq_length=40)
        chain = [transformer, modules.Pooling(16, pooling), *([extra] if extra else [])]
        chain += [modules.Normalize()] if normalize else []
        folder = tmp_path / "folder"
        SentenceTransformer(modules=chain, device="cpu", **settings).save(str(folder), create_model_card=False)
        return folder

    return save


def reference(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def rewrite(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def older_spelling(folder: Path, pooling: Pooling, **sentence: Any) -> None:
    """Lay the folder out as sentence-transformers 2 did: one flag a mode, lengths in a file of their own."""
    flags = {
        Pooling.CLS: "pooling_mode_cls_token",
        Pooling.MEAN: "pooling_mode_mean_tokens",
        Pooling.MAX: "pooling_mode_max_tokens",
        Pooling.MEAN_SQRT_LENGTH: "pooling_mode_mean_sqrt_len_tokens",
    }
    chosen = {flag: mode is pooling for mode, flag in flags.items()}
    rewrite(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 16, **chosen})
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling")]
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds)
    ]
    rewrite(folder / "modules.json", modules)
    rewrite(folder / "sentence_bert_config.json", sentence)


@pytest.mark.parametrize("older", [False, True], ids=["pooling_mode", "a flag a mode"])
@pytest.mark.parametrize("pooling", Pooling)
def test_pooling_and_length_are_the_folders_own(pooling: Pooling, older: bool, save_folder: Any) -> None:
    folder = save_folder(str(pooling))
    if older:
        older_spelling(folder, pooling, max_seq_length=30, do_lower_case=False)
    encoder, theirs = load(folder), reference(folder)
    assert (encoder.identity.pooling, encoder.identity.max_length) == (pooling, 30 if older else 40)
    assert theirs.max_seq_length == encoder.identity.max_length
    expected = theirs.encode(texts_of(ARTICLES), normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_documents(ARTICLES), expected, **CLOSE)
    np.testing.assert_allclose(encoder.encode_query(QUERY), theirs.encode(QUERY, normalize_embeddings=True), **CLOSE)


def test_prompts_are_the_folders_own(save_folder: Any) -> None:
    folder = save_folder(normalize=True, prompts={"query": "Query: ", "document": "Passage: "})
    encoder, theirs = load(folder), reference(folder)
    assert (encoder.identity.query_prompt, encoder.identity.document_prompt) == ("Query: ", "Passage: ")
    np.testing.assert_allclose(encoder.encode_documents(ARTICLES), theirs.encode_document(texts_of(ARTICLES)), **CLOSE)
    np.testing.assert_allclose(encoder.encode_query(QUERY), theirs.encode_query(QUERY), **CLOSE)
    assert not np.allclose(encoder.encode_query("pain"), encoder.encode_documents([article(1, "pain")])[0], atol=1e-2)


@pytest.mark.parametrize(
    ("settings", "query", "document"),
    [
        ({"prompts": {"query": "q: ", "passage": "p: "}}, "q: ", "p: "),
        ({"prompts": {"query": "q: ", "corpus": "c: "}}, "q: ", "c: "),
        ({"prompts": {"always": "a: "}, "default_prompt_name": "always"}, "a: ", "a: "),
        ({"prompts": {"query": None, "document": ""}, "default_prompt_name": None}, "", ""),
        ({"prompts": {}}, "", ""),
    ],
)
def test_prompts_as_older_folders_name_them(settings: Any, query: str, document: str, save_folder: Any) -> None:
    folder = save_folder(normalize=True)
    rewrite(folder / "config_sentence_transformers.json", settings)
    encoder, theirs = load(folder), reference(folder)
    assert (encoder.identity.query_prompt, encoder.identity.document_prompt) == (query, document)
    np.testing.assert_allclose(encoder.encode_query(QUERY), theirs.encode(QUERY, prompt=query), **CLOSE)
    expected = theirs.encode(texts_of(ARTICLES), prompt=document)
    np.testing.assert_allclose(encoder.encode_documents(ARTICLES), expected, **CLOSE)


def test_lower_case_is_the_folders_own_and_covers_the_prompt(save_folder: Any) -> None:
    folder = save_folder("cls", cased=True, prompts={"query": "Query: ", "document": "Passage: "})
    older_spelling(folder, Pooling.CLS, max_seq_length=40, do_lower_case=True)
    lowered, theirs = load(folder), reference(folder)
    expected = normalised(theirs.encode_document(texts_of(ARTICLES)))
    np.testing.assert_allclose(lowered.encode_documents(ARTICLES), expected, **CLOSE)
    np.testing.assert_allclose(lowered.encode_query("Statins"), normalised(theirs.encode_query("Statins")), **CLOSE)
    older_spelling(folder, Pooling.CLS, max_seq_length=40, do_lower_case=False)
    assert not np.allclose(load(folder).encode_query("Statins"), lowered.encode_query("Statins"), atol=1e-2)


@pytest.mark.parametrize("normalize", [False, True])
def test_dot_similarity_keeps_lengths_unless_the_folder_normalises(normalize: bool, save_folder: Any) -> None:
    folder = save_folder("cls", normalize=normalize, similarity_fn_name="dot")
    encoder, theirs = load(folder), reference(folder)
    assert encoder.identity.metric is (Metric.COSINE if normalize else Metric.INNER_PRODUCT)
    np.testing.assert_allclose(encoder.encode_documents(ARTICLES), theirs.encode_document(texts_of(ARTICLES)), **CLOSE)
    np.testing.assert_allclose(encoder.encode_query(QUERY), theirs.encode_query(QUERY), **CLOSE)


def test_a_module_that_is_not_supported(save_folder: Any) -> None:
    from sentence_transformers.sentence_transformer.modules import Dropout

    folder = save_folder(extra=Dropout())
    with pytest.raises(EncoderError, match="needs the module Dropout, which is not supported; supported: Transformer, Pooling"):
        load(folder)


@pytest.mark.parametrize(
    ("pooling", "sentence"),
    [
        ({"pooling_mode": ["cls", "mean"]}, r"pools by \['cls', 'mean'\]; supported, one at a time: cls, mean, max"),
        ({"pooling_mode": "lasttoken"}, r"pools by \['lasttoken'\]; supported"),
        ({"pooling_mode_weightedmean_tokens": True}, r"pools by \['weightedmean_tokens'\]; supported"),
        ({"pooling_mode": "mean", "include_prompt": False}, "leaves its prompt out of the pooling"),
    ],
)
def test_a_pooling_that_is_not_supported(pooling: Any, sentence: str, save_folder: Any) -> None:
    folder = save_folder()
    rewrite(folder / "1_Pooling" / "config.json", pooling)
    with pytest.raises(EncoderError, match=sentence):
        load(folder)


# The embedded encoder


@pytest.fixture(scope="module")
def embedded() -> TransformerEncoder:
    return load_encoder("embedded", NumericPath.FP32)


@pytest.fixture(scope="module")
def sample() -> list[Article]:
    """Twenty articles of the shipped sample, title and abstract read without the project's own parser."""
    with gzip.open(sample_folder() / "sample-1.xml.gz") as stream:
        records = etree.parse(stream).iterfind("PubmedArticle/MedlineCitation")
        return [
            article(int(one.findtext("PMID")), _text(one, ".//ArticleTitle"), _text(one, ".//AbstractText"))
            for one, _ in zip(records, range(20), strict=False)
        ]


def _text(record: Any, path: str) -> str:
    return " ".join(" ".join("".join(element.itertext()).split()) for element in record.iterfind(path))


def test_embedded_equals_sentence_transformers(embedded: TransformerEncoder, sample: list[Article]) -> None:
    theirs = reference(find_encoder("embedded").document_folder)
    assert len({one.pmid for one in sample}) == 20
    np.testing.assert_allclose(embedded.encode_documents(sample), theirs.encode_document(texts_of(sample)), **CLOSE)
    np.testing.assert_allclose(embedded.encode_query(QUERY), theirs.encode_query(QUERY), **CLOSE)


def test_embedded_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        tried.append("connect")
        raise OSError("no network in this test")

    tried: list[str] = []
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert load_encoder("embedded", NumericPath.FP32).encode_query(QUERY).shape == (384,)
    assert not tried


# What callers rely on


def test_truncated_marks_exactly_the_documents_longer_than_the_encoder_reads(save_folder: Any) -> None:
    encoder = load(save_folder())
    articles = [article(letters, "x" * letters) for letters in range(30, 46)]  # and two tokens of the frame, of 40
    assert truncated_pmids(encoder, articles) == {letters for letters in range(30, 46) if letters + 2 > 40}


def test_embed_yields_every_document_once(small_checkpoint: Path, sample: list[Article]) -> None:
    batches = list(load(small_checkpoint).embed([*sample, *ARTICLES]))
    assert len(batches) > 1
    pmids = np.concatenate([batch.pmids for batch in batches])
    assert sorted(pmids.tolist()) == sorted(one.pmid for one in [*sample, *ARTICLES])
    assert all(len(batch.pmids) == len(batch.vectors) == len(batch.truncated) for batch in batches)


def test_embedding_begins_before_the_first_batch_is_asked_for(small_checkpoint: Path) -> None:
    encoder = load(small_checkpoint)
    ran = list[int]()
    encoder._documents.model._model.register_forward_hook(lambda *_: ran.append(1))
    batches = encoder.embed(ARTICLES)
    encoder._workers.shutdown()
    assert len(ran) == len(list(batches)) > 1


def test_what_nobody_asks_for_is_not_embedded(small_checkpoint: Path) -> None:
    encoder, busy = load(small_checkpoint), threading.Event()
    ran = list[int]()
    encoder._documents.model._model.register_forward_hook(lambda *_: ran.append(1))
    for _ in range(encoder._workers._max_workers):
        encoder._workers.submit(busy.wait)
    batches = encoder.embed(ARTICLES)
    del batches
    busy.set()
    encoder._workers.shutdown()
    assert ran == []


def test_encode_documents_keeps_the_order(small_checkpoint: Path, sample: list[Article]) -> None:
    encoder = load(small_checkpoint)
    vectors = encoder.encode_documents(sample)
    np.testing.assert_allclose(encoder.encode_documents(sample[::-1]), vectors[::-1], **CLOSE)
    for one, vector in zip(sample, vectors, strict=True):
        np.testing.assert_allclose(encoder.encode_documents([one])[0], vector, **CLOSE)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, **CLOSE)
    assert vectors.dtype == np.float32


def test_no_documents_give_no_rows(embedded: TransformerEncoder) -> None:
    vectors = embedded.encode_documents([])
    assert (vectors.shape, vectors.dtype) == ((0, 384), np.float32)
    assert list(embedded.embed([])) == []


def test_threads_get_what_one_thread_gets(small_checkpoint: Path, sample: list[Article]) -> None:
    """Eight threads ask, a ninth embeds documents: the tokenizer's truncation is state, and torch has its own threads."""
    encoder, questions = load(small_checkpoint), [one.title for one in sample]
    alone, documents = np.stack([*map(encoder.encode_query, questions)]), encoder.encode_documents(sample)
    with ThreadPoolExecutor(9) as threads:
        busy = threads.submit(encoder.encode_documents, sample)
        together = [threads.submit(lambda: np.stack([*map(encoder.encode_query, questions)])) for _ in range(8)]
        for one in together:
            np.testing.assert_allclose(one.result(), alone, rtol=0, atol=1e-6)
        np.testing.assert_allclose(busy.result(), documents, rtol=0, atol=1e-6)


def test_an_encoder_loaded_in_another_thread_uses_as_many_cores(small_checkpoint: Path) -> None:
    first = load(small_checkpoint)
    first.encode_query(QUERY)
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(load, small_checkpoint).result()
    assert second._workers._max_workers == first._workers._max_workers


def test_bf16_and_fp32_agree(embedded: TransformerEncoder, sample: list[Article]) -> None:
    rough = load_encoder("embedded", NumericPath.BF16)
    assert rough.identity.cache_key != embedded.identity.cache_key
    documents = sample[:4]
    cosines = (rough.encode_documents(documents) * embedded.encode_documents(documents)).sum(axis=1)
    assert cosines.min() >= 0.99
    assert rough.encode_query(QUERY) @ embedded.encode_query(QUERY) >= 0.99
    assert rough.encode_query(QUERY).dtype == np.float32


NONE = {"avx512_bf16": False, "amx_bf16": False, "avx512_f": True, "amx_tile": False}


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (NONE, NumericPath.FP32),
        ({}, NumericPath.FP32),
        ({**NONE, "avx512_bf16": True}, NumericPath.BF16),
        ({**NONE, "amx_bf16": True}, NumericPath.BF16),
    ],
)
def test_bf16_is_taken_only_where_the_processor_has_it(
    capabilities: dict[str, bool], expected: NumericPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert native_numeric_path() is expected


def test_the_numeric_path_of_this_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    information = Path("/proc/cpuinfo")
    if not information.is_file():
        pytest.skip("needs Linux, which lists what the processor can do")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    native = re.search(r"\b(avx512_bf16|amx_bf16)\b", information.read_text()) is not None
    assert native_numeric_path() is (NumericPath.BF16 if native else NumericPath.FP32)
