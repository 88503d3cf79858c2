"""The vocabulary of every other room: keypoints, grids, landmarks, anatomy, the head as a solid."""
