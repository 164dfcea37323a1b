"""Makes special.safetensors and decompositions.safetensors: /usr/bin/python3 generate.py

Special functions by mpmath with 50 digits, rounded to float64; distribution functions and decompositions by SciPy and
NumPy (1.10.1 and 1.24.2). hmc.safetensors and diagnostics.safetensors are described in README.md.
"""

import pathlib
import sys

import mpmath
import numpy as np
import scipy.linalg
import scipy.special
import scipy.stats

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from safetensors_writer import save  # noqa: E402

mpmath.mp.dps = 50


def table(f, x):
    return np.array([float(f(mpmath.mpf(float(v)))) for v in x])


def special():
    line = np.concatenate([np.linspace(-6, 6, 97), [-30.0, -1e-9, 1e-9, 0.46875, 0.47, 3.999, 4.0, 9.7, 15.31, 20.123, 25.77, 26.0]])
    far = np.concatenate([line[line > -20], [40.0, 1e3, 1e8]])
    positive = np.concatenate([np.linspace(0.02, 20, 223), [1e-8, 0.5, 0.999999, 1.000001, 1.5, 1.999, 2.0001, 2.5,
                                                            14.999, 15.0, 170.0, 1e4, 1e10]])
    negative = np.array([-0.25, -0.5, -1.000001, -1.5, -2.75, -10.1, -30.5])
    p = np.concatenate([10.0 ** -np.arange(1, 300, 13), np.linspace(0.01, 0.99, 50), [0.0749, 0.0751, 1 - 1e-9]])

    def log_erfc(x):
        return mpmath.log(mpmath.erfc(x))

    def log_cdf(x):
        return mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)

    def quantile(q):
        guess = scipy.special.ndtri(float(q))
        return mpmath.findroot(lambda z: log_cdf(z) - mpmath.log(q), guess)

    a = np.repeat([0.1, 0.5, 1.0, 3.5, 7.0, 50.0, 400.0], 8)
    x = a * np.tile([0.01, 0.3, 0.8, 0.99, 1.05, 1.5, 3.0, 8.0], 7)
    gamma_p = [float(mpmath.gammainc(s, 0, t, regularized=True)) for s, t in zip(a, x)]
    gamma_q = [float(mpmath.gammainc(s, t, mpmath.inf, regularized=True)) for s, t in zip(a, x)]
    ba, bb, bx = (v.ravel() for v in np.meshgrid([0.5, 1.0, 4.0, 30.0, 300.0], [0.3, 2.0, 20.0, 250.0],
                                                 [1e-4, 0.05, 0.3, 0.5, 0.7, 0.95, 0.9999]))
    beta = [float(mpmath.betainc(u, v, 0, w, regularized=True)) for u, v, w in zip(ba, bb, bx)]
    n = np.repeat([1, 7, 200, 4096], 12)
    prob = np.tile(np.repeat([0.02, 1 / 15, 0.5, 0.9], 3), 4)
    q = np.tile([0.025, 0.5, 0.975], 16)
    k = np.floor(n * np.tile(np.repeat([0.03, 0.1, 0.45, 0.9], 3), 4)).astype(np.int64)
    save(HERE / "special.safetensors", {
        "line": line, "erf": table(mpmath.erf, line), "erfc": table(mpmath.erfc, line),
        "normal_cdf": table(mpmath.ncdf, line),
        "far": far, "log_erfc": table(log_erfc, far), "erfcx": table(lambda v: mpmath.exp(v * v) * mpmath.erfc(v), far),
        "log_cdf": table(log_cdf, -far),
        "positive": positive, "log_gamma": table(mpmath.loggamma, positive), "digamma": table(mpmath.digamma, positive),
        "negative": negative, "log_gamma_negative": table(lambda v: mpmath.log(abs(mpmath.gamma(v))), negative),
        "digamma_negative": table(mpmath.digamma, negative),
        "p": p, "quantile": table(quantile, p),
        "gamma.a": a, "gamma.x": x, "gamma.p": np.array(gamma_p), "gamma.q": np.array(gamma_q),
        "beta.a": ba, "beta.b": bb, "beta.x": bx, "beta.value": np.array(beta),
        "binomial.n": n, "binomial.p": prob, "binomial.k": k, "binomial.cdf": scipy.stats.binom.cdf(k, n, prob),
        "binomial.q": q, "binomial.quantile": scipy.stats.binom.ppf(q, n, prob).astype(np.int64),
    })


def decompositions():
    rng = np.random.default_rng(7)
    tall = rng.normal(size=(9, 5))
    square = rng.normal(size=(7, 7))
    spread = rng.normal(size=(6, 6)) * 10.0 ** np.arange(-1, 2, 0.5)
    positive = spread @ spread.T
    symmetric = square + square.T
    save(HERE / "decompositions.safetensors", {
        "tall": tall, "tall.singular_values": np.linalg.svd(tall, compute_uv=False),
        "tall.pinv": np.linalg.pinv(tall), "tall.r_diagonal": np.abs(np.diag(np.linalg.qr(tall)[1])),
        "tall.covariance": np.cov(tall.T), "tall.logsumexp": np.array([scipy.special.logsumexp(tall)]),
        "square": square, "square.solution": np.linalg.solve(square, tall[:7]),
        "square.logdet": np.array(np.linalg.slogdet(square)),
        "symmetric": symmetric, "symmetric.eigenvalues": np.linalg.eigvalsh(symmetric),
        "positive": positive, "positive.cholesky": np.linalg.cholesky(positive),
        "positive.solution": scipy.linalg.cho_solve(scipy.linalg.cho_factor(positive), tall[:6]),
        "positive.logdet": np.array([np.linalg.slogdet(positive)[1]]),
    })


special()
decompositions()
