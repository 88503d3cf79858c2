"""Sizes and parts of the compact model."""

from __future__ import annotations

from dataclasses import dataclass

from fomm.config.settings import Settings, option


@dataclass(frozen=True)
class CompactSettings(Settings):
    """Sizes of the compact networks."""

    image_size: int = option(256, "Side of the square images the model reads and makes, in pixels.", low=64, high=1024)
    tied_keypoints: int = option(40, "Keypoints that training ties to face landmarks.", low=0, high=200)
    free_keypoints: int = option(4, "Keypoints that find their own place.", low=0, high=50)
    carried_motions: int = option(0, "Motions of shoulders or hair that all keypoints tell together.", low=0, high=20)
    motion_side: int = option(64, "Side of heatmaps and of the flow field.", low=16, high=256)
    detector_detail: int = option(2, "Pixels the detector reads per heatmap cell, along either side.", low=1, high=8)
    detector_width: int = option(24, "Channels of the keypoint detector at heatmap resolution.", low=4, high=256)
    motion_width: int = option(24, "Channels of the dense motion network at flow resolution.", low=4, high=256)
    max_width: int = option(128, "Most channels in either hourglass.", low=4, high=1024)
    levels: int = option(4, "Halvings inside either hourglass.", low=1, high=6)
    temperature: float = option(0.1, "Softmax temperature of the heatmaps.", low=1e-3, high=10.0)
    heatmap_variance: float = option(0.004, "Variance of the heatmaps shown to the dense motion.", low=1e-5, high=1.0)
    flow_residual: float = option(0.1, "Largest correction of the combined flow, in [-1, 1] units.", low=0.0, high=1.0)
    flow_detail: int = option(1, "Corrections per cell of the flow field along either side.", low=1, high=4)
    edge: float = option(
        0.0, "How steep the edge is between what moves and the background; 0 blends them softly.", low=0.0, high=20.0
    )
    hidden_margin: float = option(
        0.0,
        "Step in [-1, 1] by which a head must outrun what it uncovers; 0 leaves that to the network.",
        low=0.0,
        high=1.0,
    )
    hidden_rim: int = option(
        0, "Cells around what a head uncovers that count as hidden, as does what lies beyond the edges.", low=0, high=8
    )
    hidden_fill: bool = option(False, "Offer the generator smooth colours for what the source hides.")
    matte_width: int = option(
        0,
        "Channels of the network that finds the person in the source, which tells the motion what belongs together and "
        "what is behind it; 0 for none.",
        low=0,
        high=256,
    )
    matte_detail: int = option(2, "Pixels the matte reads per cell, along either side.", low=1, high=8)
    copying: float = option(
        0.0, "Raises the share of copied pixels, as a logit; training goes on without it.", low=-5.0, high=5.0
    )
    mouth_map: bool = option(False, "Draw the inside of the mouth for the generator, from the lips' keypoints.")
    teeth: bool = option(
        False,
        "Draw teeth and a tongue into a mouth that the source shows without, and hold a smile's teeth to the skull; "
        "training goes on without it.",
    )
    lashes: bool = option(
        False,
        "Draw lashes and lid where an eye shuts, its ball where it looks elsewhere; training goes on without it.",
    )
    mirrored_look: bool = option(
        False, "Look for keypoints and the person in the mirrored picture too, and take the mean."
    )
    close_look: int = option(
        0, "Channels of the networks that look at mouth and eyes again, from near; 0 for none.", low=0, high=256
    )
    generator_width: int = option(32, "Channels of the generator at half resolution.", low=4, high=256)
    generator_blocks: int = option(2, "Residual blocks at an eighth of the resolution.", low=0, high=16)

    @property
    def num_keypoints(self) -> int:
        """All keypoints, tied ones first."""
        return self.tied_keypoints + self.free_keypoints
