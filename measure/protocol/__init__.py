"""How samples are taken: clocks compared, starts agreed on, load watched, an end that follows the spread."""
