"""Training runs of a very small BERT with random weights: what they write, what they keep, and how they go on."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from checkpoints import write_checkpoint

pytest.importorskip("datasets")

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = ("asthma", "sepsis", "migraine", "gout", "anaemia", "measles", "scurvy", "rickets", "malaria", "eczema")
REMEDIES = ("zinc", "honey", "iron", "light", "rest", "cocoa", "salt", "tea", "sleep", "yoga")
STEPS, EVERY = 6, 2


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("base") / "bert")


@pytest.fixture(scope="module")
def index(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred abstracts, each on a remedy for something, indexed with the base."""
    folder = tmp_path_factory.mktemp("trials")
    rows = [
        {
            "pmid": 100 + number,
            "title": f"Effect of {remedy} on {subject} in trial number {number}",
            "abstract": f"Many people have {subject}. We gave {remedy} to half of them for {number} days. They felt better. "
            f"Nobody who had no {remedy} did. We conclude that {remedy} helps against {subject}, and costs little. " * 2,
        }
        for number, (subject, remedy) in enumerate(
            (subject, remedy) for _ in range(3) for subject in SUBJECTS for remedy in REMEDIES
        )
    ]
    (folder / "trials.jsonl").write_text("\n".join(map(json.dumps, rows)))
    where = ["--index", str(folder / "index"), "--encoder", str(base), "--numeric-path", "fp32"]
    done = run([sys.executable, "-m", "indexer.cli", "build", str(folder / "trials.jsonl"), *where])
    assert done.returncode == 0, done.stderr
    return folder / "index"


def command(index: Path, base: Path, out: Path, *more: str) -> list[str]:
    pairs = ["--pairs", "96", "--questions", "40", "--held-out", "0.5"]
    recipe = ["--batch", "8", "--rate", "1e-3", "--length", "64", "--dimensions", "8,4", "--json"]
    steps = ["--steps", str(STEPS), "--every", str(EVERY)]
    where = ["--index", str(index), "--base", str(base), "--out", str(out)]
    return [sys.executable, "-W", "ignore", "-m", "indexer.cli", "train", *where, *pairs, *recipe, *steps, *more]


def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def last_weights(work: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return dict(load_file(work / "checkpoints" / f"checkpoint-{STEPS}" / "model.safetensors"))


@pytest.fixture(scope="module")
def finished(index: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """A run that nothing disturbed, as its JSON."""
    out = tmp_path_factory.mktemp("finished") / "encoder"
    done = run(command(index, base, out))
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    index: Path, base: Path, finished: dict[str, object], tmp_path: Path
) -> None:
    killed = tmp_path / "encoder"
    work = killed.with_name("encoder.training")
    started = subprocess.Popen(command(index, base, killed), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    waiting = time.monotonic() + 120
    while not list(work.glob("checkpoints/checkpoint-2/trainer_state.json")) and started.poll() is None:
        assert time.monotonic() < waiting
        time.sleep(0.05)
    started.send_signal(signal.SIGKILL)
    assert started.wait() == -signal.SIGKILL
    done = run(command(index, base, killed))
    assert done.returncode == 0, done.stderr
    undisturbed = Path(str(finished["out"])).with_name("encoder.training")
    ours, theirs = last_weights(work), last_weights(undisturbed)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert np.allclose(ours[name], theirs[name], atol=1e-6), name


def test_processes_that_share_a_run_write_and_report_once(index: Path, base: Path, tmp_path: Path) -> None:
    launcher = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    alone = command(index, base, tmp_path / "encoder")
    done = run([*launcher, *alone[alone.index("-m") :]])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trained"]["steps"] == STEPS
    assert done.stderr.count("Pairs of articles") == 1


def test_a_checkpoint_that_was_not_written_to_its_end_is_passed_over(
    index: Path, base: Path, finished: dict[str, object], tmp_path: Path
) -> None:
    work, undisturbed = tmp_path / "encoder.training", Path(str(finished["out"])).with_name("encoder.training")
    shutil.copytree(undisturbed, work)
    (work / "checkpoints" / f"checkpoint-{STEPS}" / "trainer_state.json").unlink()
    done = run(command(index, base, tmp_path / "encoder"))
    assert done.returncode == 0, done.stderr
    ours, theirs = last_weights(work), last_weights(undisturbed)
    assert all(np.allclose(ours[name], theirs[name], atol=1e-6) for name in theirs)


def test_hours_count_what_was_trained_before_a_stop(
    index: Path, base: Path, finished: dict[str, object], tmp_path: Path
) -> None:
    work = tmp_path / "encoder.training"
    shutil.copytree(Path(str(finished["out"])).with_name("encoder.training"), work)
    shutil.rmtree(work / "checkpoints" / f"checkpoint-{STEPS}")
    (earlier,) = work.glob("checkpoints/checkpoint-*")  # the best one so far
    state = earlier / "trainer_state.json"
    found = json.loads(state.read_text())
    assert [one["seconds"] for one in found["log_history"] if "loss" in one] == sorted(
        one["seconds"] for one in found["log_history"] if "loss" in one
    )
    found["log_history"][-1]["seconds"] = 5000.0
    state.write_text(json.dumps(found))
    done = run(command(index, base, tmp_path / "encoder", "--hours", "1"))
    assert done.returncode == 0, done.stderr
    trained = json.loads(done.stdout)["trained"]
    assert trained["steps"] == int(earlier.name.rpartition("-")[2]) + 1
    assert trained["seconds"] > 5000


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--length", "5000"], "reads 512 tokens at most; found 5000"),
        (["--mix", "title=-1"], "expected KIND=WEIGHT"),
        (["--documents", "-1"], "expected a number above 0"),
        (["--held-out", "1"], "expected a number between 0 and 1"),
        (["--dimensions", "0"], "expected numbers with commas"),
    ],
)
def test_what_is_refused_at_once(wrong: list[str], said: str, index: Path, base: Path, tmp_path: Path) -> None:
    done = run([*command(index, base, tmp_path / "encoder"), *wrong])
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_encoder_of_another_width_learns_the_vectors_of_the_index(index: Path, tmp_path: Path) -> None:
    """What BioLinkBERT learns from an index that a smaller encoder built: a linear layer makes its vectors as long."""
    wide, out = write_checkpoint(tmp_path / "wide", seed=1, hidden_size=32), tmp_path / "encoder"
    done = run([*command(index, wide, out), "--steps", "60", "--every", "30", "--rate", "3e-3"])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    losses = found["trained"]["losses"]
    assert sum(losses[-10:]) < sum(losses[:10]) / 2
    assert found["verdict"]["share"] == 1  # its new layer has no counterpart in the base to be averaged with


def test_two_towers_are_not_trained(index: Path, tmp_path: Path) -> None:
    towers = tmp_path / "towers"
    for seed, name in enumerate(("MedCPT-Query-Encoder", "MedCPT-Article-Encoder")):
        write_checkpoint(towers / name, seed=seed)
    done = run(command(index, towers, tmp_path / "encoder"))
    assert done.returncode == 1
    assert "what can be trained has one tower, and cosines" in done.stderr


def test_a_work_folder_is_of_one_run(index: Path, base: Path, finished: dict[str, object], tmp_path: Path) -> None:
    work = Path(str(finished["out"])).with_name("encoder.training")
    done = run([*command(index, base, tmp_path / "encoder", "--work", str(work)), "--rate", "2e-3"])
    assert done.returncode == 1
    assert "holds a run of another kind: its recipe differs. Give --work another folder" in done.stderr
    assert not (tmp_path / "encoder").exists()


def test_what_a_run_says(finished: dict[str, object]) -> None:
    assert finished["trained"]["steps"] == STEPS  # type: ignore[index]
    assert [one["kind"] for one in finished["pairs"]] == ["title", "sentence", "conclusion"]  # type: ignore[attr-defined]
    assert set(finished["verdict"]) >= {"base", "trained", "p", "share", "kinds"}  # type: ignore[call-overload]
