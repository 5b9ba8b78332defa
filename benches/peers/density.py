"""DBSCAN and HDBSCAN beside scikit-learn, PyPI dbscan and fast_hdbscan: first whether the results are equal, then the time.

A family of run.py; ilk's side is benches/density.rs.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

THREADS = "2"
for name in ("RAYON_NUM_THREADS", "PARLAY_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = THREADS

import numpy as np
from common import bench_binary, seconds
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="ilk-density-"))
SHARED = pathlib.Path(os.environ.get("ILK_SHARED_DATA", pathlib.Path(__file__).resolve().parents[2].parent / "shared/data"))
DEMO = SHARED / "sklearn_examples/sk_dbscan750.csv"


def ours(workload, x, labels=False, repeats=1, **options):
    file = FOLDER / "rows.f64"
    np.ascontiguousarray(x, "<f8").tofile(file)
    options |= {"file": file, "width": x.shape[1], "repeats": repeats}
    if labels:
        options["labels"] = FOLDER / "labels.txt"
    words = [f"{key}={value}" for key, value in options.items()]
    out = subprocess.run([bench_binary("density"), workload, *words], check=True, capture_output=True, text=True).stdout
    runs = [json.loads(line) for line in out.splitlines()]
    if not labels:
        return runs
    if "error" in runs[0]:
        return runs[0], None
    return runs[0], np.loadtxt(options["labels"], ndmin=2)


def same_parts(a, b):
    """Whether two labellings are one up to the numbers."""
    pairs = {(i, j) for i, j in zip(a, b)}
    return len(pairs) == len({i for i, _ in pairs}) == len({j for _, j in pairs})


def random_set(seed, low=1500, high=4000):
    rng = np.random.default_rng(seed)
    d, n, k = 2 + seed % 4, int(rng.integers(low, high)), int(rng.integers(3, 9))
    x, _ = make_blobs(n, d, centers=k, cluster_std=rng.uniform(0.4, 1.6, k), random_state=seed)
    x = np.vstack([x, rng.uniform(x.min(0), x.max(0), (n // 10, d))])
    x = (x - x.mean(0)) / x.std(0)
    if seed % 4 == 3:
        x = np.round(x * 16) / 16  # Values collide, and distances equal eps.
    return np.ascontiguousarray(x), rng


def gate_dbscan():
    failed = 0
    for seed in range(20):
        x, rng = random_set(seed)
        eps, min_samples = float(rng.choice([0.125, 0.1875, 0.25, 0.3])), int(rng.integers(3, 15))
        peer = DBSCAN(eps=eps, min_samples=min_samples).fit(x)
        found, rows = ours("dbscan", x, labels=True, eps=eps, min_samples=min_samples)
        if rows is None:
            good = (peer.labels_ < 0).all()
        else:
            labels, core = rows[:, 0].astype(int), peer.core_sample_indices_
            distinct = len(np.unique(x[core] + 0.0, axis=0))
            good = same_parts(labels[core], peer.labels_[core]) and found["prototypes"] == distinct
            good &= np.array_equal(labels < 0, peer.labels_ < 0)
        failed += not good
        print(f"dbscan seed {seed}: {len(x)} x {x.shape[1]}, eps {eps}, {peer.labels_.max() + 1} clusters,",
              f"{(peer.labels_ < 0).sum()} noise: {'equal' if good else 'DIFFERENT'}")
    if not DEMO.exists():
        print(f"left out: {DEMO} is not there")
        return failed
    table = np.genfromtxt(DEMO, delimiter=",", skip_header=1)
    x = table[:, :2]
    for workload in ("dbscan", "optics"):
        found, rows = ours(workload, x, labels=True, eps=0.3, min_samples=10)
        labels = rows[:, 0].astype(int)
        ari = adjusted_rand_score(table[:, 2], labels)
        good = (found["clusters"], (labels < 0).sum(), found["prototypes"]) == (3, 18, 679)
        good &= round(ari, 3) == 0.952
        failed += not good
        print(f"{workload} on the demo: {found['clusters']} clusters, {(labels < 0).sum()} noise,",
              f"{found['prototypes']} core, ARI {ari:.3f}: {'equal' if good else 'DIFFERENT'}")
    return failed


def gate_hdbscan():
    """scikit-learn lets the order of rows decide where distances are equal, so it differs from itself on shuffled rows; we
    may differ from it by as much (and 0.001, for it is a sample of eight orders)."""
    failed = 0
    for seed in range(20):
        x, rng = random_set(seed, 3000, 8000)
        options = {"min_cluster_size": int(rng.integers(10, 60)), "min_samples": int(rng.integers(2, 15))}
        kind = [{}, {"method": "leaf"}, {"epsilon": 0.2}, {}, {"single": "true"}][seed % 5]
        named = {"method": "cluster_selection_method", "epsilon": "cluster_selection_epsilon"}
        extra = {named[key]: value for key, value in kind.items() if key in named}
        extra |= {"allow_single_cluster": True} if "single" in kind else {}

        def peer(rows):
            return HDBSCAN(algorithm="kd_tree", copy=True, **options, **extra).fit(rows)

        def strength_off(labels, strength):
            both = (labels >= 0) & (fitted.labels_ >= 0)
            return np.quantile(np.abs(strength[both] - fitted.probabilities_[both]), 0.99) if both.any() else 0.0

        try:
            fitted = peer(x)
        except TypeError as error:
            print(f"hdbscan seed {seed}: scikit-learn fails with {kind}: {error}")
            kind, extra = {}, {}
            fitted = peer(x)
        found, rows = ours("hdbscan", x, labels=True, weight="true", **options, **kind)
        weight = fitted._single_linkage_tree_["value"].sum()
        rows = np.tile([-1.0, 0.0, 1.0], (len(x), 1)) if rows is None else rows
        labels = rows[:, 0].astype(int)
        ari, off = adjusted_rand_score(fitted.labels_, labels), strength_off(labels, rows[:, 1])
        own_ari, own_off = 1.0, 0.0
        for order in range(8):
            order = np.random.default_rng(order).permutation(len(x))
            again, strength = np.empty(len(x), int), np.empty(len(x))
            other = peer(x[order])
            again[order], strength[order] = other.labels_, other.probabilities_
            own_ari = min(own_ari, adjusted_rand_score(fitted.labels_, again))
            own_off = max(own_off, strength_off(again, strength))
        relative = abs(found.get("weight", weight) / weight - 1)
        good = relative < 1e-5 and ari >= min(0.999, own_ari - 1e-3) and off <= own_off + 1e-9
        failed += not good
        print(f"hdbscan seed {seed}: {len(x)} x {x.shape[1]} {options | kind}: clusters {labels.max() + 1} of",
              f"{fitted.labels_.max() + 1}, tree weight off by {relative:.0e}, ARI {ari:.5f} and strength off by {off:.0e}",
              f"(scikit-learn with itself, rows shuffled: {own_ari:.5f}, {own_off:.0e}): {'good' if good else 'DIFFERENT'}",
              flush=True)
    return failed


def blobs(n, d):
    x, _ = make_blobs(n, d, centers=20, random_state=0)
    x = (x - x.mean(0)) / x.std(0)
    return np.floor(x * 65536 + 0.5) / 65536


PEER = """
import json, sys, time, os, resource
import numpy as np
which, file, width, a, b = sys.argv[1:6]
x = np.fromfile(file).reshape(-1, int(width))
warm = x[:2000].copy()
def fit(rows):
    if which == "dbscan":
        from dbscan import DBSCAN
        return DBSCAN(rows, eps=float(a), min_samples=int(b))[0]
    if which == "scikit-learn":
        from sklearn.cluster import DBSCAN
        return DBSCAN(eps=float(a), min_samples=int(b), n_jobs=2).fit(rows).labels_
    from fast_hdbscan import HDBSCAN
    return HDBSCAN(min_cluster_size=int(a), min_samples=int(b)).fit(rows).labels_
fit(warm)
start, cpu = time.time(), time.process_time()
labels = fit(x)
wall, cpu = time.time() - start, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": peak, "clusters": int(labels.max()) + 1}))
"""


def theirs(which, x, a, b, limit=60):
    file = FOLDER / "rows.f64"
    np.ascontiguousarray(x, "<f8").tofile(file)
    words = [sys.executable, "-c", PEER, which, file, str(x.shape[1]), str(a), str(b)]
    try:
        out = subprocess.run(words, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"error": f"more than {limit} s"}
    return json.loads(out.stdout) if out.returncode == 0 else {"error": f"ended with {out.returncode}"}


TIMES = [
    ("dbscan", 1_000_000, 4, 0.15, 10, ["dbscan", "scikit-learn"]),
    ("dbscan", 1_000_000, 8, 0.5, 16, ["dbscan"]),
    ("hdbscan", 100_000, 4, 50, 10, ["fast_hdbscan"]),
    ("hdbscan", 1_000_000, 3, 50, 10, ["fast_hdbscan"]),
]
NAMES = {"dbscan": ("eps", "min_samples"), "hdbscan": ("min_cluster_size", "min_samples")}


def times(rounds, limit):
    """Every side in turn, each in a process of its own; medians of the wall time of the fit."""
    lines = ["| rows | | median | ratio | peak memory |", "|---|---|---:|---:|---:|"]
    for workload, n, d, a, b, peers in TIMES:
        x = blobs(n, d)
        runs = {name: [] for name in ["ilk", *peers]}
        for _ in range(rounds):
            runs["ilk"].append(ours(workload, x, **dict(zip(NAMES[workload], (a, b))))[0])
            for peer in peers:
                # Who once was too slow is not asked again.
                if not any("error" in run for run in runs[peer]):
                    runs[peer].append(theirs(peer, x, a, b, limit))
        for name, found in runs.items():
            where = f"{workload} {n:,} × {d} ({', '.join(NAMES[workload])} = {a}, {b})" if name == "ilk" else ""
            errors = [run["error"] for run in found if "error" in run]
            own = np.median([run["wall"] for run in runs["ilk"]])
            if errors:
                lines.append(f"| {where} | {name} | {errors[0]} | > {limit / own:.0f} | |")
            else:
                wall, peak = np.median([run["wall"] for run in found]), max(run["peak_mb"] for run in found)
                lines.append(f"| {where} | {name} | {seconds(wall)} | {wall / own:.1f} | {peak:,.0f} MB |")
            print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines) + "\n"


def growth():
    lines = ["| rows | time | peak memory |", "|---|---:|---:|"]
    for workload, d, options in [
        ("dbscan", 4, {"eps": 0.15, "min_samples": 10}),
        ("hdbscan", 3, {"min_cluster_size": 50, "min_samples": 10}),
    ]:
        for n in (10_000, 100_000, 1_000_000):
            run = ours(workload, blobs(n, d), **options)[0]
            lines.append(f"| {workload} {n:,} × {d} | {seconds(run['wall'])} | {run['peak_mb']:,.0f} MB |")
    return "\n".join(lines) + "\n"


def report(quick, machine):
    failed = gate_dbscan() + gate_hdbscan()
    text = (f"* Core labels and noise of DBSCAN equal scikit-learn's on 20 data sets, the length of HDBSCAN's tree to 1e-5, its labels as "
            f"nearly as scikit-learn's own on shuffled rows: {'yes' if not failed else f'**{failed} differ**'}\n\n")
    text += times(1 if quick else 3, 60)
    return text + "\nHow cost grows:\n\n" + growth()
