"""What tests of training share: the shape of the miniature clips and configurations small enough for a busy core."""

SHIFT = 6  # pixels a person moves to the right per frame
LENGTH = 4  # frames of a labelled clip


def compact_mapping(*stages, **training):
    """Return a compact configuration with tiny networks."""
    widths = {"detector_width": 4, "motion_width": 4, "max_width": 8, "levels": 2, "generator_width": 4}
    small = {"batch_size": 2, "side": 64}
    return {
        "family": "compact",
        "model": {**widths, "generator_blocks": 0},
        "training": {
            "seed": 3,
            "checkpoint_every": 100,
            "perceptual": "none",
            "precision": "float32",
            **training,
            "stages": [{**small, **stage} for stage in stages],
        },
    }
