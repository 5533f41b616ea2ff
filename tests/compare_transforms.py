"""What centring and whitening do to trained and to raw encoders, and which the build chooses. Not a test; run it as

python tests/compare_transforms.py BEIR_DIR [QRELS.tsv]

The raw ones are made of the embedded encoder: its first two layers, which were never what was compared, and the whole of it
with a last layer that adds a large constant to every vector and stretches five of its axes, as masked language models do.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from indexer.beir import BeirSet, read_beir, write_source
from indexer.build import Build
from indexer.metrics import Measure, score
from indexer.progress import Silent
from indexer.sources import Sources, find_sources
from search.encoder import Encoder
from search.encoder_files import BASE_OF_EMBEDDED, find_encoder
from search.generation import Generation
from search.index_folder import IndexFolder
from search.transform import TransformKind, VectorTransform
from search.transformer_encoder import load_encoder
from search.vectors import VectorFile

DEPTH = 100


def main(path: Path, qrels: Path | None = None) -> None:
    beir_set = read_beir(path, qrels)
    with tempfile.TemporaryDirectory() as work:
        source = Path(work, "corpus.jsonl")
        write_source(beir_set, source)
        for name, folder in _encoders(Path(work)).items():
            encoder, index = load_encoder(str(folder)), IndexFolder(Path(work, f"index of {name}"))
            sys.stdout.write(f"{name}: chosen {Build(index, encoder, Silent()).run(find_sources([source])).transform}\n")
            for kind in TransformKind:
                sys.stdout.write(f"  {kind}: nDCG@10 {_ndcg(beir_set, encoder, index, find_sources([source]), kind):.1f}\n")
            sys.stdout.flush()


def _encoders(work: Path) -> dict[str, Path]:
    trained = find_encoder(BASE_OF_EMBEDDED).document_folder
    two_layers = Path(shutil.copytree(trained, work / "two layers"))
    configuration = json.loads((two_layers / "config.json").read_text())
    (two_layers / "config.json").write_text(json.dumps({**configuration, "num_hidden_layers": 2}))
    skewed = Path(shutil.copytree(trained, work / "skewed"))
    tensors, generator = load_file(skewed / "model.safetensors"), torch.Generator().manual_seed(0)
    weight, bias = (tensors[f"encoder.layer.5.output.LayerNorm.{name}"] for name in ("weight", "bias"))
    stretched = torch.randperm(len(bias), generator=generator)[:5]
    weight[stretched] *= 10
    bias[stretched] *= 10
    bias += torch.randn(len(bias), generator=generator)
    save_file(tensors, skewed / "model.safetensors", {"format": "pt"})
    return {"two layers": two_layers, "trained": trained, "skewed": skewed}


def _ndcg(beir_set: BeirSet, encoder: Encoder, index: IndexFolder, sources: Sources, kind: TransformKind) -> float:
    Build(index, encoder, Silent(), transform=kind).run(sources)
    generation: Generation = index.published()
    vectors = VectorFile.open(generation.base.folder)
    matrix, pmids = vectors.get(vectors.pmids), vectors.pmids
    transform = None if kind is TransformKind.NONE else VectorTransform.read(generation.transform)
    run = {}
    for number, question in beir_set.questions.items():
        vector = encoder.encode_query(question)
        scores = matrix @ (vector if transform is None else transform.apply(vector))
        best = np.argsort(-scores)[:DEPTH]
        run[number] = {beir_set.document_id(int(pmids[row])): float(scores[row]) for row in best}
    return 100 * score(run, beir_set.judgements).mean(Measure.NDCG_10)


main(*map(Path, sys.argv[1:]))
