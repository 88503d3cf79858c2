"""Motion tracks: how one is collected, smoothed, stored, and how hair and clothes are followed."""
