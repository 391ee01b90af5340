/**
 * An engine for tests of the host: speaks the real protocol, computes nothing. Tensors are what the path lists, as in
 * `/made/a,b,poison`; inspecting `poison` ends the process while it is active, `slow` never finishes, opening `webgpu`
 * uses that device unless it is said to have died. `stack` has two layers; every layer has one part, which is poison. A
 * path that ends with `elsewhere` is answered about another checkpoint, as is the layer `foreign` of any; what is asked
 * of `late` takes its time. What begins with `long` is looked at quickly first. Its environment says which version the files are.
 */
import path from 'node:path';
import type { CancellationToken } from 'vscode-jsonrpc';
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import { ToldResults } from '../../../extension/engine/exports/toldResults';
import { stampedHandlers } from '../../../extension/engine/stampedHandlers';
import type { DeviceInfo } from '../../../extension/shared/devices';
import type { InspectDepth, QuickLook } from '../../../extension/shared/estimates';
import type { LayerResult } from '../../../extension/shared/layers';
import { packSummary } from '../../../extension/shared/packedTensors';
import type { DocumentRequests, DocumentStamp, EngineNotifications, EngineRequests } from '../../../extension/protocol';
import { notifier, type Handlers } from '../../../extension/shared/rpc';
import { handle } from '../../../extension/shared/rpcHandlers';
import type { CheckpointSummary, TensorSummary } from '../../../extension/shared/tensors';

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
const notify = notifier<EngineNotifications>(connection);
const { EIGENSCOPE_DIED_DEVICE: DIED, FAKE_FILES_VERSION: VERSION = '1' } = process.env;
let opened = 0;
const open = new Map<string, { stamp: DocumentStamp; tensors: TensorSummary[] }>();

function tensor(name: string): TensorSummary {
  const layers = name === 'stack' ? ['stack[0]', 'stack[1]'] : [name];
  return { name, group: '', shape: [2, 2], dtype: 'F32', parameters: 4, bytes: 16, layers };
}

function summary(file: string): CheckpointSummary {
  const tensors = path.basename(file).split(',').map(tensor);
  const document = `d${++opened} of ${process.pid}`;
  open.set(document, { stamp: { document, path: file, version: VERSION }, tensors });
  return {
    ...{ document, path: file, format: 'made', files: [file], version: VERSION, weightFiles: 1 },
    ...{ parameters: 4, bytes: 16 },
    ...{ architecture: '', dtypes: [], metadata: {}, tensors, problems: [] },
  };
}

function result(name: string): LayerResult {
  return {
    ...{ name, tensor: name, shape: [2, 2], dtype: 'F32', matrices: 1, metrics: { alpha: process.pid }, fits: {} },
    ...{ farms: null, ranks: {}, statistics: null, problems: [] },
  };
}

function look(layer: string): QuickLook {
  return {
    ...{ layer, tensor: layer, estimates: {}, singularValues: [], farms: null, seed: 1, vectors: 8, steps: 12 },
    statistics: { count: 4, min: 0, max: 1, mean: 0, std: 1, l2: 1, zeros: 0, nan: 0, inf: 0 },
    elapsed: 1,
  };
}

function stampOf(document: string): DocumentStamp {
  const known = open.get(document);
  if (!known) throw new Error(`${document} is not open`);
  return known.stamp;
}

async function work(document: string, names: string[], depth: InspectDepth = 'exact'): Promise<void> {
  const stamp = stampOf(document);
  for (const [index, name] of names.entries()) {
    await notify.notify('queue', { ...stamp, done: index, total: names.length, active: [name] });
    const isPoison = name.includes('poison');
    if (isPoison) setTimeout(() => process.kill(process.pid, 'SIGKILL'), 20);
    if (isPoison || name === 'slow') return;
    if (name.startsWith('long')) await notify.notify('quick', { ...stamp, look: look(name) });
    if (name.startsWith('long') && depth === 'quick') continue;
    await notify.notify('result', {
      ...(name === 'foreign' ? { ...stamp, path: '/made/other' } : stamp),
      result: result(name),
    });
  }
  await notify.notify('queue', { ...stamp, done: names.length, total: names.length, active: [] });
}

function device(provider: string): DeviceInfo {
  return {
    ...{ requested: 'auto', provider, precision: 'float64', trying: false, available: ['webgpu', 'cpu'], timings: [] },
    refused: DIED === 'webgpu' ? [{ provider: DIED, reason: 'died' }] : [],
    threads: Number(process.env.EIGENSCOPE_THREADS ?? 0),
  };
}

/** A request that was cancelled before it was taken up has a token that tells nobody. */
async function cancelled(token: CancellationToken): Promise<void> {
  if (token.isCancellationRequested) return;
  await new Promise((resolve) => token.onCancellationRequested(resolve));
}

function unused(): never {
  throw new Error('the fake engine does not do that');
}

const told = new ToldResults();

const documentHandlers: Handlers<DocumentRequests> = {
  inspect: ({ document, names, depth }) => {
    const wanted = names ?? (open.get(document)?.tensors ?? []).map(({ name }) => name);
    void work(document, wanted, depth);
    return { queued: wanted.length };
  },
  prioritise: async ({ names }) => {
    await notify.notify('log', { level: 'info', message: `first ${names.join(',')}` });
    return null;
  },
  cancel: () => null,
  parts: ({ layer }) => {
    const name = layer.endsWith(']') ? layer.replace(/\]$/, '.poison]') : `${layer}[poison]`;
    return { parts: [{ name, label: 'poison', shape: [1, 2] }] };
  },
  // Never answers: what waits for it must hear of the engine's death.
  spectrum: () => new Promise(() => undefined),
  goodness: () => ({ status: 'failed', p: null, standard_error: null, replicates: null, seed: 1 }),
  vectorMetrics: unused,
  singularVectors: unused,
  heatMap: unused,
  shuffled: unused,
  elementTable: unused,
  elements: unused,
  saveArray: unused,
  previewCompression: unused,
  compareChoices: unused,
  calibrate: unused,
  evaluate: unused,
  decoderFacts: unused,
  estimateOnText: unused,
  calibrateOnText: async ({ document, request }) => {
    const { target, tokens } = request;
    await notify.notify('running', { ...stampOf(document), fraction: 0.5, message: 'block 1' });
    if (tokens.path.endsWith('short')) throw new Error(`${tokens.path}: has 3 tokens`);
    const none = { layers: [], influence: {}, unreached: [], diagonal: [], singular: [] };
    return { path: target, bytes: 1, windows: tokens.windows, length: 2, inputs: tokens.path, ...none };
  },
  evaluateOnText: async ({ document, request }, token) => {
    const about = stampOf(document);
    const { path: text } = request.tokens;
    await notify.notify('running', { ...about, fraction: 0.25, message: 'block 1', secondsLeft: 3 });
    if (text.endsWith('fatal')) process.exit(9);
    if (text.endsWith('short')) throw new Error(`${text}: has 3 tokens`);
    if (text.endsWith('slow')) await cancelled(token);
    if (token.isCancellationRequested) throw new DOMException('cancelled', 'AbortError');
    return { windows: 1, length: 2, tokens: 1, bootstrap: { seed: 1, resamples: 1 }, models: [] };
  },
  choiceDifference: unused,
  planLayers: unused,
  loadPlan: unused,
  useStatistics: unused,
  gramCondition: unused,
  tryStatistics: unused,
  gramSpectrum: unused,
  useQuantised: unused,
  groupOptions: unused,
  assignPlan: unused,
  savePlan: unused,
  savePicture: unused,
  ownNumbers: ({ path: file }) => {
    if (file.endsWith('gone')) throw new Error(`${file} does not exist`);
    const nothing = { unmatched: { names: [], count: 0 }, problems: { messages: [], count: 0 } };
    return { path: file, layers: ['a'], columns: [{ name: path.basename(file), values: [1] }], rows: 1, ...nothing };
  },
  tellResults: async ({ document, results, first }) => {
    told.tell(document, results, first);
    await notify.notify('log', { level: 'info', message: `told ${results.length}` });
    return null;
  },
  exportNumbers: async ({ document, request }, token) => {
    const results = told.take(document, request.results);
    if (request.target.endsWith('fatal')) process.exit(9);
    if (request.target.endsWith('slow')) await cancelled(token);
    if (token.isCancellationRequested) throw new DOMException('cancelled', 'AbortError');
    return { path: request.target, bytes: results.size, notes: [...request.layers] };
  },
  overviewText: ({ document, request }) => `${told.take(document, request.results).size} results`,
  runPlan: async ({ document, request }, token) => {
    const about = stampOf(document);
    await notify.notify('saving', { ...about, fraction: 0.25, message: 'a', secondsLeft: 3 });
    if (request.target.endsWith('fatal')) process.exit(9);
    if (request.target.endsWith('full') && request.existing !== 'resume') throw new Error('the disk is full');
    if (request.target.endsWith('slow')) await cancelled(token);
    if (token.isCancellationRequested) throw new DOMException('cancelled', 'AbortError');
    const notes = [request.existing ?? 'new'];
    return {
      path: request.target,
      files: ['model.safetensors'],
      bytes: { before: 2, after: 1, tensors: 1 },
      layers: [],
      notes,
    };
  },
  saveCompressed: ({ request }) => ({
    ...{ path: request.target, bytes: 0, rank: 1, relative_error: 0, measured_error: 0, notes: [] },
  }),
};
const stamped = stampedHandlers(documentHandlers, stampOf);

handle<EngineRequests>(connection, {
  ...stamped,
  goodness: async (params, token) => {
    const reply = await stamped.goodness(params, token);
    if (params.layer === 'late') await new Promise((resolve) => setTimeout(resolve, 200));
    return params.layer === 'foreign' ? { ...reply, about: { ...reply.about, version: 'another' } } : reply;
  },
  open: ({ path: file }) => {
    if (file.endsWith('missing')) throw new Error(`${file} does not exist`);
    if (file.endsWith('fatal')) process.exit(9);
    if (file.endsWith('webgpu')) void notify.notify('device', device(DIED === 'webgpu' ? 'cpu' : 'webgpu'));
    const made = summary(file);
    const about = stampOf(made.document);
    return {
      about: file.endsWith('elsewhere') ? { ...about, path: '/made/other' } : about,
      answer: packSummary(made),
    };
  },
  close: async ({ document }) => {
    await notify.notify('log', { level: 'info', message: `closed ${document}` });
    return null;
  },
  peek: () => null,
  device: () => device(process.env.EIGENSCOPE_CACHE_DIR ?? ''),
});
connection.listen();
process.on('disconnect', () => process.exit(0));
