"""The round engine: packed schedules, and clocks that advance through their rounds."""
