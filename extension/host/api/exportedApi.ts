/** What `activate` hands to other extensions: `eigenscope.d.ts`, and nothing else of ours. */
import * as vscode from 'vscode';
import { metricTable } from '../../shared/metricTable';
import type {
  Checkpoint,
  EigenscopeApi,
  EigenscopeExports,
  LayerComparison,
  LayerReference,
  NumbersChange,
  NumbersOptions,
} from './eigenscope';
import { comparedMetrics, spectralDistance } from './layerComparison';
import { publicLayers, publicNumbers, publicSummary } from './layerNumbers';
import type { SharedCheckpoint } from './sharedCheckpoint';
import type { SharedCheckpoints } from './sharedCheckpoints';
import { EigenscopeError } from './eigenscopeError';
import { told } from './toldErrors';

const VERSION = 1;

interface Surroundings {
  checkpoints: SharedCheckpoints;
  /** Opens a tab. */
  show: (uri: vscode.Uri, layer: string | undefined) => Promise<void>;
  onDidChangeNumbers: vscode.Event<NumbersChange>;
}

export function exportedApi(surroundings: Surroundings): EigenscopeExports {
  let api: EigenscopeApi | undefined;
  return {
    getApi: (version: unknown) => {
      // Callers in JavaScript may ask for any.
      if (version !== VERSION) {
        const message = `Eigenscope has version ${VERSION} of its API, and was asked for version ${String(version)}. Update Eigenscope, or the extension that asks.`;
        throw new EigenscopeError('no-such-version', message);
      }
      return (api ??= Object.freeze(makeApi(surroundings)));
    },
  };
}

function makeApi({ checkpoints, show, onDidChangeNumbers }: Surroundings): EigenscopeApi {
  return {
    version: VERSION,
    metrics: metricTable.map(({ key, label, description, source }) => ({ key, label, description, source })),
    onDidChangeNumbers,
    openCheckpoint: (uri) => told(() => opened(checkpoints, uriOf(uri))),
    showCheckpoint: (uri, layer) => told(() => show(uriOf(uri), layer === undefined ? undefined : nameOf(layer))),
    compareLayers: (a, b, options) => told(() => compared(checkpoints, a, b, options), options?.token),
  };
}

async function opened(checkpoints: SharedCheckpoints, uri: vscode.Uri): Promise<Checkpoint> {
  const { checkpoint, release } = await checkpoints.lease(uri);
  const closing = new vscode.CancellationTokenSource();
  const isClosed = (): boolean => closing.token.isCancellationRequested;
  /** Runs while the handle is open, and ends with it. */
  const ask = <T>(
    work: (token: vscode.CancellationToken) => Promise<T>,
    token?: vscode.CancellationToken,
  ): Promise<T> =>
    told(async () => {
      if (isClosed()) throw closedError(checkpoint.path);
      const source = new vscode.CancellationTokenSource();
      const links = [closing.token, token].map((each) => each?.onCancellationRequested(() => source.cancel()));
      if (token?.isCancellationRequested) source.cancel();
      try {
        return await work(source.token);
      } catch (error) {
        if (isClosed()) throw closedError(checkpoint.path);
        throw error;
      } finally {
        for (const link of links) link?.dispose();
        source.dispose();
      }
    }, token);
  return {
    uri: vscode.Uri.file(checkpoint.path),
    summary: () => ask(async () => publicSummary(await checkpoint.summary())),
    layers: () => ask(async () => (await checkpoint.summary()).tensors.flatMap(publicLayers)),
    numbers: (layer, options) =>
      ask((token) => numbersOf(checkpoint, nameOf(layer), { ...options, token }), options?.token),
    compute: (layers, options) =>
      ask(async (token) => {
        const names = layers ? layers.map(nameOf) : await checkpoint.layerNames();
        const onProgress = (done: number): void => options?.onProgress?.(done, names.length);
        const results = await checkpoint.compute(names, { token, onProgress });
        return Promise.all(results.map(async (each) => publicNumbers(each, await checkpoint.tensorOf(each.name))));
      }, options?.token),
    reload: () => ask(() => checkpoint.reload(`${checkpoint.path} was opened anew.`)),
    dispose: () => {
      closing.cancel();
      release();
    },
  };
}

async function numbersOf(
  checkpoint: SharedCheckpoint,
  layer: string,
  { compute = false, token }: NumbersOptions,
): Promise<ReturnType<typeof publicNumbers> | undefined> {
  const tensor = await checkpoint.tensorOf(layer);
  const [result] = compute ? await checkpoint.compute([layer], { token }) : [await checkpoint.known(layer)];
  return result && publicNumbers(result, tensor);
}

/** Closes both again, however it ends. */
async function compared(
  checkpoints: SharedCheckpoints,
  a: LayerReference,
  b: LayerReference,
  options: NumbersOptions = {},
): Promise<LayerComparison | undefined> {
  const first = await checkpoints.lease(uriOf(a.uri));
  try {
    const second = await checkpoints.lease(uriOf(b.uri));
    try {
      return await comparison([first.checkpoint, nameOf(a.layer)], [second.checkpoint, nameOf(b.layer)], options);
    } finally {
      second.release();
    }
  } finally {
    first.release();
  }
}

type Named = readonly [checkpoint: SharedCheckpoint, layer: string];

async function comparison(a: Named, b: Named, options: NumbersOptions): Promise<LayerComparison | undefined> {
  const [left, right] = [await numbersOf(...a, options), await numbersOf(...b, options)];
  if (!left || !right) return undefined;
  const found = { a: left, b: right, metrics: comparedMetrics(left, right) };
  const isOneShape = left.shape.length === right.shape.length && left.shape.every((n, i) => n === right.shape[i]);
  if (options.compute !== true || !isOneShape) return found;
  const [one, other] = [await a[0].spectrum(a[1], options.token), await b[0].spectrum(b[1], options.token)];
  const spectra = [one.rankEigenvalues, other.rankEigenvalues] as const;
  if (spectra[0].length === 0 || spectra[0].length !== spectra[1].length) return found;
  return { ...found, spectralDistance: spectralDistance(...spectra) };
}

function closedError(path: string): EigenscopeError {
  return new EigenscopeError('closed', `${path} was closed by the extension that opened it.`);
}

function uriOf(given: unknown): vscode.Uri {
  if (given instanceof vscode.Uri) return given;
  throw new EigenscopeError('invalid', 'A checkpoint is named by a vscode.Uri.');
}

function nameOf(given: unknown): string {
  if (typeof given === 'string') return given;
  throw new EigenscopeError('invalid', 'A layer is named by a text.');
}
