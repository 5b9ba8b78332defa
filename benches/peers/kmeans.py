"""k-means beside scikit-learn, scikit-learn-intelex, faiss and linfa."""

import math
import time

from common import DATA, HERE, gate, ours, peer, rows, segmix, serve, table, take_turns

D = K = 8


def start_file(path, d, k):
    """Raw f64 centroids: rows spread evenly over the file."""
    import numpy as np

    x = rows(path, d)
    start = DATA / f"{path.stem}-start{k}.f64"
    x[np.linspace(0, len(x) - 1, k).astype(int)].astype(np.float64).tofile(start)
    return start


def estimator(library):
    if library == "intelex":
        from sklearnex.cluster import KMeans
    else:
        from sklearn.cluster import KMeans
    return KMeans


def lloyd(file, start, library, iterations):
    import numpy as np

    x, centroids = rows(file, D), np.fromfile(start).reshape(-1, D).astype(np.float32)
    if library == "faiss":
        import faiss

        def run():
            model = faiss.Kmeans(D, len(centroids), niter=iterations, max_points_per_centroid=len(x))
            model.train(x, init_centroids=centroids)
            return {"inertia": float(model.obj[-1])}

        return run
    kind = estimator(library)

    def run():
        model = kind(len(centroids), init=centroids, n_init=1, max_iter=iterations, tol=0, algorithm="lloyd").fit(x)
        return {"inertia": float(model.inertia_), "iterations": int(model.n_iter_)}

    return run


def fit(file, library, n_init, clusters=K):
    x, kind = rows(file, D), estimator(library)

    def run():
        model = kind(clusters, n_init=n_init, random_state=1).fit(x)
        return {"inertia": float(model.inertia_), "iterations": int(model.n_iter_)}

    return run


def predict(file, start):
    import numpy as np
    from sklearn.cluster import KMeans

    x, centroids = rows(file, D), np.fromfile(start).reshape(-1, D).astype(np.float32)
    model = KMeans(len(centroids), init=centroids, n_init=1, max_iter=1).fit(centroids)
    model.cluster_centers_ = centroids

    def run():
        begin = time.perf_counter()
        labels = model.predict(x)
        taken = time.perf_counter() - begin
        labels.astype(np.uint32).tofile(DATA / "labels-sklearn.u32")
        return {"seconds": taken}

    return run


def sweep(file, first, last, sample):
    from sklearn.cluster import KMeans
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

    x = rows(file, D)

    def run():
        inertias = []
        for k in range(first, last + 1):
            model = KMeans(k, n_init=1, random_state=1).fit(x)
            silhouette_score(x, model.labels_, sample_size=sample, random_state=1)
            calinski_harabasz_score(x, model.labels_)
            davies_bouldin_score(x, model.labels_)
            inertias.append(float(model.inertia_))
        return {"inertias": inertias}

    return run


def inertia(side):
    return side.runs[-1]["inertia"]


def lloyd_table(n, rounds, machine):
    file = segmix(n, D)
    start = start_file(file, D, K)
    ilk = ours("ilk, packing included", "lloyd", file=file, width=D, start=start, iterations=20)
    peers = [peer(name, "kmeans.py", "lloyd", file=str(file), start=str(start), library=library, iterations=20)
             for name, library in [("scikit-learn f32", "sklearn"), ("scikit-learn-intelex f32", "intelex"), ("faiss", "faiss")]]
    peers.append(ours("linfa f64", "linfa", file=file, width=D, start=start, iterations=20))
    take_turns([ilk, *peers], rounds)
    iterations = ilk.median()
    for run in ilk.runs:
        run["seconds"] += run["packing_seconds"]
    reads = 21 * n * D * 4 / (machine["read_gigabytes_per_second"] * 1e9)
    fused = 21 * n * D * K / (machine["billion_fused_per_second"] * 1e9)
    limit = max(reads, fused)
    text = table(f"20 Lloyd iterations, n = {n:,}, d = {D}, k = {K}, same start.", ilk, peers)
    text += (f"\nThe 21 labellings alone: {iterations:.3f} s. Plain passes at the machine's limit would take {reads:.3f} s to read "
             f"and {fused:.3f} s to multiply: {limit / iterations:.0%} of the limit, looking at each row "
             f"{ilk.runs[-1]['passes']:.1f} times instead of 21.\n\n")
    # scikit-learn's own f32 sums wander by some 1e-5 in this time.
    return text + gate("inertia within 1.0001 of scikit-learn's", abs(inertia(ilk) / inertia(peers[0]) - 1) < 1e-4) + "\n"


def fit_table(n, rounds):
    file = segmix(n, D)
    ilk = ours("ilk, 20 starts", "fit", file=file, width=D, clusters=K)
    peers = [peer("scikit-learn n_init=1", "kmeans.py", "fit", file=str(file), library="sklearn", n_init=1),
             peer("scikit-learn-intelex n_init=1", "kmeans.py", "fit", file=str(file), library="intelex", n_init=1)]
    take_turns([ilk, *peers], rounds, warm_up=False)
    ten = peer("scikit-learn n_init=10", "kmeans.py", "fit", file=str(file), library="sklearn", n_init=10)
    take_turns([ten], 1, warm_up=False)
    text = table(f"A whole fit, n = {n:,}, d = {D}, k = {K}; ours to the exact fixed point, the peers' by their default tolerance "
                 "(n_init=10 once).", ilk, [*peers, ten])
    best = min(inertia(side) for side in [*peers, ten])
    return text + "\n" + gate("inertia at most 1.0002 times the best peer's", inertia(ilk) <= 1.0002 * best) + "\n"


def predict_table(n, rounds):
    import numpy as np

    file = segmix(n, D)
    start = start_file(file, D, K)
    ilk = ours("ilk, `Prototypes::labels`", "predict", file=file, width=D, start=start, save=DATA / "labels-ilk.u32")
    sklearn = peer("scikit-learn predict f32", "kmeans.py", "predict", file=str(file), start=str(start))
    take_turns([ilk, sklearn], rounds)
    a, b = (np.fromfile(DATA / f"labels-{name}.u32", np.uint32) for name in ("ilk", "sklearn"))
    text = table(f"Scoring, n = {n:,}, d = {D}, k = {K}.", ilk, [sklearn])
    text += f"\nFrom `f64` rows: {ilk.median('f64_seconds'):.3f} s; with distances and second best (`assign`): {ilk.median('with_distances_seconds'):.3f} s.\n\n"
    x, c = rows(file, D)[a != b].astype(np.float64), np.fromfile(start).reshape(-1, D)
    squares = ((x[:, None] - c[None]) ** 2).sum(-1)
    at = np.arange(len(x))
    apart = np.abs(squares[at, a[a != b]] - squares[at, b[a != b]]).max(initial=0)
    return text + gate(f"labels equal except ties below 1e-4 ({len(x)} of {n:,} differ, by {apart:.1e} at most)", apart < 1e-4) + "\n"


def same_labels():
    """Lloyd's algorithm from the same start to the fixed point on twenty random sets: labels and centroids."""
    import numpy as np
    from sklearn.cluster import KMeans

    worst, different, total = 0.0, 0, 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n, d, k = int(rng.integers(500, 20_000)), int(rng.integers(2, 12)), int(rng.integers(2, 15))
        centres = rng.normal(size=(k, d)) * rng.uniform(0.5, 4)
        x = centres[rng.integers(k, size=n)] + rng.normal(size=(n, d))
        x = (np.floor(x * 65536 + 0.5) / 65536).astype(np.float32)
        file, start, labels = (DATA / f"same-labels.{kind}" for kind in ("f32", "f64", "u16"))
        x.tofile(file)
        x = x.astype(np.float64)
        x[rng.choice(n, k, replace=False)].tofile(start)
        ilk = ours("ilk", "lloyd", file=file, width=d, start=start, iterations=100_000, save=labels)
        ilk.run()
        ilk.close()
        theirs = KMeans(k, init=np.fromfile(start).reshape(k, d), n_init=1, tol=0, max_iter=100_000, algorithm="lloyd").fit(x)
        a, b = np.fromfile(labels, np.uint16), theirs.labels_
        squares = ((x[a != b][:, None] - theirs.cluster_centers_[None]) ** 2).sum(-1)
        at = np.arange(len(squares))
        worst = max(worst, np.abs(squares[at, a[a != b]] - squares[at, b[a != b]]).max(initial=0))
        different, total = different + len(squares), total + n
    return gate(f"labels at the fixed point from the same start equal scikit-learn's on 20 random sets, except ties below 1e-6 "
                f"({different} of {total:,} differ, by {worst:.1e} at most)", worst < 1e-6) + "\n"


def sweep_table(n, rounds):
    file = segmix(n, D)
    ilk = ours("ilk, 20 starts each", "sweep", file=file, width=D, sample=10_000)
    sklearn = peer("scikit-learn n_init=1", "kmeans.py", "sweep", file=str(file), first=2, last=20, sample=10_000)
    take_turns([ilk], rounds)
    take_turns([sklearn], 1, warm_up=False)
    worst = max(a / b for a, b in zip(ilk.runs[-1]["inertias"], sklearn.runs[-1]["inertias"]))
    text = table(f"k = 2..20 with Calinski-Harabasz, Davies-Bouldin and the silhouette of 10,000, n = {n:,}, d = {D}.", ilk, [sklearn])
    return text + "\n" + gate(f"inertia at most 1.001 times scikit-learn's for every k (worst {worst:.5f})", worst <= 1.001) + "\n"


def growth(quick):
    """Time and memory of a whole fit as rows, features and clusters grow, one process each."""
    import os

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    sizes = [10**e for e in range(4, 7 if quick else 9)]
    cases = [(n, 8, 8) for n in sizes]
    cases += [(1_000_000, d, 8) for d in (2, 4, 16, 40)] + [(1_000_000, 8, k) for k in (2, 4, 20, 50)]
    lines = ["**How the cost of a whole fit grows** (generated groups, 20 starts, two threads).", "",
             "| rows | features | clusters | time | per row | peak memory |", "|---:|---:|---:|---:|---:|---:|"]
    points = []
    for n, d, k in cases:
        # The rows in f64, packed in f32, and a label and a margin each.
        if n * (12 * d + 8) > 0.7 * memory:
            lines.append(f"| {n:,} | {d} | {k} | beyond the memory of this machine | | |")
            continue
        side = ours("ilk", "fit", made=n, width=d, clusters=k)
        take_turns([side], 3 if n <= 10**7 else 1, warm_up=False)
        peak = max(run["peak_megabytes"] for run in side.runs)
        taken = side.median()
        lines.append(f"| {n:,} | {d} | {k} | {taken:.3f} s | {taken / n * 1e9:.0f} ns | {peak:,.0f} MB |")
        if (d, k) == (8, 8):
            points.append((n, taken))
    draw(points, HERE.parent / "growth-kmeans.svg")
    return "\n".join(lines) + "\n\n![seconds by rows, both on a log scale](benches/growth-kmeans.svg)\n"


def draw(points, path):
    """Seconds by rows, both axes logarithmic."""
    width, height, left, bottom = 480, 300, 60, 40
    decades_x, decades_y = range(4, 9), range(-3, 3)
    at_x = lambda n: left + (math.log10(n) - 4) / 4 * (width - left - 20)
    at_y = lambda s: height - bottom - (math.log10(s) + 3) / 5 * (height - bottom - 20)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for e in decades_x:
        parts.append(f'<text x="{at_x(10**e):.0f}" y="{height - 20}" text-anchor="middle">10^{e}</text>')
    for e in decades_y:
        y = at_y(10.0**e)
        parts.append(f'<path d="M{left} {y:.0f}H{width - 20}" stroke="#ddd"/><text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{10.0**e:g} s</text>')
    line = " ".join(f"{at_x(n):.1f},{at_y(s):.1f}" for n, s in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f6f8b" stroke-width="2"/>')
    parts += [f'<circle cx="{at_x(n):.1f}" cy="{at_y(s):.1f}" r="3" fill="#1f6f8b"/>' for n, s in points]
    parts.append(f'<text x="{width / 2:.0f}" y="{height - 4}" text-anchor="middle">rows (8 features, 8 clusters)</text></svg>')
    path.write_text("\n".join(parts) + "\n")


def report(quick, machine):
    sizes = [1_000_000] if quick else [1_000_000, 10_000_000]
    text = "".join(lloyd_table(n, 5, machine) for n in sizes)
    text += same_labels()
    return text + fit_table(sizes[-1], 3) + predict_table(sizes[-1], 5) + sweep_table(1_000_000, 3) + growth(quick)


if __name__ == "__main__":
    serve({"lloyd": lloyd, "fit": fit, "predict": predict, "sweep": sweep})
