/** A worker thread of the bench: times one method alone, on the kernels and products that the engine's workers have. */
import { parentPort, workerData } from 'node:worker_threads';
import { METHODS } from '../../extension/compression/methods/registry';
import type { MethodInput } from '../../extension/compression/methods/method';
import { AskedProducts } from '../../extension/engine/worker/askedProducts';
import type { WorkerRequest, WorkerStart } from '../../extension/engine/worker/workerMessages';
import { loadKernels } from '../../extension/linalg/kernels/loadKernels';
import { hostedKernels } from '../../extension/linalg/products/hostedKernels';
import type { MethodName } from '../../extension/shared/compression/methodTable';

/** What the bench asks of it. */
export interface MethodCalls {
  /** @returns seconds */
  time(params: { method: MethodName; input: MethodInput }): number;
}

const { questions, answerState } = workerData as WorkerStart;
const hosted = hostedKernels(loadKernels(), new AskedProducts(questions, answerState, () => false));

parentPort!.on('message', (request: WorkerRequest) => {
  const { id } = request;
  if ('end' in request) {
    parentPort!.postMessage({ id, result: null });
    return;
  }
  const { method, input } = request.params as Parameters<MethodCalls['time']>[0];
  const kernels = request.hosted ? hosted : loadKernels();
  const started = performance.now();
  METHODS[method](input, { kernels, poll: () => undefined });
  parentPort!.postMessage({ id, result: (performance.now() - started) / 1000 });
});
