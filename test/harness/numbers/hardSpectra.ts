/** Ascending spectra of many shapes, those on which a search for the smallest D has the hardest time among them. */

/** Seeded numbers in (0, 1). */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

type Shape = (count: number, random: () => number) => Float64Array;

function drawn(draw: (random: () => number) => number): Shape {
  return (count, random) => Float64Array.from({ length: count }, () => draw(random)).sort();
}

/** Values at evenly spaced shares of the distribution: no randomness, so that many tails fit almost equally well. */
function quantiles(quantile: (share: number) => number): Shape {
  return (count) => Float64Array.from({ length: count }, (_, i) => quantile((count - i - 0.5) / count)).sort();
}

const normal = (random: () => number): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());

/** A power law with waves in ln λ of relative period 1/waves: every period repeats the same distances. */
const selfSimilar = (waves: number): Shape =>
  quantiles((share) => Math.exp((-Math.log(share) + (0.9 / waves) * Math.sin(-waves * Math.log(share))) / 1.5));

/** A power law with waves in rank: `waves` places that are equally far from it. */
const equalPeaks = (waves: number): Shape =>
  quantiles((share) => (share + (0.9 / (2 * Math.PI * waves)) * Math.sin(2 * Math.PI * waves * share)) ** (-1 / 1.5));

export const spectrumShapes: Readonly<Record<string, Shape>> = {
  Pareto: drawn((random) => random() ** (-1 / 1.5)),
  'log-normal': drawn((random) => Math.exp(2 * normal(random))),
  exponential: drawn((random) => -Math.log(random())),
  uniform: drawn((random) => random()),
  'quarter circle': drawn((random) => (1 + Math.cos(Math.PI * random())) ** 2 + 1e-9),
  'bulk with a tail': drawn((random) =>
    random() < 0.8 ? (1 + Math.cos(Math.PI * random())) ** 2 + 1e-3 : 3 * random() ** -0.5,
  ),
  'few different values': drawn((random) => Math.ceil(10 * random())),
  'many ties': drawn((random) => Math.ceil(100 * random() ** -0.7)),
  clusters: drawn((random) => Math.exp(Math.floor(20 * random()) + 1e-6 * normal(random))),
  'log-uniform: the same D from everywhere': drawn((random) => Math.exp(10 * random())),
  'log-uniform without noise': quantiles((share) => Math.exp(10 * (1 - share))),
  'Pareto without noise': quantiles((share) => share ** (-1 / 1.5)),
  'slow waves': selfSimilar(200),
  'fast waves': selfSimilar(10_000),
  '100 equal peaks': equalPeaks(100),
  '5000 equal peaks': equalPeaks(5000),
  steps: quantiles((share) => Math.exp(Math.floor(-3000 * Math.log(share)) / 4500)),
};
