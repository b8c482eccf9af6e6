"""Jobs that fail: checkpoints, lost work, restarts; many runs at once, or one as processes in SimPy."""
