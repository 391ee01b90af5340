/**
 * Method `cospadi`: W·L ≈ S·D, each output a sum of `nonzeros` atoms of a dense dictionary; D is scaled back by L⁻¹, L as the
 * metric of the inputs has it. From an SVD start, pursuit of the codes and K-SVD of the atoms in turn. A row keeps its old
 * code if the new one is worse, so that the error never grows.
 *
 * @see CoSpaDi, arXiv 2509.22075
 */
import type { Kernels } from '../../linalg/kernels/kernels';
import { CompressionError } from '../compressionError';
import { gramMetric } from '../decomposition/layerMetrics';
import { PLAIN, weighted } from '../decomposition/metric';
import { pursuit, residual, updateAtoms, type CodedRows, type Codes } from '../decomposition/sparseCoding';
import { timesInverseLower } from '../../linalg/triangular/triangular';
import { frobenius } from '../measuredError';
import { truncatedSvd } from '../truncatedSvd';
import type { LayerMethod } from './method';

/** The error has stopped falling once a round takes less than this share of it. */
const LEAST_GAIN = 1e-4;

/** Rough share of the time of the start, and of the codes in a round. */
const STARTING = 0.1;
const CODING = 0.7;

export const cospadi: LayerMethod = (input, { kernels, poll }) => {
  const { w, outputs, inputs, rank: size, options, layer, statistics } = input;
  const nonzeros = options.nonzeros === 0 ? Math.ceil(size / 2) : options.nonzeros;
  if (nonzeros > size) {
    const reason = `${nonzeros} atoms an output are more than the dictionary's ${size}; choose at most as many`;
    throw new CompressionError('invalid-rank', reason, { layer });
  }
  const starting = (fraction: number): void => poll(STARTING * fraction);
  const metric = statistics.gram ? gramMetric(statistics, input, { kernels, poll: starting }) : PLAIN;
  const y = weighted(metric, w, input, kernels, starting);
  const dictionary = startingAtoms(y, outputs, inputs, size, kernels, starting);
  const coded: CodedRows = { y, rows: outputs, dictionary, size, nonzeros };
  const total = frobenius(y);
  const rounds: number[] = [];
  let codes: Codes | undefined;
  let rest = y;
  for (let round = 0; round < options.rounds; round++) {
    const at = (fraction: number): void => poll(STARTING + ((1 - STARTING) * (round + fraction)) / options.rounds);
    const found = pursuit(coded, kernels, (fraction) => at(CODING * fraction));
    codes = codes ? betterCodes(coded, codes, rest, found) : found;
    rest = residual(coded, codes);
    updateAtoms(coded, codes, rest, (fraction) => at(CODING + (1 - CODING) * fraction));
    const error = total === 0 ? 0 : frobenius(rest) / total;
    const before = rounds.at(-1);
    rounds.push(error);
    if (before !== undefined && before - error <= LEAST_GAIN * before) break;
  }
  const { factor } = metric;
  const scaled = factor ? timesInverseLower(dictionary, size, factor, inputs, kernels, () => poll(1)) : dictionary;
  const part = { kind: 'dictionary', size, nonzeros, dictionary: scaled, ...codes! } as const;
  return { parts: [part], ...(factor && { metric }), rounds, notes: metric.notes };
};

/** The leading right singular vectors; beyond them, and for directions that are noise, the longest rows. */
function startingAtoms(
  y: Float64Array,
  rows: number,
  length: number,
  size: number,
  kernels: Kernels,
  poll: (fraction: number) => void,
): Float64Array {
  const count = Math.min(size, rows, length);
  const { right } = truncatedSvd(y, rows, length, count, { kernels, onProgress: poll });
  const atoms = new Float64Array(size * length);
  atoms.set(right);
  const lengths = Float64Array.from({ length: rows }, (_, i) => frobenius(y.subarray(i * length, (i + 1) * length)));
  const longest = Array.from(lengths.keys()).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  let next = 0;
  for (let atom = 0; atom < size; atom++) {
    const own = atoms.subarray(atom * length, (atom + 1) * length);
    let scale = frobenius(own);
    if (scale === 0) {
      const row = longest[next++ % rows]!;
      own.set(y.subarray(row * length, (row + 1) * length));
      scale = lengths[row]!;
    }
    if (scale === 0) own[atom % length] = scale = 1;
    for (let c = 0; c < length; c++) own[c] = own[c]! / scale;
  }
  return atoms;
}

/** Of each row the code that leaves less. @param rest what the old ones leave */
function betterCodes(coded: CodedRows, old: Codes, rest: Float64Array, found: Codes): Codes {
  const { rows, nonzeros, y } = coded;
  const length = y.length / rows;
  const left = residual(coded, found);
  for (let i = 0; i < rows; i++) {
    const span = [i * length, (i + 1) * length] as const;
    if (frobenius(left.subarray(...span)) <= frobenius(rest.subarray(...span))) continue;
    const own = [i * nonzeros, (i + 1) * nonzeros] as const;
    found.atoms.set(old.atoms.subarray(...own), i * nonzeros);
    found.values.set(old.values.subarray(...own), i * nonzeros);
  }
  return found;
}
