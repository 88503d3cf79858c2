"""Measure a checkpoint on the held-out people of the labelled clips; write JSON and print a Markdown table.

    python benchmarks/heldout.py --clips DATA/clips checkpoints/compact-256.safetensors

A file of bare weights also needs `--config`. On a machine that is busy otherwise, OMP_NUM_THREADS=1 halves the time.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from safetensors.torch import load_file

from fomm.config.training.stages import load_compact_config
from fomm.model.build import build_model
from fomm.model.interface import AnimationModel
from fomm.networks.layout import channels_last
from fomm.training.data.labelled_clips import PairedClips
from fomm.training.data.private_cache import decoded_frames
from fomm.training.evaluate import evaluate_heldout
from fomm.training.loop.workers import Workers
from fomm.weights.loading import load_model

RESULT = Path(__file__).parent / "results" / "heldout.json"
TITLES = {"flow_px": "flow error, px of 256", "frame_l1": "frame L1", "warp_l1": "L1 of the plain warp"}
BASELINES = {"flow_px": "no motion", "frame_l1": "copying the source", "warp_l1": "copying the source"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="name or path of a checkpoint")
    parser.add_argument("--clips", type=Path, required=True, help="folder with index.json")
    parser.add_argument("--config", type=Path, help="configuration of a file of bare weights")
    parser.add_argument("--cache", type=Path, help="folder that keeps decoded frames; else they are removed at the end")
    parser.add_argument("--samples", type=int, default=400, help="driving frames to measure")
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    model = channels_last(load(arguments.checkpoint, arguments.config))
    with decoded_frames(arguments.output.parent, arguments.cache, Workers()) as cache:
        clips = PairedClips(arguments.clips, "test", cache)
        started = time.perf_counter()
        result = {
            "checkpoint": Path(arguments.checkpoint).name,
            **evaluate_heldout(model, clips, samples=arguments.samples),
        }
    result["seconds"] = round(time.perf_counter() - started, 1)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(rounded(result), indent=1) + "\n")
    print(markdown(result))


def load(checkpoint: str, config: Path | None) -> AnimationModel:
    if config is None:
        return load_model(checkpoint).model
    model = build_model(load_compact_config(config).model)
    model.load_state_dict(load_file(checkpoint))
    return model


def rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return round(value, 5) if isinstance(value, float) else value


def markdown(result: dict) -> str:
    lines = [
        f"{result['checkpoint']}: {result['samples']} frames of {result['clips']} held-out clips",
        "",
        "| driven by | measure | region | model | doing nothing | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for way, who in (("self", "itself"), ("cross", "another person")):
        for measure, title in TITLES.items():
            for region, scores in result[way][measure].items():
                nothing = f"{scores['nothing']:.4g} ({BASELINES[measure]})"
                lines.append(
                    f"| {who} | {title} | {region} | {scores['model']:.4g} | {nothing} | {scores['ratio']:.0%} |"
                )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
