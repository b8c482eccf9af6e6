"""Ways to move bytes between ranks; one file each, all behind the same few methods."""
