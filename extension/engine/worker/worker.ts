/** Entry of a worker thread: answers `WorkerCalls`, and the calls of the layer that it has. */
import { parentPort, workerData } from 'node:worker_threads';
import { gramSpectrum } from '../../compression/decomposition/gramSpectrum';
import { orientedMatrix } from '../../compression/layerElements';
import { compressPair } from '../../compression/pairCompression';
import { pollFor } from '../../linalg/eigen/symmetricEigenvalues';
import { topEigenvectors } from '../../linalg/eigen/symmetricEigenvectors';
import type { Kernels } from '../../linalg/kernels/kernels';
import { loadKernels } from '../../linalg/kernels/loadKernels';
import { hostedKernels } from '../../linalg/products/hostedKernels';
import { addToPlanes } from '../../spectral/heatMap';
import { elementHistogram } from '../../spectral/metrics/statistics';
import { goodnessOfFit } from '../../spectral/tail/goodnessOfFit';
import { AskedProducts } from './askedProducts';
import { compressTask } from './compressTask';
import { differenceTask } from './differenceTask';
import { EigenSolver } from './eigenSolver';
import { groupTask } from './groupTask';
import { tryStatistics } from './tryStatistics';
import { widenElements } from './widenElements';
import { hold } from './heldStages';
import { multiply } from './multiply';
import { look } from './quickStage';
import { Stage } from './stage';
import { count, stream } from './streamedStages';
import type { Progress, WorkerCalls } from './workerCalls';
import type { WorkerReply, WorkerRequest, WorkerStart } from './workerMessages';

/** Progress messages closer together than this only cost time. */
const PROGRESS_MS = 50;

/** Seed of the bootstrap that tests a fit; shown with the result. */
const GOODNESS_SEED = 20091106;

const port = parentPort;
if (!port) throw new Error('worker.js runs in a worker thread');
const { cancelFlag, questions, answerState } = workerData as WorkerStart;

const kernels = loadKernels();
const cancelled = (): boolean => Atomics.load(cancelFlag, 0) !== 0;
const solver = new EigenSolver(kernels, cancelled);
const asked = new AskedProducts(questions, answerState, cancelled);
const hosted = hostedKernels(kernels, asked);
/** What the running call multiplies with. */
let inUse: Kernels = kernels;

const calls: WorkerCalls = {
  hold: ({ task, bytes }) => hold(task, bytes, solver),
  stream: ({ task }) => stream(task, solver),
  count: ({ task }) => count(task, solver),
  multiply: (params, onProgress) => multiply(params, solver, onProgress),
  look: ({ task }) => look(task, solver),
  windowEigenvalues: (params) =>
    'bandMatrix' in params ? solver.ofBandMatrix(params.bandMatrix) : solver.ofGram(params.matrix, params.n),
  squares: ({ bytes, dtype }) => widenElements(bytes, dtype).reduce((sum, value) => sum + value * value, 0),
  goodness: ({ eigenvalues, dimension, rounding }, onProgress) =>
    goodnessOfFit(eigenvalues, dimension, { rounding, seed: GOODNESS_SEED, cancelled, onProgress }),
  compress: ({ input, method, rank, output }, onProgress) =>
    compressPair(input, method, rank, output, { kernels: inUse, cancelled, onProgress }),
  compressChoice: (task, onProgress) => compressTask(task, { kernels: inUse, cancelled, onProgress }),
  choiceDifference: (task, onProgress) => differenceTask(task, new EigenSolver(inUse, cancelled), onProgress),
  reduceGroup: (task, onProgress) => groupTask(task, { kernels: inUse, cancelled, onProgress }),
  tryStatistics: (trial) => tryStatistics(trial, { kernels: inUse, poll: pollFor({ cancelled }, 0, 1) }),
  gramSpectrum: ({ matrix, inputsFirst, statistics }, onProgress) => {
    const tools = { kernels: inUse, poll: pollFor({ cancelled, onProgress }, 0, 1) };
    const layer = { layer: matrix.layer, ...orientedMatrix(matrix, inputsFirst, () => tools.poll(0)) };
    return gramSpectrum(layer, statistics, tools);
  },
  widen: ({ bytes, dtype }) => widenElements(bytes, dtype),
  eigenvectors: ({ matrix, n, k }, onProgress) => topEigenvectors(matrix, n, k, { kernels, cancelled, onProgress }),
  heatMap: ({ bytes, dtype, planes, rowCells, colCells, width }) => {
    addToPlanes(planes, widenElements(bytes, dtype), rowCells, colCells, width);
    return planes;
  },
  histogram: ({ bytes, dtype, edges }) => {
    const counts = new Float64Array(edges.length - 1);
    return elementHistogram(widenElements(bytes, dtype), { edges, counts }).counts;
  },
};

/** The stage that the layer is in, and how many there were in this thread. */
let stage: Stage | undefined;
let stages = 0;

/** @throws Error where the call's stage is over */
function answerer(number: number, call: string): object {
  if (number === 0) return calls;
  if (number !== stages || !stage) throw new Error(`"${call}" was called at a stage of the layer that is over`);
  return stage;
}

function post(reply: WorkerReply, transfer: ArrayBuffer[] = []): void {
  port!.postMessage(reply, transfer);
}

/** Buffers that a result hands over instead of copying. */
function transferable(result: unknown): ArrayBuffer[] {
  const isArray = result instanceof Float64Array || result instanceof Float32Array;
  return isArray && result.buffer instanceof ArrayBuffer ? [result.buffer] : [];
}

port.on('message', (request: WorkerRequest) => {
  const { id } = request;
  if ('end' in request) {
    stage = undefined;
    asked.forget();
    post({ id, result: null });
    return;
  }
  let reported = 0;
  const onProgress: Progress = (fraction) => {
    const now = performance.now();
    if (now - reported < PROGRESS_MS) return;
    reported = now;
    post({ id, progress: fraction });
  };
  try {
    const { stage: number, call, params } = request;
    inUse = request.hosted ? hosted : kernels;
    const target = answerer(number, call) as Record<string, (params: unknown, onProgress: Progress) => unknown>;
    const result = target[call]!(params, onProgress);
    if (!(result instanceof Stage)) {
      post({ id, result }, transferable(result));
      return;
    }
    stage = result;
    stages += 1;
    post({ id, stage: { number: stages, name: result.stage } });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const code = (error as { code?: unknown }).code;
    post({ id, error: { name, message, ...(typeof code === 'string' && { code }) } });
  }
});
