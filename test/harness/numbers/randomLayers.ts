/**
 * Layers that nobody trained, as initialisers make them, in the element types that files store: results as the engine
 * makes them, and the verdict on each.
 */
import { narrow } from '../../../extension/compression/narrow';
import { DEFAULT_FARMS } from '../../../extension/engine/terminal/cliArguments';
import { EigenSolver } from '../../../extension/engine/worker/eigenSolver';
import { hold } from '../../../extension/engine/worker/heldStages';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import { layerVerdict } from '../../../extension/shared/layerFindings';
import { norm, takeOut } from '../../../extension/linalg/eigen/gramSchmidt';
import type { LayerResult } from '../../../extension/shared/layers';
import { layersOf } from '../../../extension/spectral/matrices';
import type { JudgedAlpha } from '../../../extension/shared/verdict';
import { generator } from '../checkpoints/madeCheckpoints';

export const INITIALISERS = ['Gaussian', 'uniform', 'orthogonal', 'Kaiming'] as const;
export type Initialiser = (typeof INITIALISERS)[number];

export const STORED_TYPES = ['F32', 'F16', 'BF16'] as const;
export type StoredType = (typeof STORED_TYPES)[number];

/** A square, a tall and a wide matrix and two convolutions (O, I, kh, kw). */
export const SHAPES: readonly (readonly number[])[] = [
  [256, 256],
  [768, 192],
  [160, 640],
  [64, 64, 3, 3],
  [128, 32, 3, 3],
];

/** Row-major, out × in; of a convolution, out × (in·kh·kw). */
export function initialised(initialiser: Initialiser, shape: readonly number[], seed: number): Float64Array {
  const rows = shape[0]!;
  const cols = shape.slice(1).reduce((product, size) => product * size, 1);
  // Of the same seed, no two initialisers draw the same numbers.
  const next = generator(seed * INITIALISERS.length + INITIALISERS.indexOf(initialiser));
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const filled = (draw: () => number): Float64Array => Float64Array.from({ length: rows * cols }, draw);
  switch (initialiser) {
    case 'Gaussian':
      return filled(() => 0.02 * normal());
    case 'uniform':
      return filled(() => (2 * next() - 1) / Math.sqrt(cols));
    case 'Kaiming':
      return filled(() => Math.sqrt(2 / cols) * normal());
    case 'orthogonal':
      return orthogonal(rows, cols, normal);
  }
}

/** Orthonormal rows, or columns where those are the fewer. @see Saxe, McClelland & Ganguli 2014 */
function orthogonal(rows: number, cols: number, normal: () => number): Float64Array {
  const [count, length] = [Math.min(rows, cols), Math.max(rows, cols)];
  const vectors: Float64Array[] = [];
  while (vectors.length < count) {
    const vector = Float64Array.from({ length }, normal);
    takeOut(vectors, 0, vector);
    takeOut(vectors, 0, vector); // what rounding left
    const scale = 1 / norm(vector);
    vectors.push(vector.map((value) => value * scale));
  }
  return Float64Array.from({ length: rows * cols }, (_, at) => {
    const [row, col] = [Math.floor(at / cols), at % cols];
    return rows <= cols ? vectors[row]![col]! : vectors[col]![row]!;
  });
}

/** The layer's numbers as the engine makes them of its stored bytes, without FARMS. */
export function storedLayer(
  elements: Float64Array,
  shape: readonly number[],
  dtype: StoredType,
): { result: LayerResult; verdict: JudgedAlpha; eigenvalues: Float64Array } {
  const tensor = { name: 'weight', shape: [...shape], dtype, kernelLayout: 'OI…' as const };
  const [layer] = layersOf(tensor).layers;
  const settings = { farms: { ...DEFAULT_FARMS, enabled: false } };
  const { bytes } = narrow(elements, dtype);
  const held = hold({ tensor, layer: layer!, settings }, bytes, new EigenSolver(loadKernels(), () => false));
  const solved = held.stage === 'matrices' ? held.spectra(undefined, () => undefined) : held;
  const { result, eigenvalues } = solved.finish({ precision: 'float64 wasm' });
  return { result, eigenvalues, verdict: layerVerdict(result)! };
}
