/** Compresses a layer in a worker, from its stored bytes to the parts that are stored. */
import { compressMatrix, type StoredLayer } from '../../compression/compressMatrix';
import { compressToProduct } from '../../compression/compressToProduct';
import { orientedMatrix } from '../../compression/layerElements';
import type { Kernels } from '../../linalg/kernels/kernels';
import { pollFor, type EigenOptions } from '../../linalg/eigen/symmetricEigenvalues';
import type { CompressTask } from './workerCalls';

/** Rough share of the time that widening takes. */
const WIDENING_SHARE = 0.02;

/** @throws as `compressMatrix`, and CompressionError `not-finite` */
export function compressTask(task: CompressTask, options: EigenOptions & { kernels: Kernels }): StoredLayer {
  const { matrix, inputsFirst, known, quantised, mask, choice, statistics, dtype, form } = task;
  const widening = pollFor(options, 0, WIDENING_SHARE);
  const input = {
    ...known,
    layer: matrix.layer,
    ...orientedMatrix(matrix, inputsFirst, widening),
    ...(mask && {
      mask: Uint8Array.from(orientedMatrix(mask, inputsFirst, widening).w, (value) => (value === 0 ? 0 : 1)),
    }),
    ...(quantised && { quantised: orientedMatrix(quantised, inputsFirst, widening).w }),
  };
  const tools = { kernels: options.kernels, poll: pollFor(options, WIDENING_SHARE, 1) };
  return form === 'product'
    ? compressToProduct(input, inputsFirst, choice, statistics, dtype, tools)
    : compressMatrix(input, choice, statistics, dtype, tools, form);
}
