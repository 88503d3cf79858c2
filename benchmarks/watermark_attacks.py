"""Measure the invisible watermark: picture quality, ids read after attacks, false accepts and cost.

    python benchmarks/watermark_attacks.py --portraits some/folder --out benchmarks/results

Clips are made from the pictures that come with scikit-image, and from a few of the portraits if a folder is given, by
panning, zooming, flicker, and a head-like sway before a still background (the hardest: what does not move does not
average out). Each is marked, delivered as H.264 at crf 18, attacked by a second encode, and read from the attacked
file. A wrong id read from any file counts as a false accept.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import skimage
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import affine_grid, grid_sample

from fomm.trust.watermark import Residual, Watermark, WatermarkSettings, accumulate
from fomm.trust.watermark.carriers import Carriers
from fomm.trust.watermark.code import LISTED
from fomm.trust.watermark.detect import CANDIDATES, LEAST_SYNC, decode_candidates
from fomm.trust.watermark.search import find_sync, read, spectrum_of
from fomm.trust.watermark.windows import WINDOWS, search_windows

Clip = NDArray[np.uint8]  # [T, H, W, 3]
SIZE, FPS = 512, 25
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
PICTURES = {
    "astronaut": ("astronaut.png", "pan"),
    "coffee": ("coffee.png", "zoom"),
    "cat": ("chelsea.png", "sway"),
    "rocket": ("rocket.jpg", "flicker"),
}
STRESS = {"motorcycle": ("motorcycle_left.png", "fast pan"), "astronaut": ("astronaut.png", "fast pan")}
PORTRAIT_MOTIONS = ("sway", "sway", "flicker", "pan")
H264 = ["-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p"]
GIF = "fps=12,scale=320:-2:flags=area,split[a][b];[a]palettegen[p];[b][p]paletteuse"


@dataclass(frozen=True)
class Attack:
    """One ffmpeg filter and encoder, and an optional change of the frames read back from it."""

    filters: str = "null"
    encoder: tuple[str, ...] = (*H264, "-crf", "23")
    suffix: str = ".mp4"
    jpeg: int | None = None
    deep: bool = False  # read by the deep search, which `fomm verify` does where the plain one fails


ATTACKS = {
    "crf 18": Attack(encoder=(*H264, "-crf", "18")),
    "crf 23": Attack(),
    "crf 28": Attack(encoder=(*H264, "-crf", "28")),
    "crf 32": Attack(encoder=(*H264, "-crf", "32")),
    "half size and back": Attack("scale=iw/2:-2:flags=area,scale=iw*2:-2:flags=bicubic"),
    "crop 10%": Attack("crop=460:460:7:11"),
    "crop 10%, half, crf 28": Attack("crop=460:460:7:11,scale=iw/2:-2:flags=area", (*H264, "-crf", "28")),
    "12 fps": Attack("fps=12"),
    "brightness +20%": Attack("lutrgb=r=clip(val*1.2\\,0\\,255):g=clip(val*1.2\\,0\\,255):b=clip(val*1.2\\,0\\,255)"),
    "brightness -20%": Attack("lutrgb=r=val*0.8:g=val*0.8:b=val*0.8"),
    "contrast +20%": Attack("lutrgb=" + ":".join(f"{c}=clip((val-128)*1.2+128\\,0\\,255)" for c in "rgb")),
    "contrast -20%": Attack("lutrgb=" + ":".join(f"{c}=(val-128)*0.8+128" for c in "rgb")),
    "JPEG 50 frames": Attack(encoder=("-c:v", "ffv1"), suffix=".mkv", jpeg=50),
    "screenshot x0.7": Attack("scale=iw*0.7:-2:flags=bilinear", ("-c:v", "ffv1"), ".mkv", jpeg=85),
    "WebM (VP9)": Attack(encoder=("-c:v", "libvpx-vp9", "-crf", "36", "-b:v", "0", "-cpu-used", "5"), suffix=".webm"),
    "GIF 320 px": Attack(GIF, ("-f", "gif"), ".gif"),
    **{f"turned {degrees:+d} degrees": Attack(f"rotate={degrees}*PI/180", deep=True) for degrees in (1, -1, 3, -3)},
    "quarter turn": Attack("transpose=cclock", deep=True),
    "upside down": Attack("hflip,vflip", deep=True),
    "three quarter turns": Attack("transpose=clock", deep=True),
    "negative": Attack("negate", deep=True),
    "mirrored": Attack("hflip", deep=True),
    "mirrored, turned +2 degrees, negative": Attack("hflip,rotate=2*PI/180,negate", deep=True),
    "widened to 115%": Attack("scale=iw*1.15:-2:flags=bicubic", deep=True),
}


def load_pictures(
    chosen: dict[str, tuple[str, str]], portraits: Path | None = None
) -> dict[str, tuple[NDArray[np.uint8], str]]:
    """Return name > (picture, motion) for pictures of scikit-image, and for a few portraits if there is a folder."""
    folder = Path(skimage.__file__).parent / "data"
    paths = {name: (folder / file, motion) for name, (file, motion) in chosen.items()}
    if portraits:
        files = sorted(portraits.glob("*.jpg"))
        files = [file for file in files if "background" not in file.name]
        for number, motion in enumerate(PORTRAIT_MOTIONS):
            file = files[number * len(files) // len(PORTRAIT_MOTIONS)]
            paths[f"portrait {number + 1}"] = (file, motion)
    return {name: (np.asarray(Image.open(file).convert("RGB")), motion) for name, (file, motion) in paths.items()}


def make_clip(picture: NDArray[np.uint8], motion: str, frames: int) -> Clip:
    """Animate a picture, square and of `SIZE` pixels.

    `sway` moves the middle up to 1.6 pixels per frame before a still background, as a talking head does; `flicker` is
    still in uneven light; `pan` and `zoom` drift by up to 0.6 pixels per frame; `fast pan` moves all of a textured
    picture by up to 2 pixels per frame, where a codec at crf 28 stops sending fine detail, marks included.
    """
    source = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()  # [1, 3, h, w]
    short = min(picture.shape[:2])
    fit = torch.tensor([short / picture.shape[1], short / picture.shape[0]])
    clip = []
    for index in range(frames):
        phase = 2 * math.pi * index / 50
        zoom, shift, light = 1.0, (0.0, 0.0), 1.0
        if motion.endswith("pan"):
            reach = 0.06 if motion == "fast pan" else 0.018
            zoom, shift = 0.8, (reach * math.sin(phase), 0.7 * reach * math.sin(1.7 * phase))
        if motion == "zoom":
            zoom = 0.85 + 0.02 * math.sin(phase)
        if motion == "flicker":
            light = 1 + 0.06 * math.sin(7 * phase) + 0.02 * math.sin(2 * phase)
        theta = torch.tensor([[[zoom, 0, shift[0]], [0, zoom, shift[1]]]], dtype=torch.float32)
        grid = affine_grid(theta, [1, 3, SIZE, SIZE], align_corners=False)  # [1, H, W, 2]
        if motion == "sway":
            head = torch.exp(-(((grid[..., :1] / 0.45) ** 2 + ((grid[..., 1:] + 0.1) / 0.6) ** 2) ** 2))
            grid = grid + head * torch.tensor([0.05 * math.sin(phase), 0.03 * math.sin(1.3 * phase)])
        frame = grid_sample(source, grid * fit, mode="bilinear", padding_mode="border", align_corners=False)
        clip.append((frame[0] * light).clamp(0, 255).round().byte().permute(1, 2, 0).numpy())
    return np.ascontiguousarray(np.stack(clip))


def write(clip: Clip, path: Path) -> None:
    """Encode a clip as it would be delivered."""
    height, width = clip.shape[1:3]
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(FPS), "-i", "-"]
    run([*source, *H264, "-crf", "18", str(path)], clip.tobytes())


def frames_of(path: Path, jpeg: int | None) -> Iterator[NDArray[np.uint8]]:
    """Decode a file, optionally through JPEG."""
    reader = imageio_ffmpeg.read_frames(str(path), output_params=["-fps_mode", "passthrough"])
    width, height = next(reader)["size"]
    for data in reader:
        frame = np.frombuffer(data, np.uint8).reshape(height, width, 3)
        if jpeg:
            buffer = BytesIO()
            Image.fromarray(frame).save(buffer, "JPEG", quality=jpeg)
            frame = np.asarray(Image.open(buffer))
        yield frame


def run(arguments: list[str], data: bytes = b"") -> None:
    subprocess.run([FFMPEG, "-y", "-v", "error", *arguments], input=data, check=True)


def attacked(delivered: Path, attack: Attack) -> Residual:
    """Apply an attack to a delivered file and reduce the result for detection."""
    target = delivered.with_name("attacked" + attack.suffix)
    run(["-i", str(delivered), "-an", "-vf", attack.filters, *attack.encoder, str(target)])
    return accumulate(frames_of(target, attack.jpeg))


def psnr(first: Clip, second: Clip) -> float:
    error = np.mean([np.mean((a.astype(np.float32) - b) ** 2) for a, b in zip(first, second, strict=True)])
    return float(10 * np.log10(255**2 / error))


def secret(label: str, length: int = 32) -> bytes:
    return hashlib.sha256(label.encode()).digest()[:length]


def measure_attacks(
    clips: dict[str, Clip], keys: int, each: int, settings: WatermarkSettings, names: list[str], folder: Path
) -> dict[str, object]:
    """Mark, deliver, attack and read every clip with `each` of the keys, so that all keys take part in turn."""
    results: dict[str, list[bool]] = {name: [] for name in names}
    quality: dict[str, float] = {}
    misses: list[str] = []
    confidence: dict[str, list[float]] = {name: [] for name in names}
    wrong = 0
    for index, (label, clip) in enumerate(clips.items()):
        for number in ((index * each + turn) % keys for turn in range(each)):
            watermark = Watermark(secret(f"key {number}"))
            payload = secret(f"{label} {number}", 8)
            mark = watermark.embedder(payload, SIZE, SIZE, settings)
            marked = np.stack([mark(frame) for frame in clip])
            quality[label] = min(quality.get(label, math.inf), psnr(marked, clip))
            delivered = folder / "delivered.mp4"
            write(marked, delivered)
            for name in names:
                detection = watermark.search(attacked(delivered, ATTACKS[name]), deep=ATTACKS[name].deep)
                wrong += detection.found and detection.payload != payload
                results[name].append(detection.payload == payload)
                confidence[name].append(detection.confidence)
                if detection.payload != payload:
                    misses.append(f"{name}: {label}, key {number}, sync {detection.sync:.1f}")
    return {
        "read": {name: [sum(hits), len(hits)] for name, hits in results.items()},
        "lowest confidence": {name: round(min(values), 3) for name, values in confidence.items()},
        "psnr": {label: round(value, 2) for label, value in quality.items()},
        "misses": misses,
        "wrong ids": int(wrong),
    }


def measure_false_accepts(clips: dict[str, Clip], trials: int, folder: Path) -> dict[str, float]:
    """Search unmarked and foreign-marked files with a new key each time."""
    foreign = Watermark(secret("foreign")).embedder(bytes(8), SIZE, SIZE)
    residuals = []
    for clip in clips.values():
        for material in (clip, np.stack([foreign(frame) for frame in clip])):
            write(material, folder / "delivered.mp4")
            residuals += [
                attacked(folder / "delivered.mp4", ATTACKS[name]) for name in ("crf 28", "crop 10%, half, crf 28")
            ]
    # Readings depend on no key, so they are shared: this is `Watermark.search` with its key-independent half cached.
    readings = [read(spectrum_of(values), one.tile) for one in residuals for values in (one.values, one.opening)]
    accepts = candidates = 0
    for number in range(trials):
        key = secret(f"trial {number}")
        carriers = Carriers.from_key(key)
        reading = decode_candidates(
            key, carriers, find_sync(carriers, readings[number % len(readings)], CANDIDATES), LEAST_SYNC
        )
        accepts += reading.payload is not None
        candidates += reading.candidates
    return {
        "trials": trials,
        "accepts": accepts,
        "messages checked": candidates * LISTED,
        "bound for one window": 2 * CANDIDATES * LISTED / 2**32,
        "bound for one file, deep": (2 * WINDOWS + 5) * CANDIDATES * LISTED / 2**32,
    }


def measure_deep_false_accepts(folder: Path, pictures: int, clips: int) -> dict[str, float]:
    """Search unmarked material as deeply as `fomm verify` does, every file with a key of its own.

    Pictures are those of scikit-image and of `folder`, each cut, turned and scaled at random; a clip pans over one.
    """
    paths = sorted(path for path in (Path(skimage.__file__).parent / "data").glob("*.[jp][pn]g"))
    paths += sorted(path for path in folder.glob("*.jpg") if "background" not in path.name)
    random = np.random.default_rng(0)
    accepts, scores, costs, bound = 0, [], [], 0.0
    for number in range(pictures + clips):
        picture = Image.open(paths[number % len(paths)]).convert("RGB").rotate(random.uniform(-20, 20))
        width, height = (round(side * random.uniform(0.7, 1)) for side in picture.size)
        left, top = (int(random.uniform(0, 1) * gap) for gap in (picture.width - width, picture.height - height))
        picture = picture.crop((left, top, left + width, top + height))
        factor = random.uniform(0.6, 1.4) * SIZE / min(picture.size)
        still = np.asarray(picture.resize((round(width * factor), round(height * factor))))
        moving = number >= pictures
        frames = list(make_clip(still, "pan", FPS)) if moving else [still]
        start = time.process_time()
        found = search_windows(iter(frames), Watermark(secret(f"unmarked {number}")), deep=True)
        costs.append(time.process_time() - start)
        assert found is not None
        accepts += found.found
        scores.append(found.sync)
        bound = max(bound, found.false_accept_bound)
    return {
        "pictures": pictures,
        "clips": clips,
        "accepts": accepts,
        "highest sync score": round(max(scores), 2),
        "highest bound of a file": bound,
        "seconds for a picture, median": round(float(np.median(costs[:pictures])), 2),
    }


def measure_cost(clip: Clip) -> dict[str, float]:
    """Processor time in ms, which a busy machine disturbs less than wall time: the fastest of many calls."""

    def cost(action: Callable[[], object], repeats: int) -> float:
        samples = []
        for _ in range(repeats):
            start = time.process_time()
            action()
            samples.append(time.process_time() - start)
        return round(1e3 * float(min(samples)), 2)

    watermark = Watermark(secret("cost"))
    mark = watermark.embedder(bytes(8), SIZE, SIZE)
    marked = [mark(frame) for frame in clip[:25]]
    residual = accumulate(marked)
    return {
        "embed, ms per frame": cost(lambda: mark(clip[0]), 300),
        "detect, ms per frame": round(cost(lambda: accumulate(marked), 20) / len(marked), 2),
        "detect, ms per file": cost(lambda: watermark.search(residual), 20),
        "detect unmarked, ms per file": cost(lambda: Watermark(secret("other")).search(residual), 20),
        "make an embedder, ms": cost(lambda: watermark.embedder(bytes(8), SIZE, SIZE), 10),
    }


def to_markdown(report: dict[str, Any]) -> str:
    """Lay the report out as the table that the documentation shows."""
    lengths = [key for key in report if key.endswith("s clips")]
    lines = ["# Watermark under attack", "", str(report["about"]), "", "| attack | " + " | ".join(lengths) + " |"]
    lines.append("|---" * (len(lengths) + 1) + "|")
    for name in ATTACKS:
        cells = []
        for length in lengths:
            hits, total = report[length]["read"].get(name, (0, 0))
            cells.append(f"{hits}/{total}" if total else "-")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for length in lengths:
        lines += [
            "",
            f"{length}: lowest PSNR per clip, dB: {report[length]['psnr']}; wrong ids read: "
            f"{report[length]['wrong ids']}; misses: {report[length]['misses'] or 'none'}.",
        ]
    lines += ["", f"False accepts: {report.get('false accepts', 'not measured')}"]
    lines += ["", f"False accepts, deep search: {report.get('deep false accepts', 'not measured')}"]
    lines += ["", f"Cost at 512 px: {report['cost']}", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=Path, help="folder of portrait photos (*.jpg)")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--seconds", type=float, nargs="+", default=[3.0, 1.0])
    parser.add_argument("--keys", type=int, default=5)
    parser.add_argument("--each", type=int, default=5, help="how many of the keys each clip is marked with")
    parser.add_argument("--trials", type=int, default=5040, help="searches of unmarked material, each with its own key")
    parser.add_argument(
        "--deep-trials",
        type=int,
        nargs=2,
        default=(200, 50),
        metavar=("PICTURES", "CLIPS"),
        help="deep searches of unmarked material; takes --portraits",
    )
    parser.add_argument("--stress", action="store_true", help="also measure fast pans, where the mark is known to fail")
    parser.add_argument("--psnr", type=float, default=WatermarkSettings().psnr)
    parser.add_argument("--masking", type=float, default=WatermarkSettings().masking)
    parser.add_argument("--attacks", nargs="+", choices=list(ATTACKS), default=list(ATTACKS), metavar="NAME")
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = time.time()
    settings = WatermarkSettings(psnr=options.psnr, masking=options.masking)
    pictures = load_pictures(PICTURES, options.portraits)
    sets = {f"{seconds:g} s clips": (pictures, seconds) for seconds in options.seconds}
    if options.stress:
        sets["fast pan, 3 s clips"] = (load_pictures(STRESS), 3.0)
    report: dict[str, Any] = {}

    def save() -> None:
        """Write what is known so far, so that an interrupted run keeps it."""
        report["about"] = (
            f"{len(pictures)} clips of {SIZE} px, {FPS} fps, each marked with {options.each} of {options.keys} keys, "
            f"settings {settings.to_mapping()}; {platform.machine()}, one thread, "
            f"{(time.time() - start) / 60:.1f} minutes."
        )
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "watermark_attacks.json").write_text(json.dumps(report, indent=1) + "\n")
        (options.out / "watermark_attacks.md").write_text(to_markdown(report))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = {label: make_clip(*entry, FPS) for label, entry in pictures.items()}
        report["cost"] = measure_cost(next(iter(first.values())))
        for title, (chosen, seconds) in sets.items():
            clips = {label: make_clip(*entry, round(seconds * FPS)) for label, entry in chosen.items()}
            report[title] = measure_attacks(clips, options.keys, options.each, settings, options.attacks, folder)
            save()
        if options.trials:
            report["false accepts"] = measure_false_accepts(first, options.trials, folder)
            save()
        if options.portraits and any(options.deep_trials):
            report["deep false accepts"] = measure_deep_false_accepts(options.portraits, *options.deep_trials)
            save()
    print(to_markdown(report))


if __name__ == "__main__":
    main()
