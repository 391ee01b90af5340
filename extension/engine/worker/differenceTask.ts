/** Compresses a layer in a worker and looks at what is lost: for the layer's view, nothing is saved. */
import { compressMatrix } from '../../compression/compressMatrix';
import { differenceMap, worstLines } from '../../compression/decomposition/differenceOf';
import { orientedMatrix } from '../../compression/layerElements';
import { partOperations } from '../../compression/parts/registry';
import { pollFor } from '../../linalg/eigen/symmetricEigenvalues';
import { layerMethod } from '../../shared/compression/methodTable';
import type { LayerDifference } from '../../shared/compression/layerDifference';
import type { EigenSolver } from './eigenSolver';
import type { CompressTask, Progress } from './workerCalls';

/** Rough shares of the time: compressing, adding up the parts, then the spectrum of what is stored. */
const COMPRESSED = 0.6;
const ADDED = 0.7;

/** @throws as `compressTask` */
export function differenceTask(task: CompressTask, solver: EigenSolver, onProgress: Progress): LayerDifference {
  const { matrix, inputsFirst, known, quantised, choice, statistics, dtype } = task;
  const { kernels, cancelled } = solver;
  const poll = (from: number, to: number) => pollFor({ cancelled, onProgress }, from, to);
  const { layer } = matrix;
  const size = orientedMatrix(matrix, inputsFirst, poll(0, 0.02));
  const input = {
    ...{ ...known, layer, ...size },
    ...(quantised && { quantised: orientedMatrix(quantised, inputsFirst, poll(0.02, 0.03)).w }),
  };
  const stored = compressMatrix(input, choice, statistics, dtype, { kernels, poll: poll(0.03, COMPRESSED) });
  const { w, outputs, inputs } = size;
  // An adapter lies over a base: the one that is saved with it, or what a quantised checkpoint holds.
  const base = stored.base?.values ?? (layerMethod(choice.method).needs.includes('quantised') ? input.quantised : null);
  const approximation = base?.slice() ?? new Float64Array(w.length);
  for (const { part } of stored.parts) {
    partOperations(part.kind).addTo(approximation, part, size, kernels, poll(COMPRESSED, ADDED));
  }
  const difference = w.map((value, i) => value - approximation[i]!);
  const spectrumOf = (x: Float64Array): Float64Array => solver.ofMatrix(x, outputs, inputs);
  return {
    measured: stored.measured,
    map: differenceMap(layer, difference, outputs, inputs),
    ...worstLines(w, difference, outputs, inputs),
    before: known.eigenvalues?.slice().sort() ?? spectrumOf(w),
    after: spectrumOf(approximation),
  };
}
