"""What every workload family shares: generated data, processes that take turns, medians and tables."""

import functools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("ILK_PEERS_DATA", Path.home() / ".cache/ilk/peers-data"))
THREADS = 2


def segmix(n, d, seed=7, groups=12):
    """Customers like a shop's, as a raw f32 file on the grid of model space: anisotropic Gaussians of unequal weight,
    two of them with 0.2 % each, half of the features skewed and on a log scale, 2 % uniform noise."""
    import numpy as np

    DATA.mkdir(parents=True, exist_ok=True)
    path = DATA / f"segmix-{n}x{d}-{seed}.f32"
    if path.exists():
        return path
    rng = np.random.Generator(np.random.Philox(seed))
    weights = np.append(rng.dirichlet(np.full(groups - 2, 2.0)) * 0.996, [0.002, 0.002])
    centres = rng.normal(size=(groups, d)) * 1.6
    shapes = rng.normal(size=(groups, d, d)) * 0.6 / np.sqrt(d) + np.eye(d) * 0.7
    group = rng.choice(groups, size=n, p=weights).astype(np.int8)
    x = np.empty((n, d), np.float32)
    for start in range(0, n, 1 << 20):
        here = group[start : start + (1 << 20)]
        noise = rng.normal(size=(len(here), d))
        rows = np.empty((len(here), d))
        for g in range(groups):
            rows[here == g] = noise[here == g] @ shapes[g].T + centres[g]
        stray = rng.random(len(here)) < 0.02
        rows[stray] = rng.uniform(-6, 6, size=(int(stray.sum()), d))
        skewed = np.exp(np.clip(rows[:, : d // 2], -20, 20))
        rows[:, : d // 2] = np.log1p(skewed)
        x[start : start + len(here)] = rows
    mean, deviation = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
    for start in range(0, n, 1 << 20):
        z = (x[start : start + (1 << 20)].astype(np.float64) - mean) / deviation
        x[start : start + (1 << 20)] = np.clip(np.floor(z * 65536 + 0.5) / 65536, -255, 255)
    partial = path.with_suffix(".part")
    x.tofile(partial)
    partial.rename(path)
    return path


def rows(path, d):
    import numpy as np

    return np.fromfile(path, np.float32).reshape(-1, d)


@functools.cache
def bench_binary(name="cluster"):
    """A benchmark program of ilk, built by cargo."""
    command = ["cargo", "bench", "--bench", name, "--no-run", "--locked", "--message-format=json"]
    out = subprocess.run(command, cwd=HERE.parent.parent, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in out.splitlines():
        message = json.loads(line)
        if message.get("executable") and message.get("target", {}).get("name") == name:
            return message["executable"]
    sys.exit(f"cargo named no executable for the bench `{name}`")


class Side:
    """A process that holds the data and does the workload once per line sent to it."""

    def __init__(self, name, command):
        threads = {k: str(THREADS) for k in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                             "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS")}
        self.name, self.runs = name, []
        self.process = subprocess.Popen(
            command, env=os.environ | threads, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self.process.stdout.readline().strip() != "ready":
            sys.exit(f"{name} did not start")

    def run(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended early")
        self.runs.append(json.loads(line))
        return self.runs[-1]

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def median(self, key="seconds"):
        return statistics.median(run[key] for run in self.runs)

    def range(self, key="seconds"):
        return min(run[key] for run in self.runs), max(run[key] for run in self.runs)


def ours(name, workload, bench="cluster", **options):
    return Side(name, [bench_binary(bench), workload, "repeats=serve", f"threads={THREADS}", *(f"{k}={v}" for k, v in options.items())])


def peer(name, module, workload, **options):
    """A peer's side: `module` is the family's file, which calls `serve`."""
    return Side(name, [sys.executable, "-W", "ignore", str(HERE / module), workload, json.dumps(options)])


def serve(workloads):
    """The other end of `peer`: `workloads[name](**options)` loads the data and returns a function that runs once."""
    import resource

    run = workloads[sys.argv[1]](**json.loads(sys.argv[2]))
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        result = run()
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak_megabytes": peak} | result), flush=True)


def take_turns(sides, rounds, warm_up=True):
    """Every side once per round, in turn, after one round that does not count."""
    for number in range(rounds + warm_up):
        for side in sides:
            # Threads of the last side spin for a while before they sleep.
            time.sleep(0.3)
            side.run()
        if warm_up and number == 0:
            for side in sides:
                side.runs.clear()
    for side in sides:
        side.close()


def seconds(value):
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s" if value < 100 else f"{value:.0f} s"


def table(title, reference, others, note=""):
    """Medians, ranges and ratios to `reference`, the side of ilk."""
    lines = [f"**{title}**" + (f" {note}" if note else ""), "", "| | median | range | ratio | peak memory |", "|---|---:|---:|---:|---:|"]
    for side in [reference, *others]:
        low, high = side.range()
        ratio = side.median() / reference.median()
        peak = max(run["peak_megabytes"] for run in side.runs)
        lines.append(f"| {side.name} | {seconds(side.median())} | {seconds(low)} to {seconds(high)} | {ratio:.1f} | {peak:,.0f} MB |")
    return "\n".join(lines) + "\n"


def gate(what, holds):
    """A ratio counts only if the results are as good."""
    print(("holds: " if holds else "FAILS: ") + what, file=sys.stderr)
    return f"* {what}: {'yes' if holds else '**no**'}\n"
