"""Peer of methodTwins.test.ts. FOLDER: for each case in cases.json what numpy finds by the definitions of the papers, as JSON.
svd-llm is the reference implementation's way: https://github.com/AIoT-MLSys-Lab/SVD-LLM, SVDLLM.py (profile and whitening),
in float64.
"""

import json
import sys

import numpy as np

folder = sys.argv[1]


def load(name, *shape):
    return np.fromfile(f"{folder}/{name}").reshape(shape)


def svd_llm(case):
    """W·L truncated and multiplied by L⁻¹; the error of the outputs. A Gram matrix without a factor is raised as they do."""
    w, c = load(case["w"], case["outputs"], case["inputs"]), load(case["gram"], case["inputs"], case["inputs"])
    raised = c.copy()
    try:
        scale = np.linalg.cholesky(raised)
    except np.linalg.LinAlgError:
        raised += (-np.linalg.eigvalsh(raised)[0] + 1e-6) * np.eye(len(c))
        scale = np.linalg.cholesky(raised)
    u, s, vt = np.linalg.svd(w @ scale, full_matrices=False)
    k = case["rank"]
    kept = (u[:, :k] * s[:k]) @ (vt[:k] @ np.linalg.inv(scale))
    root = np.linalg.cholesky(raised)
    return {"output_error": np.linalg.norm((w - kept) @ root) / np.linalg.norm(w @ root)}


def cur(case):
    """The error of C·C⁺·W·R⁺·R for given columns and rows, and leverage scores or l1 Lewis weights of the leading vectors."""
    w, k = load(case["w"], case["outputs"], case["inputs"]), case["rank"]
    c, r = w[:, case["columns"]], w[case["rows"]]
    core = np.linalg.pinv(c, rcond=1e-12) @ w @ np.linalg.pinv(r, rcond=1e-12)
    u, _, vt = np.linalg.svd(w, full_matrices=False)

    def scores(vectors):
        weights = (vectors**2).sum(1)
        if case["scores"] == "leverage":
            return weights
        for _ in range(200):
            inner = np.linalg.inv(vectors.T @ (vectors / weights[:, None]))
            weights = np.sqrt(np.einsum("ij,jk,ik->i", vectors, inner, vectors))
        return weights

    return {
        "relative_error": np.linalg.norm(w - c @ core @ r) / np.linalg.norm(w),
        "core": core.ravel().tolist(),
        "columnScores": scores(vt[:k].T).tolist(),
        "rowScores": scores(u[:, :k]).tolist(),
    }


def nystrom(case):
    w, c = load(case["w"], case["outputs"], case["inputs"]), load(case["gram"], case["inputs"], case["inputs"])
    n, k = case["inputs"], case["rank"]
    scores = np.diag(c @ np.linalg.inv(c + 1e-2 * np.trace(c) / n * np.eye(n)))
    kept = np.sort(np.argsort(-scores, kind="stable")[:k])
    down = w @ c[:, kept] @ np.linalg.inv(c[np.ix_(kept, kept)])
    full = np.zeros_like(w)
    full[:, kept] = down
    error = np.sqrt(np.trace((w - full) @ c @ (w - full).T) / np.trace(w @ c @ w.T))
    return {"kept": kept.tolist(), "down": down.ravel().tolist(), "error": error}


def root_of(c):
    values, vectors = np.linalg.eigh(c)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def vo(case):
    """Per value head the products of v with the o of its query heads: what is lost, and the best products of that rank."""
    heads, kv, size, k = case["heads"], case["keyValueHeads"], case["headSize"], case["rank"]
    v, o = load(case["v"], kv * size, case["inputs"]), load(case["o"], case["outputs"], heads * size)
    root = root_of(load(case["gram"], case["inputs"], case["inputs"]))
    lost = whole = 0
    products = []
    for head in range(kv):
        queries = range(head * heads // kv, (head + 1) * heads // kv)
        stacked = np.vstack([o[:, q * size : (q + 1) * size] for q in queries])
        u, s, vt = np.linalg.svd(root @ v[head * size : (head + 1) * size].T @ stacked.T, full_matrices=False)
        lost += (s[k:size] ** 2).sum()
        whole += (s**2).sum()
        best = np.linalg.solve(root, (u[:, :k] * s[:k]) @ vt[:k]).T
        products += [best[i * case["outputs"] : (i + 1) * case["outputs"]] for i in range(len(queries))]
    return {"error": np.sqrt(lost / whole), "products": np.concatenate(products).ravel().tolist()}


def qk(case):
    """Kept dimensions of each key head, pairs together, and what the scores lose."""
    heads, kv, size, k = case["heads"], case["keyValueHeads"], case["headSize"], case["rank"]
    q, key = load(case["q"], heads * size, case["inputs"]), load(case["k"], kv * size, case["inputs"])
    root = root_of(load(case["gram"], case["inputs"], case["inputs"]))
    xq, xk = q @ root, key @ root
    kept, lost, whole = [], 0, 0
    for head in range(kv):
        own = xk[head * size : (head + 1) * size]
        queries = [xq[i * size : (i + 1) * size] for i in range(head * heads // kv, (head + 1) * heads // kv)]
        half = size // 2
        pairs = {"halves": [[j, j + half] for j in range(half)], "none": [[j] for j in range(size)]}[case["rotation"]]
        scores = [sum(np.linalg.norm(own[p]) * np.linalg.norm(query[p]) for query in queries) for p in pairs]
        order = np.argsort(-np.array(scores), kind="stable")[: k // len(pairs[0])]
        rows = sorted(row for unit in order for row in pairs[unit])
        kept.append(rows)
        for query in queries:
            lost += np.linalg.norm(query.T @ own - query[rows].T @ own[rows]) ** 2
            whole += np.linalg.norm(query.T @ own) ** 2
    return {"kept": kept, "error": np.sqrt(lost / whole)}


methods = {"svd-llm": svd_llm, "cur": cur, "nystrom": nystrom, "vo": vo, "qk": qk}
print(json.dumps([methods[case["method"]](case) for case in json.load(open(f"{folder}/cases.json"))]))
