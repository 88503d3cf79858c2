"""No module but `fomm.trust.release.film`, its live part, and the media room may open an encoder or write pictures."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import fomm

PACKAGE = Path(fomm.__file__).parent
EXIT = "trust/release/film.py"
LIVE_EXIT = "trust/release/live.py"  # the same exit for single frames, which it marks and encodes in one step
MEDIA = "media/"
# Stores training clips of people who do not exist, each with a manifest; nothing but `fomm synthesize` may use it.
TRAINING_CLIPS = "synthesis/clip/file.py"
SHEET_EXIT = "trust/release/sheet.py"  # contact sheets, marked as a whole and in every picture
# TensorBoard's own writer; it is handed sheets that `SHEET_EXIT` has marked, and refuses others.
BOARD = "training/loop/board.py add_image"
# Arrays on disk: training clips' truth, portraits' landmarks, and decoded frames that only their user may read.
ARRAYS = {
    "synthesis/clip/file.py",
    "synthesis/prepare.py",
    "training/data/clip_folder.py",
    "training/data/labelled_clips.py",
}
ARRAY_WRITERS = {"open_memmap", "savez", "savez_compressed", "tofile"}

# imageio may be imported to read; its writers are caught by name.
ENCODER_MODULES = {"av", "cv2", "ffmpeg", "imageio_ffmpeg", "torchcodec", "moviepy", "tifffile"}
WRITER_NAMES = {
    "SummaryWriter", "VideoWriter", "add_figure", "add_image", "add_image_with_boxes", "add_images", "add_video",
    "get_writer", "imencode", "imopen", "imsave", "imwrite", "mimsave", "mimwrite", "mvolwrite",
    "save_image", "savefig", "volwrite", "write_apng", "write_frames", "write_jpeg", "write_png", "write_video",
}  # fmt: skip


def offences(source: str, name: str) -> list[str]:
    """Return what a module does that only the exit may do, as `name:line what`."""
    tree = ast.parse(source)
    found: list[tuple[int, str]] = []
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                imported.add(alias.name.split(".")[0])
                found += _import(node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
            for alias in node.names:
                found += _import(node.lineno, f"{node.module}.{alias.name}")
    pictures = "PIL" in imported
    processes = "subprocess" in imported or "os" in imported
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            used = node.attr if isinstance(node, ast.Attribute) else node.id
            if used in WRITER_NAMES or (pictures and used == "save" and _may_be_picture(node)):
                found.append((node.lineno, used))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            program = processes and node.value.split("/")[-1] in ("ffmpeg", "ffmpeg.exe")
            if program or node.value in WRITER_NAMES:
                found.append((node.lineno, repr(node.value)))
    return [f"{name}:{line} {what}" for line, what in found]


def _may_be_picture(node: ast.Attribute | ast.Name) -> bool:
    """Say whether `node` is a method `x.save` of anything but numpy."""
    return isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id == "np")


def _import(line: int, module: str) -> list[tuple[int, str]]:
    parts = module.split(".")
    bad = parts[0] in ENCODER_MODULES or parts[-1] in WRITER_NAMES or module == "fomm.media.writer"
    return [(line, f"import {module}")] if bad else []


def test_no_other_module_writes_pictures_or_video() -> None:
    found: list[str] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name not in (EXIT, LIVE_EXIT, SHEET_EXIT, TRAINING_CLIPS) and not name.startswith(MEDIA):
            found += offences(path.read_text(), name)
    without_line = [re.sub(r":\d+", "", line) for line in found]
    for once in (BOARD, BOARD.replace("add_image", "SummaryWriter")):
        without_line.remove(once)  # a second one is reported
    assert without_line == [], found


def test_no_other_module_keeps_arrays() -> None:
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and (
                node.attr in ARRAY_WRITERS or (node.attr == "save" and ast.unparse(node.value) in ("np", "numpy"))
            ):
                found.add(path.relative_to(PACKAGE).as_posix())
    assert found == ARRAYS


@pytest.mark.parametrize("name", ["contact_sheet.py", "gpu_session.py", "finetune.py", "heldout.py"])
def test_benchmarks_that_make_pictures_of_faces_write_none_themselves(name: str) -> None:
    script = Path(__file__).parents[2] / "benchmarks" / name
    if not script.is_file():
        pytest.skip("the benchmarks are not part of an installed package")
    found = offences(script.read_text(), name)
    # The one import that only reads, for machines without ffmpeg.
    assert [line for line in found if "save_checkpoint" not in line and "cv2" not in line] == []


def test_training_clips_are_stored_by_the_clip_generator_alone() -> None:
    users = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if "fomm.synthesis.clip.file import" in path.read_text()
    ]
    assert users == ["synthesis/run.py"]


@pytest.mark.parametrize("name", [EXIT, LIVE_EXIT, SHEET_EXIT, TRAINING_CLIPS])
def test_the_exit_itself_is_seen_by_the_check(name: str) -> None:
    assert offences((PACKAGE / name).read_text(), name)


@pytest.mark.parametrize(
    "source",
    [
        "import imageio.v3 as iio\niio.imwrite('a.png', x)",
        "from imageio import get_writer",
        "from fomm.media.writer import VideoWriter",
        "from fomm.media import writer\nwriter.VideoWriter('a', (1, 1), 1)",
        "import fomm.media.writer as w",
        "from PIL import Image\nImage.new('RGB', (1, 1)).save('a.png')",
        "import skimage.io\nskimage.io.imsave('a.png', x)",
        "from torchvision.utils import save_image",
        "import torchvision\ntorchvision.io.write_video('a.mp4', x, 25)",
        "import subprocess\nsubprocess.run(['ffmpeg', '-i', 'x'])",
        "import fomm.media\ngetattr(fomm.media, 'VideoWriter')",
        "import cv2",
        "board.add_image('a', x)",
        "from torch.utils.tensorboard import SummaryWriter",
        "import av",
    ],
)
def test_the_check_finds_every_way_out(source: str) -> None:
    assert offences(source, "x.py")


@pytest.mark.parametrize(
    "source",
    [
        "import imageio.v3 as iio\niio.imread('a')",
        "from fomm.media.codecs import EncodeSettings",
        "from PIL import Image\nImage.open('a')",
        "track.save('a')",
    ],
)
def test_the_check_lets_readers_be(source: str) -> None:
    assert offences(source, "x.py") == []
