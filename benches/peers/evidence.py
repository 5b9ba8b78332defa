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


def report(quick, machine):
    text = silhouette_table(20_000, 3)
    if not quick:
        text += silhouette_table(100_000, 1)
    return text + sampled_table(1_000_000 if quick else 10_000_000, 14_000, 3)


if __name__ == "__main__":
    serve({"silhouette": silhouette})
