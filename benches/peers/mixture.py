"""Gaussian mixture, one iteration of EM: ilk beside scikit-learn, on the same rows from the same start.

    python benches/peers/mixture.py [--ilk COMMAND] [--rows N] [--features D] [--components K] [--iterations I]

COMMAND runs the workload `mixture` of benches/cluster.rs (`cargo bench --bench cluster -- mixture` if not given) with
`file=PATH width=D components=K start=PATH iterations=I` and prints a line of JSON: `seconds` and `processor_seconds` of
one iteration, and `log_likelihood` of a customer after `I` iterations. Both sides use 2 threads, full covariances and
double precision. The table stands only if the two log-likelihoods of a customer differ by less than 1e-5.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "2"

import numpy as np
from sklearn.mixture import GaussianMixture

GATE = 1e-5


def planted(rows, features, components, seed=7):
    """Overlapping slanted Gaussians on the grid of model space, and for each row the nearest of misplaced means."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(components, features)) * 3
    slants = rng.normal(size=(components, features, features)) * 0.5 + np.eye(features)
    group = rng.integers(0, components, rows)
    x = np.empty((rows, features))
    for component in range(components):
        own = group == component
        x[own] = means[component] + rng.normal(size=(own.sum(), features)) @ slants[component].T
    x = np.clip(np.floor(x * 65536 + 0.5) / 65536, -255, 255).astype(np.float32).astype(np.float64)
    misplaced = means + rng.normal(size=means.shape)
    start = np.concatenate(
        [((part[:, None, :] - misplaced[None]) ** 2).sum(2).argmin(1) for part in np.array_split(x, max(1, rows // 20000))]
    )
    return x, start.astype(np.uint32)


def scikit_learn(x, start, components, iterations):
    """Seconds and processor seconds of every iteration, and the mean log-likelihood after the last."""
    model = GaussianMixture(components, covariance_type="full", tol=0.0, max_iter=1)
    responsibilities = np.zeros((len(x), components))
    responsibilities[np.arange(len(x)), start] = 1.0
    try:
        model._initialize(x, responsibilities)
    except TypeError:  # from 1.8 on it asks for the array namespace
        model._initialize(x, responsibilities, xp=np)
    wall, processor = [], []
    for _ in range(iterations):
        started, worked = time.perf_counter(), time.process_time()
        _, log_responsibilities = model._e_step(x)
        model._m_step(x, log_responsibilities)
        wall.append(time.perf_counter() - started)
        processor.append(time.process_time() - worked)
    return wall, processor, float(model._e_step(x)[0])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--ilk", default="cargo bench --bench cluster -- mixture")
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--features", type=int, default=8)
    arguments.add_argument("--components", type=int, default=8)
    arguments.add_argument("--iterations", type=int, default=5)
    asked = arguments.parse_args()
    x, start = planted(asked.rows, asked.features, asked.components)
    with tempfile.TemporaryDirectory() as folder:
        rows_file, start_file = os.path.join(folder, "rows.f32"), os.path.join(folder, "start.u32")
        x.astype(np.float32).tofile(rows_file)
        start.tofile(start_file)
        command = shlex.split(asked.ilk) + [
            f"file={rows_file}",
            f"width={asked.features}",
            f"components={asked.components}",
            f"start={start_file}",
            f"iterations={asked.iterations}",
            "threads=2",
        ]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    wall, processor, log_likelihood = scikit_learn(x, start, asked.components, asked.iterations)
    theirs = {"seconds": statistics.median(wall), "processor_seconds": statistics.median(processor)}
    difference = abs(log_likelihood - ours["log_likelihood"])
    print(f"{asked.rows} x {asked.features}, {asked.components} full covariances, {asked.iterations} iterations, 2 threads")
    print("| | ms per iteration | processor ms | log-likelihood of a customer |")
    print("|---|---|---|---|")
    print(f"| ilk | {ours['seconds'] * 1e3:.1f} | {ours['processor_seconds'] * 1e3:.1f} | {ours['log_likelihood']:.12f} |")
    print(f"| scikit-learn | {theirs['seconds'] * 1e3:.1f} | {theirs['processor_seconds'] * 1e3:.1f} | {log_likelihood:.12f} |")
    ratios = [theirs[key] / ours[key] for key in ("seconds", "processor_seconds")]
    print(f"scikit-learn takes {ratios[0]:.1f} times as long ({ratios[1]:.1f} times the processor time)")
    if difference >= GATE:
        sys.exit(f"the log-likelihoods differ by {difference:.2e}: the comparison does not stand")
    print(f"the log-likelihoods differ by {difference:.1e}, below the gate of {GATE:.0e}")


if __name__ == "__main__":
    main()
