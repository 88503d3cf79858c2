"""Time the vox-256 networks against the published loop on this CPU; write JSON and print the ratio.

    python benchmarks/official_speed.py --official path/to/first-order-model

Both sides run the same random weights on the same frames, in turns, so that a busy machine slows both; the ratio is the
median over the turns. The published loop works on one frame at a time in float32, detects its keypoints and encodes the
source anew for each. Ours is `fomm.render.Animator` in bfloat16, from uint8 frame to uint8 frame. Without `--official`
the published loop is emulated with our own plain float32 modules, which is a little kinder to it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage
import torch
import yaml
from machine import save
from scipy.spatial import ConvexHull
from torch import Tensor, nn

from fomm.config.render import RenderSettings
from fomm.config.training.paper import ModelConfig, load_config
from fomm.face.crop import CropWindow
from fomm.geometry.affine import inverse_2x2
from fomm.geometry.keypoints import Keypoints
from fomm.model.build import build_model
from fomm.model.interface import AnimationModel
from fomm.render.animator import Animator

CONFIG = Path(__file__).parents[1] / "config" / "vox-256.yaml"
SIDE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=Path, help="checkout of the published code")
    parser.add_argument("--pairs", type=int, default=9, help="frames timed on each side")
    parser.add_argument("--precision", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", module="torch|modules")  # the published code relies on old defaults

    config = load_config(CONFIG).model_params
    weights = random_model(config).state_dict()
    frames = moving_picture(arguments.pairs + 1)
    if arguments.official:
        published = published_loop(arguments.official, weights, frames[0])
    else:
        published = emulated_loop(load(config, weights), frames[0])
    ours = our_loop(load(config, weights), frames[0], arguments.precision)
    exact = our_loop(load(config, weights), frames[0], "float32")

    pairs = []
    for frame in frames:
        pairs.append((timed(published, frame), timed(ours, frame)))
    seconds_published, seconds_ours = (statistics.median(side) for side in zip(*pairs[1:], strict=True))
    ratio = statistics.median(a / b for a, b in pairs[1:])  # the first turn warms up
    shown = frames[1:5]
    reference = [exact(frame) for frame in shown]
    result = {
        "published": "the published code" if arguments.official else "emulated with our float32 modules",
        "precision": arguments.precision,
        "published_ms": seconds_published * 1e3,
        "ours_ms": seconds_ours * 1e3,
        "speedup": ratio,
        "psnr_to_float32_db": min(psnr(ours(f), r) for f, r in zip(shown, reference, strict=True)),
        "float32_to_published_largest_difference": max(
            float((published(f) - r).abs().max()) for f, r in zip(shown, reference, strict=True)
        ),
        "contrast_of_frames": float(torch.stack(reference).std()),
        "pairs": len(pairs) - 1,
    }
    print(
        f"published loop {result['published_ms']:.0f} ms, ours {result['ours_ms']:.0f} ms a frame: "
        f"{ratio:.2f} times as fast at {result['psnr_to_float32_db']:.1f} dB"
    )
    save("official_speed", result, arguments.output)


def random_model(config: ModelConfig) -> AnimationModel:
    """Return the networks with weights and statistics that keep activations lively, so that rounding shows."""
    torch.manual_seed(0)
    model = build_model(config)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.bias, std=0.1)
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.7, 1.5)
    for head in (model.detector.kp, model.detector.jacobian, model.generator.final):
        head.weight.data.mul_(0.2)
    model.detector.jacobian.weight.data.mul_(0.1)
    return model


def load(config: ModelConfig, weights: dict[str, Tensor]) -> AnimationModel:
    model = build_model(config)
    model.load_state_dict(weights)
    return model.eval()


def moving_picture(count: int) -> list[np.ndarray]:
    """Return uint8 squares of a face that wanders through the window."""
    picture = skimage.data.astronaut()
    return [CropWindow(110 + 4 * i, 10 + 3 * i, 200).crop(picture, SIDE) for i in range(count)]


def as_tensor(frame: np.ndarray) -> Tensor:
    return torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float().div(255)  # [1, 3, S, S]


def relative(driving: Keypoints, first: Keypoints, source: Keypoints, scale: float) -> Keypoints:
    """Carry the driver's movement since its first frame over to the source."""
    value = (driving.value - first.value) * scale + source.value
    return Keypoints(value, driving.jacobian @ inverse_2x2(first.jacobian) @ source.jacobian)


def hull_scale(source: Keypoints, first: Keypoints) -> float:
    return float(np.sqrt(ConvexHull(source.value[0].numpy()).volume / ConvexHull(first.value[0].numpy()).volume))


def published_loop(folder: Path, weights: dict[str, Tensor], photo: np.ndarray) -> Callable[[np.ndarray], Tensor]:
    """Return the published loop's work for one frame."""
    sys.path.insert(0, str(folder))
    from modules.generator import OcclusionAwareGenerator  # noqa: PLC0415 - there only if the user has it
    from modules.keypoint_detector import KPDetector  # noqa: PLC0415

    params = yaml.safe_load((folder / "config" / "vox-256.yaml").read_text())["model_params"]
    generator = OcclusionAwareGenerator(**params["generator_params"], **params["common_params"]).eval()
    detector = KPDetector(**params["kp_detector_params"], **params["common_params"]).eval()
    generator.load_state_dict(part(weights, "generator."))
    detector.load_state_dict(part(weights, "detector."))
    source = as_tensor(photo)
    with torch.no_grad():
        source_keypoints = first = detector(source)

    def step(frame: np.ndarray) -> Tensor:
        with torch.no_grad():
            keypoints = Keypoints(**detector(as_tensor(frame)))
            known, begin = Keypoints(**source_keypoints), Keypoints(**first)
            moved = vars(relative(keypoints, begin, known, hull_scale(known, begin)))
            made = generator(source, kp_source=source_keypoints, kp_driving=moved)["prediction"]
            return torch.from_numpy(np.transpose(made.numpy(), [0, 2, 3, 1])[0])  # [S, S, 3]

    return step


def emulated_loop(model: AnimationModel, photo: np.ndarray) -> Callable[[np.ndarray], Tensor]:
    """Return the same work done by our plain modules."""
    source = as_tensor(photo)
    with torch.no_grad():
        source_keypoints = first = model.detect(source)

    def step(frame: np.ndarray) -> Tensor:
        with torch.no_grad():
            keypoints = model.detect(as_tensor(frame))
            moved = relative(keypoints, first, source_keypoints, hull_scale(source_keypoints, first))
            made = model.animate(model.encode(source), moved, source_keypoints)
            return made.image[0].permute(1, 2, 0)  # [S, S, 3]

    return step


def our_loop(model: AnimationModel, photo: np.ndarray, precision: str) -> Callable[[np.ndarray], Tensor]:
    """Return the animator's work for one frame, conversion from and to 8 bits included."""
    animator = Animator(model, SIDE, RenderSettings(device="cpu", precision=precision))
    portrait = animator.portrait(photo, CropWindow(0, 0, SIDE))
    first = animator.detect([photo])
    scale = hull_scale(portrait.keypoints, first)

    def step(frame: np.ndarray) -> Tensor:
        moved = relative(animator.detect([frame]), first, portrait.keypoints, scale)
        made = next(iter(animator.frames(portrait, moved))).image
        made.mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
        return made[0].permute(1, 2, 0)  # [S, S, 3]

    return step


def part(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}


def timed(step: Callable[[np.ndarray], Tensor], frame: np.ndarray) -> float:
    started = time.perf_counter()
    step(frame)
    return time.perf_counter() - started


def psnr(made: Tensor, exact: Tensor) -> float:
    return -10 * float(torch.log10((made - exact).square().mean()))


if __name__ == "__main__":
    main()
