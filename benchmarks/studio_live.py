"""Go live in a real browser and measure, in the page, frames shown a second and the time from camera to screen.

    python benchmarks/studio_live.py

A visitor's whole way: `fomm studio` in its own process, Chromium without a GPU on the same cores, and a camera of
640 x 480 px at 30 frames a second that plays the demo's driving clip. A frame's latency runs from the moment the
browser says that the camera captured it to the first task after the paint that shows the answer; a frame that was
dropped on the way is not shown and counts in the rate only. The first seconds, in which the driver is calibrated, are
left out. Processor time per shown frame is read from the system for the studio and for all of Chromium, whose share a
visitor's own machine would carry. Then the same camera frames go through `LivePortrait` alone, one thread, and their
processor time is told stage by stage: on a busy machine these figures mean more than rates and latencies.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, before NumPy and PyTorch are loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import io
import itertools
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import torch
from machine import save
from material import ledger_with
from PIL import Image
from stopwatch import Stages, stopwatch
from studio_server import Server, child_named, chromium, cpu_seconds, studio

from fomm.config.animate import DEFAULT_MODEL
from fomm.config.live import LiveSettings
from fomm.face.crop import CropWindow
from fomm.face.locate import FaceFinder
from fomm.model.compact import CompactModel
from fomm.networks.compact.dense_motion import CompactDenseMotion
from fomm.networks.compact.generator import CompactGenerator
from fomm.render.paste_back import PasteBack
from fomm.studio.live import streams as live_streams
from fomm.tasks.animate import Pipeline
from fomm.tasks.demo import demo_files
from fomm.tasks.live import LivePortrait
from fomm.track.surface import SurfaceTracker
from fomm.trust.consent.authorise import Authorisation
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import NO_LIVING, ConsentTerms
from fomm.trust.marks.label import Label
from fomm.trust.release.live import LiveRelease
from fomm.trust.watermark import Embedder

WARM_SECONDS = 5.0
CAMERA = (640, 480)
STAGES: Stages = {
    "decode the camera's JPEG": (live_streams, "decode_image"),
    "cut the driver out": (CropWindow, "crop"),
    "look for the face": (FaceFinder, "find"),
    "keypoints": (CompactModel, "detect"),
    "follow hair and clothes": (SurfaceTracker, "follow"),
    "dense motion": (CompactDenseMotion, "forward"),
    "decoder": (CompactGenerator, "decode"),
    "compose": (PasteBack, "compose"),
    "ask the ledger again": (Authorisation, "recheck"),
    "label": (Label, "apply"),
    "watermark": (Embedder, "__call__"),
    "encode and the rest of the exit": (LiveRelease, "send"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to watch the page")
    parser.add_argument("--frames", type=int, default=200, help="frames whose stages are timed")
    parser.add_argument("--screenshot", type=Path, help="keep a picture of the live page here")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo, ledger = consented_portrait(folder)
        result: dict[str, Any] = {"model": Path(arguments.model).name, "camera": list(CAMERA)}
        with studio(folder, "--model", arguments.model) as server:
            result["browser"] = watch(server, photo, camera_file(folder), arguments.seconds, arguments.screenshot)
        result["stages_cpu_ms_per_frame"] = stages(arguments.model, ledger, photo, arguments.frames)
    save("studio_live", result, arguments.output)


def consented_portrait(folder: Path) -> tuple[Path, Ledger]:
    """Return the demo's portrait and a ledger, where `studio` looks for it, that allows live use of it."""
    photo, _ = demo_files()
    ledger = ledger_with(folder, [])
    terms = ConsentTerms(
        subject="demo portrait", kind=NO_LIVING, origin="ai-generated", source="demo/README.md", make=("live",),
        capture="source-statement",
    )  # fmt: skip
    ledger.grant(photo.read_bytes(), terms, name=photo.name)
    return photo, ledger


def camera_file(folder: Path) -> Path:
    """Return what Chromium plays as a camera: raw pictures, as most webcams send them."""
    path = folder / "camera.y4m"
    width, height = CAMERA
    look = f"scale={height}:{height},pad={width}:{height}:(ow-iw)/2:0:gray"
    turn = ["-t", "6", "-i", str(demo_files()[1]), "-vf", look, "-r", "30", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *turn], check=True)
    return path


def watch(server: Server, photo: Path, camera: Path, seconds: float, screenshot: Path | None) -> dict[str, Any]:
    """Go live and return what the page measured."""
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with chromium(*fake, f"--use-file-for-fake-video-capture={camera}") as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(server.address)
        page.get_by_role("tab", name="Live").click()
        page.locator("#live-photo input[type=file]").set_input_files(str(photo))
        page.wait_for_selector("#live-consent-note .good")
        page.get_by_role("button", name="Go live").click()
        page.wait_for_function("fommLive.timings().length > 8")
        page.wait_for_timeout(WARM_SECONDS * 1e3)
        shows = child_named("chrom")
        begun, cpu = page.evaluate("performance.now()"), (cpu_seconds(server.pid), cpu_seconds(shows))
        page.wait_for_timeout(seconds * 1e3)
        ended, after = page.evaluate("performance.now()"), (cpu_seconds(server.pid), cpu_seconds(shows))
        if screenshot is not None:
            page.screenshot(path=str(screenshot), full_page=True)
        timings = [item for item in page.evaluate("fommLive.timings()") if begun <= item["seen"] <= ended]
    if len(timings) < 2:
        raise SystemExit("The page showed no live frames.")
    latencies = sorted(item["latency"] for item in timings)
    gaps = sorted(after["seen"] - before["seen"] for before, after in itertools.pairwise(timings))
    found = {
        "seconds": (ended - begun) / 1e3,
        "frames": len(timings),
        "fps": len(timings) / (ended - begun) * 1e3,
        "latency_ms_median": statistics.median(latencies),
        "latency_ms_95": latencies[int(0.95 * (len(latencies) - 1))],
        "gap_ms_95": gaps[int(0.95 * (len(gaps) - 1))],
        "computing_ms_median": statistics.median(item["server"] for item in timings),
        "studio_cpu_ms_per_frame": (after[0] - cpu[0]) / len(timings) * 1e3,
        "chromium_cpu_ms_per_frame": (after[1] - cpu[1]) / len(timings) * 1e3,
    }
    print(f"{found['fps']:.1f} frames shown a second, {found['latency_ms_median']:.0f} ms from camera to screen")
    for name, value in found.items():
        print(f"  {value:8.1f}  {name}")
    return found


def stages(model: str, ledger: Ledger, photo: Path, frames: int) -> dict[str, float]:
    """Return processor time per frame, stage by stage, in ms; one of PyTorch's, so that its threads count."""
    torch.set_num_threads(1)
    pipeline = Pipeline(model, ledger=ledger)
    live = LivePortrait(pipeline, photo, LiveSettings())
    jpegs = camera_jpegs(min(frames, 50))
    for index in range(10):
        live.frame(live_streams.decode_image(jpegs[index % len(jpegs)], "camera"), index / 15)
    with stopwatch(STAGES, time.thread_time) as spent:
        begun = time.process_time()
        for index in range(frames):
            live.frame(live_streams.decode_image(jpegs[index % len(jpegs)], "camera"), (10 + index) / 15)
        whole = (time.process_time() - begun) / frames * 1e3
    found = {stage: (spent[stage] + spent.aside.get(stage, 0.0)) / frames * 1e3 for stage in STAGES}
    found["everything else"] = whole - sum(found.values())
    print(f"{whole:.1f} ms of processor time per frame in the studio's own code:")
    for stage, milliseconds in found.items():
        print(f"  {milliseconds:7.2f} ms  {stage}")
    return {"all": whole, **found}


def camera_jpegs(count: int) -> list[bytes]:
    """Return camera frames as the page sends them."""
    width, height = 480, 360
    look = f"scale={height}:{height},pad={width}:{height}:(ow-iw)/2:0:gray"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(demo_files()[1]), "-vf", look, "-r", "15",
               "-frames:v", str(count), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]  # fmt: skip
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    found = []
    for picture in np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3):
        data = io.BytesIO()
        Image.fromarray(picture).save(data, "JPEG", quality=80)
        found.append(data.getvalue())
    return found


if __name__ == "__main__":
    main()
