"""How good a clustering is: indices beside scikit-learn, on the same rows and labels."""

import functools
import statistics

from common import DATA, gate, ours, peer, rows, segmix, serve, table, take_turns

D = K = 8


def labels_file(path, k):
    """Raw u32 labels of the rows, by one k-means."""
    import numpy as np
    from sklearn.cluster import KMeans

    file = DATA / f"{path.stem}-labels{k}.u32"
    if not file.exists():
        KMeans(k, n_init=1, random_state=1).fit(rows(path, D)).labels_.astype(np.uint32).tofile(file)
    return file


def silhouette(file, labels, sample=None):
    """Of all rows, or the mean of so many compared among each other, another sample every time."""
    import numpy as np
    from sklearn.metrics import silhouette_score

    x, labels = rows(file, D), np.fromfile(labels, np.uint32)
    draw = np.random.RandomState(1)
    return lambda: {"silhouette": float(silhouette_score(x, labels, sample_size=sample, random_state=draw))}


def silhouette_table(n, rounds):
    file = segmix(n, D)
    labels = labels_file(file, K)
    of = functools.partial(ours, bench="evidence", file=file, width=D, labels=labels)
    ilk, squared = of("ilk", "silhouette"), of("ilk, squared distances (another index)", "squared")
    sklearn = peer("scikit-learn", "evidence.py", "silhouette", file=str(file), labels=str(labels))
    take_turns([ilk, sklearn, squared], rounds, warm_up=n < 50_000)
    difference = abs(ilk.runs[-1]["silhouette"] - sklearn.runs[-1]["silhouette"])
    note = "One round." if rounds == 1 else ""
    text = table(f"Exact silhouette, n = {n:,}, d = {D}, k = {K}.", ilk, [sklearn, squared], note)
    return text + "\n" + gate(f"within 1e-6 of scikit-learn's ({difference:.1e} apart)", difference < 1e-6) + "\n"


def sampled_table(n, sample, rounds):
    """Both measure as many rows; scikit-learn compares them among each other and names no interval."""
    file = segmix(n, D)
    labels = labels_file(file, K)
    ilk = ours("ilk, with a 95 % interval", "sampled", bench="evidence", file=file, width=D, labels=labels, sample=sample)
    sklearn = peer("scikit-learn", "evidence.py", "silhouette", file=str(file), labels=str(labels), sample=sample)
    take_turns([ilk, sklearn], rounds)
    found, theirs = ilk.runs[-1], [run["silhouette"] for run in sklearn.runs]
    half = found["half_width"]
    text = table(f"Silhouette of {sample:,} of n = {n:,}, d = {D}, k = {K}.", ilk, [sklearn])
    text += f"\nilk: {found['silhouette']:.4f} ± {half:.4f}; scikit-learn, mean of {len(theirs)} samples: {statistics.mean(theirs):.4f}.\n\n"
    apart = abs(found["silhouette"] - statistics.mean(theirs))
    return text + gate("half width at most 0.005", half <= 0.005) + gate("apart by less than two half widths", apart < 2 * half) + "\n"


def resamples(file, labels, bootstraps, tolerance=1e-4):
    """The whole bootstrap: as many rows drawn again, k-means from the centroids of the labels, everyone labelled, pairs compared."""
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    x, labels = rows(file, D), np.fromfile(labels, np.uint32)
    start = np.array([x[labels == c].mean(0) for c in range(labels.max() + 1)])
    rng = np.random.default_rng(1)

    def run():
        found = []
        for _ in range(bootstraps):
            drawn = rng.integers(0, len(x), len(x))
            found.append(KMeans(len(start), init=start, n_init=1, tol=tolerance).fit(x[drawn]).predict(x))
        return {"agreement": float(np.mean([adjusted_rand_score(a, b) for a, b in zip(found[::2], found[1::2])]))}

    return run


def gaps(file, labels, references, clusters, starts=1):
    """Tibshirani, Walther & Hastie (2001): the box along the principal axes."""
    import numpy as np
    from sklearn.cluster import KMeans

    x = rows(file, D)

    def log_w(data):
        return np.array([np.log(KMeans(k, n_init=starts, random_state=1).fit(data).inertia_) for k in range(1, clusters + 1)])

    def run():
        rng = np.random.default_rng(1)
        mean = x.mean(0)
        axes = np.linalg.svd(x - mean, full_matrices=False)[2]
        turned = (x - mean) @ axes.T
        low, high = turned.min(0), turned.max(0)
        drawn = [log_w((rng.uniform(low, high, x.shape) @ axes + mean).astype(np.float32)) for _ in range(references)]
        gap = np.mean(drawn, 0) - log_w(x)
        error = np.std(drawn, 0) * np.sqrt(1 + 1 / references)
        k = next((k for k in range(clusters - 1) if gap[k] >= gap[k + 1] - error[k + 1]), clusters - 1) + 1
        return {"k": k, "gap": gap.tolist(), "standard_error": error.tolist()}

    return run


def scaled(side, by):
    """A side that did a part of the work, as if it had done `by` times as much."""
    for run in side.runs:
        run["seconds"] *= by


def once(side):
    """What one run finds, without its time."""
    take_turns([side], 1, warm_up=False)
    return side.runs[-1]


def bootstrap_table(n, part):
    file = segmix(n, D)
    labels = labels_file(file, K)
    ilk = ours("ilk", "bootstrap", bench="evidence", file=file, width=D, labels=labels)
    theirs = functools.partial(peer, "scikit-learn and numpy", "evidence.py", "resamples", file=str(file), labels=str(labels), bootstraps=100 // part)
    sklearn = theirs()
    take_turns([ilk], 3)
    take_turns([sklearn], 1, warm_up=False)
    scaled(sklearn, part)
    note = f"scikit-learn did {100 // part} of the 100 resamples; its time is {part} times that. ilk draws among n^0.7 customers (the bag of little bootstraps)."
    text = table(f"Stability by 100 resamples, n = {n:,}, d = {D}, k = {K}.", ilk, [sklearn], note)
    # With its usual tolerance scikit-learn stops before the partitions have settled.
    settled = once(theirs(tolerance=0))
    apart = abs(ilk.runs[-1]["agreement"] - settled["agreement"])
    words = f"mean adjusted Rand index of resamples within 0.005 of scikit-learn's with tol=0 ({apart:.4f} apart)"
    return text + "\n" + gate(words, apart < 0.005) + "\n"


def gap_table(n, part):
    file = segmix(n, D)
    labels = labels_file(file, K)
    of = functools.partial(ours, "ilk", "gap", bench="evidence", file=file, width=D, labels=labels)
    theirs = functools.partial(peer, "scikit-learn n_init=1 and numpy", "evidence.py", "gaps", file=str(file), labels=str(labels), clusters=20)
    ilk, sklearn = of(), theirs(references=50 // part)
    take_turns([ilk], 3)
    take_turns([sklearn], 1, warm_up=False)
    scaled(sklearn, part)
    note = (
        f"One start of k-means each. scikit-learn drew {50 // part} of the 50 references; its time is {part} times that, so a little too long. "
        "ilk's references have 4,000 rows."
    )
    text = table(f"Gap statistic, 50 references, k = 1..20, n = {n:,}, d = {D}.", ilk, [sklearn], note)
    # One start ends in another optimum on either side, so what they find is compared with ten.
    a, b = once(of(starts=10)), once(theirs(references=4, starts=10))
    apart = max(abs(x - y) / e for x, y, e in zip(a["gap"], b["gap"], a["standard_error"]))
    text += "\nWith ten starts each:\n\n" + gate(f"the same k chosen ({a['k']} and {b['k']})", a["k"] == b["k"])
    return text + gate(f"gaps within 2 standard errors (worst {apart:.1f})", apart <= 2) + "\n"


def report(quick, machine):
    text = silhouette_table(20_000, 3)
    if not quick:
        text += silhouette_table(100_000, 1)
    text += sampled_table(1_000_000 if quick else 10_000_000, 14_000, 3)
    return text + bootstrap_table(1_000_000, 10) + gap_table(100_000, 25 if quick else 10)


if __name__ == "__main__":
    serve({"silhouette": silhouette, "resamples": resamples, "gaps": gaps})
