"""FireCaffe's comparison: a reduction tree against one parameter server, 1 to 256 workers on Titan.

Prints the table and draws one figure per network:

    python docs/examples/01_firecaffe_tree_against_server.py FOLDER
"""

import sys
from pathlib import Path

from nearlinear.reports.comparison import compare
from nearlinear.reports.figures import draw_comparison, save

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
MODELS = ("nin", "googlenet")


def main(folder: Path) -> None:
    """Compare for each network; formula, round engine and SimPy must agree or nothing is drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    for model in MODELS:
        comparison = compare(model, "titan", ("tree", "ps"), WORKERS)
        tree, server = (comparison.times(name).formula_s * 1e3 for name in ("tree", "ps"))
        print(f"\n{comparison.title}\nworkers   tree ms  server ms  server / tree")
        rows = zip(comparison.workers, tree, server, comparison.gain("ps", "tree"), strict=True)
        for workers, tree_ms, server_ms, gain in rows:
            times = f"{gain:.1f}" if workers > 1 else "-"  # one worker needs no tree
            print(f"{workers:7d} {tree_ms:9.1f} {server_ms:10.1f} {times:>14}")
        save(draw_comparison(comparison), folder / f"firecaffe_{model}.svg")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
