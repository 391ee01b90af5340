/** Entry of a worker thread: answers `WorkerCalls` for one layer at a time. */
import { parentPort, workerData } from 'node:worker_threads';
import { compressTensor } from '../../compression/compressTensor';
import { bandEigenvalues } from '../../linalg/eigen/bandEigenvalues';
import { withoutNegatives } from '../../linalg/gram/gram';
import { symmetricEigenvalues } from '../../linalg/eigen/symmetricEigenvalues';
import { topEigenvectors } from '../../linalg/eigen/symmetricEigenvectors';
import { loadKernels } from '../../linalg/kernels/loadKernels';
import { goodnessOfFit } from '../../spectral/tail/goodnessOfFit';
import { addToPlanes } from '../../spectral/heatMap';
import { elementHistogram } from '../../spectral/metrics/statistics';
import { widenElements } from './widenElements';
import { LayerSession } from './layerSession';
import type { WorkerCalls, WorkerReply, WorkerRequest } from './workerMessages';

/** Progress messages closer together than this only cost time. */
const PROGRESS_MS = 50;

/** Of the bootstrap that tests a fit; shown with the result. */
const GOODNESS_SEED = 20091106;

const port = parentPort;
if (!port) throw new Error('worker.js runs in a worker thread');
const { cancelFlag } = workerData as { cancelFlag: Int32Array };

const kernels = loadKernels();
let session: LayerSession | undefined;

type Handlers = {
  [K in keyof WorkerCalls]: (
    params: WorkerCalls[K]['params'],
    onProgress: (fraction: number) => void,
  ) => WorkerCalls[K]['result'];
};

const cancelled = (): boolean => Atomics.load(cancelFlag, 0) !== 0;

function current(): LayerSession {
  if (!session) throw new Error('no layer was begun');
  return session;
}

const handlers: Handlers = {
  begin: ({ task, bytes }) => {
    session = new LayerSession(task, kernels, cancelled, bytes);
    return null;
  },
  nextRows: ({ bytes, keep, again, into }) => current().addRows(bytes, keep, again, into),
  statistics: () => current().hasSpectrum(),
  zeroSpectra: () => current().zeroSpectra(),
  columns: ({ matrix, start, end, into }) => current().columns(matrix, start, end, into),
  spectra: (_, onProgress) => {
    current().spectra(onProgress);
    return null;
  },
  eigenvalues: ({ bandMatrix }, onProgress) => {
    current().addBandMatrix(bandMatrix, onProgress);
    return null;
  },
  resolveSmall: () => {
    current().resolveSmall();
    return null;
  },
  shuffle: () => {
    current().shuffle();
    return null;
  },
  accept: ({ errorBound }) => current().accept(errorBound),
  windowEigenvalues: (params) => {
    const options = { kernels, cancelled };
    return 'bandMatrix' in params
      ? withoutNegatives(bandEigenvalues(params.bandMatrix, options))
      : withoutNegatives(symmetricEigenvalues(params.matrix, params.n, options));
  },
  product: ({ left, right, rank, scale }, onProgress) => {
    current().product(left, right, rank, scale, onProgress);
    return null;
  },
  squares: ({ bytes, dtype }) => widenElements(bytes, dtype).reduce((sum, value) => sum + value * value, 0),
  farms: (_, onProgress) => {
    current().convFarms(onProgress);
    return null;
  },
  wholeFarms: ({ window }) => {
    current().wholeFarms(window);
    return null;
  },
  part: ({ part, turned, bytes, into }) => current().part(part, turned, bytes, into),
  windowSpectrum: ({ window, bytes }) => current().windowSpectrum(window, bytes),
  farmsEstimate: ({ spectra, total, window }) => current().farmsEstimate(spectra, total, window),
  finishFarms: ({ spectra, interval, total, window }) => {
    current().finishFarms(spectra, interval, total, window);
    return null;
  },
  finish: (precision) => current().outcome(precision),
  end: () => {
    session = undefined;
    return null;
  },
  goodness: ({ eigenvalues, dimension, rounding }, onProgress) =>
    goodnessOfFit(eigenvalues, dimension, { rounding, seed: GOODNESS_SEED, cancelled, onProgress }),
  compress: ({ input, method, rank, output }, onProgress) =>
    compressTensor(input, method, rank, output, { kernels, cancelled, onProgress }),
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

function post(reply: WorkerReply, transfer: ArrayBuffer[] = []): void {
  port!.postMessage(reply, transfer);
}

/** Buffers that a result hands over instead of copying. */
function transferable(result: unknown): ArrayBuffer[] {
  return result instanceof Float64Array && result.buffer instanceof ArrayBuffer ? [result.buffer] : [];
}

port.on('message', ({ id, call, params }: WorkerRequest) => {
  let reported = 0;
  const onProgress = (fraction: number): void => {
    const now = performance.now();
    if (now - reported < PROGRESS_MS) return;
    reported = now;
    post({ id, progress: fraction });
  };
  try {
    const handler = handlers[call] as (params: unknown, onProgress: (fraction: number) => void) => unknown;
    const result = handler(params, onProgress);
    post({ id, result }, transferable(result));
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const code = (error as { code?: unknown }).code;
    post({ id, error: { name, message, ...(typeof code === 'string' && { code }) } });
  }
});
