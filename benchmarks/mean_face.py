"""Fit the mean face (`fomm.geometry.landmarks.MEAN_FACE`) to the true landmarks of labelled clips, and compare.

    python benchmarks/mean_face.py --clips DATA/clips

One solid, seen from afar in every frame, is fitted in turns: how each frame turns, scales and shifts it, then the solid
itself, by least squares. Every fifth frame of the training clips counts, faces of one size; both halves are averaged.
What comes out is printed beside what is in the code; neither is written anywhere.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fomm.geometry.landmarks import EYE_LANDMARKS, MEAN_FACE, MIRROR, SKIN, TIED_LANDMARKS
from fomm.training.data.labelled_clips import read_truth

EVERY, ROUNDS = 5, 100
Points = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="labelled clips; their training split is read")
    found = sorted((parser.parse_args().clips / "train").glob("*.npz"))
    faces = np.concatenate([tied(read_truth(path)["landmarks"][::EVERY].astype(np.float64)) for path in found])
    faces = faces - faces.mean(1, keepdims=True)
    faces = faces / size(faces)[:, None, None]
    flat = faces.mean(0)
    solid = np.c_[flat, -0.3 * np.linalg.norm(flat, axis=1)]  # bulges to the viewer: its mirror image would fit as well
    for _ in range(ROUNDS):
        poses, shifts = fit_poses(faces, solid)
        solid = halves_alike(fit_solid(faces, poses, shifts))
    poses, shifts = fit_poses(faces, solid)
    left = faces - (np.einsum("nij,kj->nki", poses, solid) + shifts)
    print(f"{len(found)} clips, {len(faces)} frames; residual {np.sqrt((left**2).sum(-1).mean()):.3f} face sizes")
    print("landmark  fitted (x, y, z)      in the code           apart")
    for landmark, here, there in zip(TIED_LANDMARKS, solid, MEAN_FACE, strict=True):
        apart = np.linalg.norm(here - there)
        print(f"{landmark:8d}  " + "  ".join("{:6.2f}{:6.2f}{:6.2f}".format(*place) for place in (here, there)), end="")
        print(f"  {apart:6.3f}")


def tied(landmarks: Points) -> Points:
    """Return the tied keypoints, `[T, K, 2]`, of landmarks `[T, 468, 2]`; an iris is taken as amid its lids."""
    lids = iter([eye[2:] for eye in EYE_LANDMARKS])
    places = [landmarks[:, at] if at < SKIN else landmarks[:, list(next(lids))].mean(1) for at in TIED_LANDMARKS]
    return np.stack(places, axis=1)


def size(faces: Points) -> Points:
    """Return the root mean square distance of points `[N, K, 2]` from their centre, `[N]`."""
    return np.sqrt(((faces - faces.mean(1, keepdims=True)) ** 2).sum(-1).mean(-1))


def fit_poses(faces: Points, solid: Points) -> tuple[Points, Points]:
    """Return how frames show a solid `[K, 3]` best: rows of a rotation, scaled, `[N, 2, 3]`, and shifts `[N, 1, 2]`."""
    seen = np.einsum("lk,nkc->ncl", np.linalg.pinv(solid - solid.mean(0)), faces - faces.mean(1, keepdims=True))
    left, scales, right = np.linalg.svd(seen, full_matrices=False)
    poses = scales.mean(1)[:, None, None] * (left @ right)
    return poses, faces.mean(1, keepdims=True) - (poses @ solid.mean(0))[:, None]


def fit_solid(faces: Points, poses: Points, shifts: Points) -> Points:
    """Return the solid `[K, 3]` that frames `[N, K, 2]` show in these poses, centred and of size 1."""
    normal = np.einsum("nij,nik->jk", poses, poses)
    solid = np.linalg.solve(normal, np.einsum("nij,nki->jk", poses, faces - shifts)).T
    solid = solid - solid.mean(0)
    return solid / np.sqrt((solid[:, :2] ** 2).sum(1).mean())


def halves_alike(solid: Points) -> Points:
    """Return a solid made symmetric about its middle."""
    return (solid + solid[list(MIRROR)] * np.array([-1.0, 1.0, 1.0])) / 2


if __name__ == "__main__":
    main()
