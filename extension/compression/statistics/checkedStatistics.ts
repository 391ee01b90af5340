/** One layer's arrays as they are read: finite, symmetric, of magnitudes that sums over inputs can have. */
import type { LayerStatistics } from '../../shared/compression/statistics';
import { CompressionError } from '../compressionError';
import type { LayerArray, LayerArrays } from './coveredLayers';
import { areMirrored } from './gramSymmetry';

/** The largest Gram matrix that is read, in float64: 23 170 inputs. */
const MAX_GRAM_BYTES = 2 ** 32;

/** Read at a time, beside the matrix itself. */
const BAND_BYTES = 16 * 1024 * 1024;

/** How far beyond √(C_ii·C_jj) an entry may be: rounding to 16 bits. */
const BEYOND = 1e-2;

/**
 * The layer's statistics.
 *
 * @throws CompressionError `invalid-statistics`; CheckpointError; DOMException `AbortError`
 */
export async function readStatistics(
  { sides, fields, tokens }: LayerArrays,
  file: string,
  signal?: AbortSignal,
): Promise<LayerStatistics> {
  const { inputs, outputs } = sides;
  const wrong = (reason: string): CompressionError =>
    new CompressionError('invalid-statistics', reason, { file, layer: sides.name });
  const vector = async (array: LayerArray, what: VectorKind): Promise<Float64Array> => {
    const values = await array.measurement.read(array.rows, signal);
    assertNumbers(values, what, array.measurement.name, wrong);
    return values;
  };
  const gram = fields.gram && (await readGram(fields.gram, inputs, wrong, signal));
  const mean = fields.mean && (await vector(fields.mean, 'mean of inputs'));
  if (gram && mean && tokens !== undefined) assertCentred(gram, mean, tokens, wrong);
  const fisher = fields.fisher && (await vector(fields.fisher, 'sum of squared gradients'));
  return {
    ...(gram && { gram }),
    ...(mean && { mean }),
    ...(fields.absMean && { absMean: await vector(fields.absMean, 'mean of magnitudes') }),
    ...(fields.squareMean && { squareMean: await vector(fields.squareMean, 'mean of squares') }),
    ...(fisher && {
      fisher: sides.inputsAreRows && fisher.length > outputs ? turned(fisher, inputs, outputs) : fisher,
    }),
    ...(tokens !== undefined && { tokens }),
  };
}

type Wrong = (reason: string) => CompressionError;

/** What an array holds, in words for people. All but the first are 0 at least, and not 0 everywhere. */
type VectorKind = 'mean of inputs' | 'mean of magnitudes' | 'mean of squares' | 'sum of squared gradients';

function assertNumbers(values: Float64Array, what: VectorKind, name: string, wrong: Wrong): void {
  const signed = what === 'mean of inputs';
  const bad = values.findIndex((value) => !Number.isFinite(value) || (!signed && value < 0));
  if (bad >= 0) throw wrong(`${name} holds ${values[bad]} at ${bad}, which no ${what} is; calibrate again`);
  if (!signed && !values.some((value) => value > 0))
    throw wrong(`${name} is 0 everywhere, which says nothing; calibrate again`);
}

async function readGram(array: LayerArray, n: number, wrong: Wrong, signal?: AbortSignal): Promise<Float64Array> {
  const { measurement, rows } = array;
  const { name } = measurement;
  if (8 * n * n > MAX_GRAM_BYTES) {
    throw wrong(
      `${name} is ${n} × ${n}, which takes ${Math.ceil((8 * n * n) / 1e9)} GB in float64; use .input_abs_mean for this layer`,
    );
  }
  const gram = new Float64Array(n * n);
  if (rows) gram.set(await measurement.read(rows, signal));
  else {
    const step = Math.max(1, Math.floor(BAND_BYTES / (8 * n)));
    for (let start = 0; start < n; start += step) {
      const end = Math.min(n, start + step);
      gram.set(await measurement.read({ start, end }, signal), start * n);
    }
  }
  makeSymmetric(gram, n, name, wrong);
  return gram;
}

/** Takes the mean of each entry and its mirror image, which differ by the rounding of sums. */
function makeSymmetric(gram: Float64Array, n: number, name: string, wrong: Wrong): void {
  let trace = 0;
  for (let i = 0; i < n; i++) {
    const diagonal = gram[i * n + i]!;
    if (!Number.isFinite(diagonal)) throw wrong(`${name} holds ${diagonal} at row ${i}, column ${i}; calibrate again`);
    if (diagonal < 0)
      throw wrong(`${name} is indefinite: ${diagonal} at row ${i}, column ${i} is no sum of squares; calibrate again`);
    trace += diagonal;
  }
  if (trace === 0) throw wrong(`${name} is 0 everywhere, which says nothing of the inputs; calibrate again`);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const [a, b] = [gram[i * n + j]!, gram[j * n + i]!];
      const place = `at row ${i}, column ${j}`;
      if (!Number.isFinite(a) || !Number.isFinite(b))
        throw wrong(`${name} holds ${Number.isFinite(a) ? b : a} ${place} or its mirror image; calibrate again`);
      const most = Math.sqrt(gram[i * n + i]! * gram[j * n + j]!);
      if (!areMirrored(a, b, most))
        throw wrong(`${name} is not symmetric: ${a} ${place}, but ${b} in its mirror image; a Gram matrix is XXᵀ`);
      const both = (a + b) / 2;
      if (Math.abs(both) > (1 + BEYOND) * most)
        throw wrong(
          `${name} is indefinite: ${both} ${place} is more than its diagonal allows (${most}); calibrate again`,
        );
      gram[i * n + j] = gram[j * n + i] = both;
    }
  }
}

/** Σx² is at least tokens times the square of the mean: else the three are of different inputs. */
function assertCentred(gram: Float64Array, mean: Float64Array, tokens: number, wrong: Wrong): void {
  const n = mean.length;
  for (let i = 0; i < n; i++) {
    const square = tokens * mean[i]! ** 2;
    if (square <= (1 + BEYOND) * gram[i * n + i]!) continue;
    throw wrong(
      `the mean ${mean[i]} of input ${i} over ${tokens} tokens is more than its sum of squares ${gram[i * n + i]} allows: ` +
        '.input_gram is a sum over tokens (not a mean), .input_mean a mean; make both in one run',
    );
  }
}

function turned(stored: Float64Array, rows: number, cols: number): Float64Array {
  return Float64Array.from(stored, (_, at) => stored[(at % rows) * cols + Math.floor(at / rows)]!);
}
