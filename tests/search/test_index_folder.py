"""The index folder: one writer, atomic publishing, and what a crash leaves."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from search.errors import IndexFolderError, IndexLocked, StorageFull
from search.index_folder import IndexFolder
from search.storage import full_disk_is_said, write_atomically


def test_generations_are_numbered_and_published(tmp_path: Path) -> None:
    folder = IndexFolder(tmp_path / "index")
    with folder.writing():
        first = folder.publish(folder.begin())
        second = folder.publish(folder.begin())
    assert (first.name, second.name) == ("0001", "0002")
    assert folder.published() == second
    assert folder.current.read_text() == "0002\n"


def test_what_a_crashed_writer_left_is_cleared(tmp_path: Path) -> None:
    folder = IndexFolder(tmp_path / "index")
    with folder.writing():
        (folder.begin().folder / "half").write_text("half")
        assert not (folder.begin().folder / "half").exists()


def test_a_finished_generation_that_was_never_published_is_none(tmp_path: Path) -> None:
    # It would be what a rollback goes back to, and what a prune keeps instead of the one that was published before.
    folder = IndexFolder(tmp_path / "index")
    with folder.writing():
        first = folder.publish(folder.begin())
        die_before_it_is_current(folder)
        assert folder.all_generations() == [first]
        assert folder.published() == first
        assert folder.clear_away() == len("{}")
        assert sorted(path.name for path in folder.generations.iterdir()) == ["0001"]
        die_before_it_is_current(folder)
        assert folder.publish(folder.begin()).name == "0002"
        assert [generation.name for generation in folder.all_generations()] == ["0001", "0002"]
    assert sorted(path.name for path in folder.root.iterdir()) == ["current", "generations", "lock"]


def die_before_it_is_current(folder: IndexFolder) -> None:
    generation = folder.generations / "0002"
    folder.publishing.write_text("0002\n")
    folder.begin().folder.rename(generation)
    (generation / "manifest.json").write_text("{}")
    folder.publishing.write_text("0002\n")


@pytest.mark.parametrize("current", ["0002\n", "garbage"])
def test_what_may_have_been_published_is_kept(tmp_path: Path, current: str) -> None:
    folder = IndexFolder(tmp_path / "index")
    with folder.writing():
        folder.publish(folder.begin())
        folder.publish(folder.begin())
        folder.publishing.write_text("0002\n")
        folder.current.write_text(current)
        folder.clear_away()
    assert [generation.name for generation in folder.all_generations()] == ["0001", "0002"]


def test_a_removal_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    folder = IndexFolder(tmp_path / "index")
    with folder.writing():
        generation = folder.publish(folder.begin())
        folder.publish(folder.begin())
        (generation.folder / "file").write_text("half")
        generation.folder.rename(folder.generations / "0001.removed")
        assert folder.clear_away() == len("half")
    assert [path.name for path in folder.generations.iterdir()] == ["0002"]


def test_a_generation_that_was_removed_since_its_name_was_read_is_left_for_the_next(tmp_path: Path) -> None:
    names = iter(["0001", "0002"])

    class Moving(IndexFolder):
        def published_name(self) -> str:
            return next(names)

    (tmp_path / "generations" / "0002").mkdir(parents=True)
    assert Moving(tmp_path).published().name == "0002"


def test_a_generation_renamed_but_not_yet_current_is_not_reused(tmp_path: Path) -> None:
    folder = IndexFolder(tmp_path / "index")
    with folder.writing():
        folder.publish(folder.begin())
        partial = folder.begin()
        partial.folder.rename(folder.generations / "0002")
        assert folder.published_name() == "0001"
        assert folder.publish(folder.begin()).name == "0003"


def test_a_lock_that_names_a_dead_process_is_asked_again(tmp_path: Path) -> None:
    with IndexFolder(tmp_path).writing():
        (tmp_path / "lock").write_text("99999999")
        with pytest.raises(IndexLocked, match="Process 99999999 is writing"), IndexFolder(tmp_path).writing():
            pass
    with IndexFolder(tmp_path).writing():
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def hold(root: Path, ready: "multiprocessing.synchronize.Event") -> None:
    with IndexFolder(root).writing():
        ready.set()
        signal.pause()


def test_a_second_writer_is_told_who_writes_and_a_dead_one_is_taken_over(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=hold, args=(tmp_path, ready))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(IndexLocked, match=f"Process {holder.pid} is writing"), IndexFolder(tmp_path).writing():
        pass
    assert holder.pid
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with IndexFolder(tmp_path).writing():
        assert (tmp_path / "lock").read_text() == str(os.getpid())


@pytest.mark.parametrize("name", ["letter.txt", "letter.txt/index", "caf\udce9"])
def test_what_cannot_be_an_index_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir")
    with pytest.raises(IndexFolderError, match="folder"), IndexFolder(tmp_path / name).writing():
        pass


def test_an_atomic_write_leaves_no_other_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "current", b"0001\n")
    write_atomically(tmp_path / "current", b"0002\n")
    assert [path.name for path in tmp_path.iterdir()] == ["current"]
    assert (tmp_path / "current").read_bytes() == b"0002\n"


def test_a_full_disk_is_one_sentence_whoever_says_it(tmp_path: Path) -> None:
    for error in (OSError(28, "No space left on device"), RuntimeError("write error: No space left on device (28)")):
        with pytest.raises(StorageFull, match="run the same command again"), full_disk_is_said(tmp_path):
            raise error
    with pytest.raises(OSError, match="denied"), full_disk_is_said(tmp_path):
        raise PermissionError(13, "denied")
