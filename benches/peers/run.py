#!/usr/bin/env python3
"""ilk beside its peers: `python3 benches/peers/run.py [FAMILY…] [--quick]`.

Makes a virtual environment with the peers at $ILK_PEERS (~/.cache/ilk/peers) where it is missing, generates the data, lets every
side take turns, checks that results are as good as the peers', prints Markdown and rewrites the section between
`<!-- peers:FAMILY -->` and `<!-- /peers:FAMILY -->` in BENCHMARKS.md, where there is one.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

# One line per family: a file here with `report(quick, machine) -> Markdown`.
FAMILIES = ["kmeans", "density", "mixture", "evidence"]

PEERS = ["scikit-learn==1.9.1", "scikit-learn-intelex==2026.2.0", "faiss-cpu==1.15.1", "dbscan==1.0.0", "hdbscan==0.8.44", "fast-hdbscan==0.3.4"]
HOME = Path(os.environ.get("ILK_PEERS", Path.home() / ".cache/ilk/peers"))
BENCHMARKS = Path(__file__).resolve().parents[2] / "BENCHMARKS.md"


def enter_environment():
    """Goes on in the environment of the peers, made where it is missing."""
    python = HOME / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(HOME)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS], check=True)
    if Path(sys.prefix).resolve() != HOME.resolve():
        os.execv(python, [str(python), *sys.argv])


def rewrite(family, text):
    begin, end = f"<!-- peers:{family} -->", f"<!-- /peers:{family} -->"
    whole = BENCHMARKS.read_text()
    if begin in whole and end in whole:
        head, rest = whole.split(begin, 1)
        BENCHMARKS.write_text(head + begin + "\n" + text.strip() + "\n" + end + rest.split(end, 1)[1])


def main():
    enter_environment()
    from common import bench_binary

    wanted = [a for a in sys.argv[1:] if not a.startswith("--")] or FAMILIES
    unknown = [family for family in wanted if family not in FAMILIES]
    if unknown:
        sys.exit(f"no family {unknown[0]}: there are {', '.join(FAMILIES)}")
    machine = json.loads(subprocess.run([bench_binary(), "machine"], check=True, stdout=subprocess.PIPE, text=True).stdout)
    for family in wanted:
        text = (f"Two threads read {machine['read_gigabytes_per_second']:.1f} GB/s and do {machine['billion_fused_per_second']:.0f} "
                "billion `f32` multiply-adds a second in this run.\n\n")
        text += importlib.import_module(family).report("--quick" in sys.argv, machine)
        print(text)
        rewrite(family, text)


if __name__ == "__main__":
    main()
