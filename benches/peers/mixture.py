"""Gaussian mixture, one iteration of EM: ilk beside scikit-learn, on the same rows from the same start."""

import json
import os
import statistics
import subprocess
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "2"

import numpy as np
from common import bench_binary, gate, seconds
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
    """Seconds of every iteration, and the mean log-likelihood after the last."""
    model = GaussianMixture(components, covariance_type="full", tol=0.0, max_iter=1)
    responsibilities = np.zeros((len(x), components))
    responsibilities[np.arange(len(x)), start] = 1.0
    try:
        model._initialize(x, responsibilities)
    except TypeError:  # from 1.8 on it asks for the array namespace
        model._initialize(x, responsibilities, xp=np)
    wall = []
    for _ in range(iterations):
        started = time.perf_counter()
        _, log_responsibilities = model._e_step(x)
        model._m_step(x, log_responsibilities)
        wall.append(time.perf_counter() - started)
    return wall, float(model._e_step(x)[0])


def report(quick, machine):
    rows, features, components, iterations = 1_000_000, 8, 8, 3 if quick else 5
    x, start = planted(rows, features, components)
    with tempfile.TemporaryDirectory() as folder:
        rows_file, start_file = os.path.join(folder, "rows.f32"), os.path.join(folder, "start.u32")
        x.astype(np.float32).tofile(rows_file)
        start.tofile(start_file)
        command = [bench_binary(), "mixture", f"file={rows_file}", f"width={features}", f"components={components}",
                   f"start={start_file}", f"iterations={iterations}", "threads=2"]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    ours = json.loads(out.splitlines()[-1])
    wall, log_likelihood = scikit_learn(x, start, components, iterations)
    theirs = statistics.median(wall)
    difference = abs(log_likelihood - ours["log_likelihood"])
    return (
        f"One iteration of EM, n = {rows:,}, d = {features}, {components} full covariances, same start, `f64` on both sides.\n\n"
        "| | median | ratio |\n|---|---:|---:|\n"
        f"| ilk | {seconds(ours['seconds'])} | 1.0 |\n| scikit-learn | {seconds(theirs)} | {theirs / ours['seconds']:.1f} |\n\n"
        + gate(f"log-likelihood of a customer after {iterations} iterations within {GATE:.0e} of scikit-learn's", difference < GATE)
    )
