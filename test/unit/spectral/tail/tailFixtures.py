"""Makes test/unit/spectral/tail/tailFixtures.json: tails, and what other programs say of them.

    python3 test/unit/spectral/tail/tailFixtures.py > test/unit/spectral/tail/tailFixtures.json

Needs scipy, mpmath and the `powerlaw` package (1.5). `best` are the likeliest parameters by scipy's optimiser on densities
normalised above xmin (by QUADPACK for the truncated power law); `powerlaw` is what that package's own fit and `distribution_compare` print, left out
where its optimiser stopped short of the best likelihood.
"""
import contextlib
import io
import json
import math
import warnings

import mpmath
import numpy as np
import powerlaw
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.special import erfc, expn, gamma, gammaincc

warnings.simplefilter('ignore')
mpmath.mp.dps = 30

#: A likelihood of the package's that lies below the best one by more than this was not its maximum.
STOPPED_SHORT = 1e-3

#: A law of two parameters that is no likelier than the power law by this has it for its limit: `null`.
NOTHING_GAINED = 1e-4

LAWS = ['truncated_power_law', 'exponential', 'stretched_exponential', 'lognormal']


def sample(law, count, seed):
    """Sorted values to six digits, the first of them xmin."""
    u = np.random.default_rng(seed).random(count)
    x = {
        'pareto': lambda: u ** (-1 / 1.5),
        'steep pareto': lambda: 0.03 * u ** (-1 / 3),
        'exponential': lambda: 2 - 3 * np.log(u),
        'stretched': lambda: (1 - np.log(u)) ** 2.5,
        'half lognormal': lambda: np.exp(1.3 * np.abs(np.random.default_rng(seed).standard_normal(count))),
        'hump': lambda: 1e4 * np.exp(0.8 + 0.4 * np.random.default_rng(seed).standard_normal(count)),
        'cut off': lambda: cut_off(count, seed),
        'narrow': lambda: 1 + 1e-3 * u,
    }[law]()
    return sorted(float(f'{value:.6g}') for value in x)


def cut_off(count, seed):
    """λ^(-1.6)·exp(-λ/20) above 1, by rejection."""
    random = np.random.default_rng(seed)
    values = []
    while len(values) < count:
        x = 1 - 20 * math.log(random.random())
        if random.random() < x**-1.6:
            values.append(x)
    return np.array(values)


def log_likelihoods(law, x, xmin, parameters):
    """ln p(x), normalised above xmin. Formulas of Clauset et al. 2009, table 2.1."""
    log = np.log(x)
    if law == 'power_law':
        (alpha,) = parameters
        return math.log(alpha - 1) + (alpha - 1) * math.log(xmin) - alpha * log
    if law == 'exponential':
        (rate,) = parameters
        return math.log(rate) + rate * (xmin - x)
    if law == 'stretched_exponential':
        rate, beta = parameters
        return math.log(beta * rate) + (beta - 1) * np.log(rate * x) + (rate * xmin) ** beta - (rate * x) ** beta
    if law == 'truncated_power_law':
        alpha, rate = parameters
        c = rate * xmin
        density = lambda y: math.exp((1 - alpha) * y - c * math.expm1(y))
        integral = quad(density, 0, math.log1p(700 / c), epsabs=0, epsrel=1e-12, limit=200)[0]
        return -alpha * (log - math.log(xmin)) - rate * (x - xmin) - math.log(xmin * integral)
    mu, sigma = parameters
    tail = float(mpmath.log(mpmath.erfc((math.log(xmin) - mu) / (math.sqrt(2) * sigma))))
    return -log - (log - mu) ** 2 / (2 * sigma**2) - math.log(sigma) - 0.5 * math.log(math.pi / 2) - tail


#: Searched for in terms that may take any value; alpha is not negative.
FREE = {
    'exponential': (lambda p: [math.exp(p[0])], lambda p: [math.log(p[0])]),
    'stretched_exponential': (lambda p: [math.exp(q) for q in p], lambda p: [math.log(q) for q in p]),
    'truncated_power_law': (lambda p: [p[0] ** 2, math.exp(p[1])], lambda p: [math.sqrt(p[0]), math.log(p[1])]),
    'lognormal': (lambda p: [p[0], math.exp(p[1])], lambda p: [p[0], math.log(p[1])]),
}


def best(law, x, xmin):
    to, free = FREE[law]
    mean = float(np.mean(x))
    starts = {
        'exponential': [[1 / (mean - xmin)]],
        'stretched_exponential': [[1 / mean, 0.3], [1 / mean, 1]],
        'truncated_power_law': [[1.5, 0.1 / mean], [0.5, 1 / mean]],
        'lognormal': [[float(np.mean(np.log(x))), float(np.std(np.log(x)))]],
    }[law]

    def loss(p):
        try:
            value = -float(np.sum(log_likelihoods(law, x, xmin, to(p))))
        except (OverflowError, ValueError, ZeroDivisionError):
            return 1e300
        return value if math.isfinite(value) else 1e300

    found = None
    for start in starts:
        point = free(start)
        for _ in range(3):
            options = dict(xatol=1e-10, fatol=1e-12, maxiter=5000, maxfev=5000)
            result = minimize(loss, point, method='Nelder-Mead', options=options)
            point = result.x
        if found is None or result.fun < found.fun:
            found = result
    return to(list(found.x)), -found.fun


def compare(ours, theirs, nested):
    terms = ours - theirs
    total = float(np.sum(terms))
    spread = math.sqrt(len(terms) * float(np.var(terms)))
    p = erfc(math.sqrt(abs(total))) if nested else erfc(abs(total) / (math.sqrt(2) * spread))
    return total / spread, float(p)


def tail(name, count, seed):
    values = sample(name, count, seed)
    x, xmin = np.array(values), values[0]
    alpha = 1 + count / float(np.sum(np.log(x / xmin)))
    base = log_likelihoods('power_law', x, xmin, [alpha])
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        package = powerlaw.Fit(x, xmin=xmin, verbose=False)
    laws = {}
    for law in LAWS:
        parameters, likelihood = best(law, x, xmin)
        if likelihood - float(np.sum(base)) < NOTHING_GAINED and law != 'exponential':
            laws[law] = None
            continue
        R, p = compare(base, log_likelihoods(law, x, xmin, parameters), law == 'truncated_power_law')
        laws[law] = dict(parameters=parameters, R=R, p=p)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            reached = float(np.sum(getattr(package, law).loglikelihoods(x)))
            theirs = package.distribution_compare('power_law', law, normalized_ratio=True)
        if likelihood - reached < STOPPED_SHORT and math.isfinite(theirs[0]):
            laws[law]['powerlaw'] = dict(R=float(theirs[0]), p=float(theirs[1]))
    return dict(name=name, values=values, alpha=alpha, laws=laws)


def norms():
    """ln of E_alpha(c)·e^c, by mpmath; of the half normal integral, likewise."""
    expint = [
        [alpha, c, float(mpmath.log(mpmath.expint(alpha, c)) + c)]
        for alpha in [0, 0.5, 1, 1.5, 2, 3.7, 9]
        for c in [1e-9, 1e-3, 0.1, 1, 10, 300]
    ]
    normal = [
        [mean, sigma, float(mpmath.log(sigma * mpmath.sqrt(mpmath.pi / 2) * mpmath.erfc(-mean / (sigma * mpmath.sqrt(2)))))]
        for mean in [-300, -5, -0.1, 0, 0.1, 5, 100]
        for sigma in [0.2, 1, 7]
        if mean / sigma > -400
    ]
    # The same by scipy, where it has the function.
    for alpha, c, value in expint:
        if float(alpha).is_integer() and c < 300:
            assert abs(math.log(expn(int(alpha), c)) + c - value) < 1e-9
        elif alpha < 1 and c < 300:
            assert abs(math.log(gammaincc(1 - alpha, c) * gamma(1 - alpha) * c ** (alpha - 1)) + c - value) < 1e-9
    return dict(expint=expint, normal=normal, erfc=[[x, float(erfc(x))] for x in [0, 1e-9, 0.3, 0.9, 1, 1.1, 2, 4, 9, 20, 26]])


TAILS = [
    ('pareto', 120, 3),
    ('steep pareto', 60, 9),
    ('exponential', 80, 4),
    ('stretched', 100, 5),
    ('half lognormal', 120, 6),
    ('hump', 60, 7),
    ('cut off', 120, 8),
    ('narrow', 40, 2),
]

if __name__ == '__main__':
    fixtures = dict(**norms(), tails=[tail(*arguments) for arguments in TAILS])
    print(json.dumps(fixtures, separators=(',', ':')))
