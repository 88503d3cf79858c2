"""How far keypoints are off in clips as people have them, and which frames are used.

Run it as `python benchmarks/driving_tracks.py [SCENE ...]`. The truth is what a steady window gives on the demo clip
that a scene is drawn from, carried to where the scene shows it.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from driving_clips import DEMO, SCENES, source_index, true_places, write

from fomm.config.face import FaceSettings
from fomm.face.windows import steady_window
from fomm.media.probe import probe
from fomm.media.video import sample_frames
from fomm.tasks.animate import Pipeline
from fomm.tasks.planning import plan_clip

_FACE = 42  # keypoints


def main(names: list[str]) -> None:
    """Print a line for each scene."""
    warnings.simplefilter("ignore")
    pipeline, known = Pipeline(), {}
    print("scene | window | turn | shots | used | mean px | worst frame | worst point | bridged")
    with tempfile.TemporaryDirectory() as folder:
        for name in names or list(SCENES):
            scene = SCENES[name]
            source = DEMO / f"{scene.source}.mp4"
            if scene.source not in known:
                samples = [frame for _, frame in sample_frames(source, 16)]
                known[scene.source] = pipeline.track(source), steady_window(samples, pipeline.finder).window
            truth, frame = known[scene.source]
            clip = write(scene, Path(folder) / f"{name}.mp4")
            track = pipeline.track(clip)
            samples = [frame for _, frame in sample_frames(clip, 16)]
            plan = plan_clip(probe(clip), samples, pipeline._animator, pipeline.finder, FaceSettings())
            off = []
            for index in track.found.nonzero().flatten().tolist():
                window = plan.windows[index] if plan.windows else plan.driving.window
                own = truth.value[source_index(scene, index, len(truth))].numpy()
                places = (own + 1) / 2 * frame.side + np.array((frame.x, frame.y), np.float32)
                true = (true_places(scene, places, index) - np.array((window.x, window.y))) / window.side * 2 - 1
                off.append(np.linalg.norm(track.value[index].numpy() - true, axis=-1)[:_FACE] * 128)
            px = np.array(off)
            print(
                f"{name} | {'moving' if plan.windows else 'steady'} | {plan.turn} | {1 + len(track.shots)} | "
                f"{len(px)} of {len(track)} | {px.mean():.2f} | {px.mean(1).max():.2f} | {px.max():.2f} | "
                f"{', '.join(f'{count} {why}' for why, count in track.bridges) or 'none'}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
