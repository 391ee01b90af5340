/**
 * The host's end of the conversation, in the page: answers the view's requests with made data and sends results as the
 * engine would. Tests reach it as `window.mockHost`.
 */
import { createMessageConnection } from 'vscode-jsonrpc/browser';
import { previewSvd } from '../../../extension/compression/svdPreview';
import { parseColumnLayout, type ColumnLayout } from '../../../extension/shared/columnLayout';
import type { LayerResult } from '../../../extension/shared/layers';
import { messageTransport } from '../../../extension/shared/messageTransport';
import { packSummary } from '../../../extension/shared/packedTensors';
import type { ViewNotifications, ViewRequests } from '../../../extension/protocol';
import { notifier } from '../../../extension/shared/rpc';
import { handle } from '../../../extension/shared/rpcHandlers';
import { parseTableShares, type TableShares } from '../../../extension/shared/tableShares';
import type { Problem, LayerParts, PartSummary, TensorSummary } from '../../../extension/shared/tensors';
import { elementSlice, elementTable, heatMap, layerVectors } from './mockMatrix';
import { ownNumbers } from './mockOwn';
import { gramSpectrum, layerDifference, measuredLayer, statisticsSummary } from './mockMethods';
import { textHandlers } from './mockText';
import { assignment, groupOptions, loadedAssignment, loadedPlan, planSource, quantisedSummary } from './mockPlan';
import {
  adapter,
  deep,
  llama,
  LLAMA_BLOCKS,
  longNames,
  manyTensors,
  mockSettings,
  oddities,
  resultOf,
  resultsOf,
  shuffledOf,
  spectrumOf,
  summaryOf,
} from './mockModel';

export interface MockHost {
  /** Every request the view sent, oldest first. */
  requests: { method: string; params: unknown }[];
  /** Content-security-policy violations and uncaught errors. */
  violations: string[];
  notify<K extends keyof ViewNotifications>(method: K, params: ViewNotifications[K]): Promise<void>;
  /** A layer's result, as a view has it. */
  resultOf(layer: string): LayerResult;
  /** What `setState` was given last. */
  state: unknown;
}

declare global {
  interface Window {
    mockHost: MockHost;
    acquireVsCodeApi: () => unknown;
  }
}

/** What `llamaResults()` gives, put here when the page was bundled. */
declare const LLAMA_RESULTS: readonly LayerResult[];

class TextFile extends Error {
  toProblem(): Problem {
    return { code: 'text-file', message: this.message };
  }
}

const options = new URLSearchParams(location.search);
const model = options.get('model') ?? 'llama';
const inspected = options.get('inspected') ?? 'all';

// The view's state outlives a reload. Its key is the query, which a test's page shares with no other.
const host: MockHost = {
  requests: [],
  violations: [],
  notify: (method, params) => toView.notify(method, params),
  resultOf: (layer) => resultOf(find(layer), layer),
  state: JSON.parse(sessionStorage.getItem(location.search) ?? 'null') as unknown,
};
window.mockHost = host;
document.addEventListener('securitypolicyviolation', (event) => {
  host.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
window.addEventListener('error', (event) => host.violations.push(event.message));
window.addEventListener('unhandledrejection', (event) => host.violations.push(String(event.reason)));

const tensors: TensorSummary[] =
  model === 'many'
    ? manyTensors(Number(options.get('count') ?? 100_000))
    : model === 'odd'
      ? oddities()
      : model === 'lora'
        ? adapter()
        : model === 'long'
          ? longNames()
          : model === 'deep'
            ? deep()
            : llama(LLAMA_BLOCKS);
const summary =
  model === 'odd'
    ? summaryOf('/checkpoints/training/checkpoint-00012000.pt', 'Unknown architecture', tensors)
    : summaryOf('/checkpoints/llama-58m/model.safetensors', 'LLaMA (12 blocks, hidden 512)', tensors);
if (model === 'odd') {
  summary.metadata = { epoch: '12', '<b>chat</b>': '{% if true %}\n<i>{{ name }}</i>', long: 'x'.repeat(5000) };
}
if (options.has('shard')) {
  const whole = '/checkpoints/llama-58m/model.safetensors.index.json';
  summary.shard = { number: 2, total: 3, ...(options.get('shard') === 'whole' && { whole }) };
}
if (options.has('problems')) {
  summary.problems.push(
    {
      code: 'missing-shard',
      message: 'model-00003-of-00003.safetensors is missing; put it beside the index and reload.',
      file: '/checkpoints/llama-58m/model.safetensors.index.json',
    },
    {
      code: 'unsupported',
      message: 'has the unknown type F4; it is not shown.',
      tensor: 'model.layers.3.mlp.scale',
      offset: 4096,
    },
  );
  summary.problems.length = Number(options.get('problems'));
}

/** q and k are as if each were fused with its heads; `k` has parts in parts, `v` says why it has none. */
function partsOf(layer: string): LayerParts {
  const part = (label: string, shape: [number, number], within?: string): PartSummary => ({
    ...{ name: `${layer}[${label}]`, label, shape },
    ...(within !== undefined && { within }),
  });
  if (layer.endsWith('q_proj.weight')) {
    return { parts: Array.from({ length: 8 }, (_, i) => part(`head${i}`, [64, 512])) };
  }
  if (layer.endsWith('k_proj.weight')) {
    const heads = (of: string): PartSummary[] => [0, 1].map((i) => part(`${of}.head${i}`, [64, 512], of));
    return { parts: ['q', 'k', 'v'].flatMap((of) => [part(of, [128, 512]), ...heads(of)]) };
  }
  if (layer.endsWith('v_proj.weight')) return { parts: [], reason: 'the numbers of heads are not known' };
  return { parts: [] };
}

/** A part as a tensor, and the layer that it is of. */
function findPart(name: string): { info: TensorSummary; partOf: string } | undefined {
  const partOf = name.slice(0, name.lastIndexOf('['));
  const part = partsOf(partOf).parts.find((each) => each.name === name);
  if (!part) return undefined;
  const parameters = part.shape[0] * part.shape[1];
  return { info: { ...find(partOf), name, shape: part.shape, parameters, layers: [name] }, partOf };
}

function find(layer: string): TensorSummary {
  const part = layer.endsWith(']') ? findPart(layer) : undefined;
  if (part) return part.info;
  const info = tensors.find((each) => each.name === layer || each.layers.includes(layer));
  if (!info) throw new Error(`there is no layer ${layer}`);
  return info;
}

function initialResults(): LayerResult[] {
  if (inspected === 'none' || model === 'many') return [];
  const all = model === 'llama' ? LLAMA_RESULTS : resultsOf(tensors);
  return inspected === 'all' ? [...all] : all.slice(0, Number(inspected));
}

const listeners = new Set<(message: unknown) => void>();
const { reader, writer } = messageTransport({
  post: (message) => window.postMessage(structuredClone(message)),
  listen: (receive) => {
    listeners.add(receive);
    return { dispose: () => listeners.delete(receive) };
  },
});
const connection = createMessageConnection(reader, writer);
const toView = notifier<ViewNotifications>(connection);

/** Where the arrangement of the table is kept: a test begins with none. */
const COLUMNS = `columns ${location.search}`;
const SHARES = `shares ${location.search}`;
const columns = (): ColumnLayout => parseColumnLayout(JSON.parse(sessionStorage.getItem(COLUMNS) ?? 'null'));

const shares = (): TableShares => parseTableShares(JSON.parse(sessionStorage.getItem(SHARES) ?? 'null'));

const state = (): ViewRequests['ready']['result'] => ({
  summary: packSummary(summary),
  results: initialResults(),
  settings: mockSettings,
  columns: columns(),
  shares: shares(),
  ...(options.has('own') && { own: [ownNumbers(tensors)] }),
  ...(options.has('changed') && { changed: { code: 'changed', message: 'changed on disk while it was open' } }),
});

handle<ViewRequests>(connection, {
  ready: () => {
    if (options.get('fail') === 'text') throw new TextFile('model.safetensors: is a web page, not weights');
    if (options.has('fail')) throw new Error('model.safetensors: the header is longer than the file; fetch it again');
    return state();
  },
  reload: state,
  inspect: ({ names }) => {
    const parts = (names ?? []).flatMap((name) => findPart(name) ?? []);
    const results = parts.map(({ info, partOf }) => ({ ...resultOf(info, info.name), partOf }));
    if (results.length > 0) setTimeout(() => void toView.notify('results', results), 50);
    return { queued: names?.length ?? tensors.length };
  },
  openWhole: () => null,
  ...textHandlers(options, (name, params) => toView.notify(name, params)),
  drawn: () => null,
  shows: () => null,
  // For all pages of the tests' session that ask for it, as a workspace is for all its views.
  rememberColumns: ({ layout }) => {
    sessionStorage.setItem(COLUMNS, JSON.stringify(layout));
    return null;
  },
  rememberShares: ({ shares: kept }) => {
    sessionStorage.setItem(SHARES, JSON.stringify(kept));
    return null;
  },
  prioritise: () => null,
  cancel: () => null,
  parts: ({ layer }) => partsOf(layer),
  spectrum: async ({ layer }, token) => {
    const isSlow = options.has('slow') || (options.has('slow-parts') && layer.endsWith(']'));
    if (isSlow) await new Promise((resolve) => setTimeout(resolve, 60_000));
    if (token.isCancellationRequested) throw new DOMException('cancelled', 'AbortError');
    const info = find(layer);
    if (layer === 'lm_head.weight')
      throw new Error('lm_head.weight needs 2 GB and a layer may use 1 GB; raise the limit');
    if (info.layers.length > 0 && info.name !== 'broken.weight') {
      return spectrumOf(info, layer, options.has('farms') ? Number(options.get('farms')) : undefined);
    }
    const none = new Float64Array(0);
    const histogram = { edges: Float64Array.of(0, 0.5, 1, 1.5), counts: Float64Array.of(3, 400, 109) };
    return {
      ...{ layer: resultOf(info, layer), eigenvalues: none, farmsEigenvalues: none, rankEigenvalues: none },
      ...{ rankMatrix: { rows: 0, cols: 0 }, histogram },
    };
  },
  goodness: async ({ layer }, token) => {
    for (let step = 1; step <= 4; step++) {
      await toView.notify('testing', { layer, fraction: step / 5 });
      await new Promise((resolve) => setTimeout(resolve, 150));
      if (token.isCancellationRequested) throw new DOMException('cancelled', 'AbortError');
    }
    const p = layer.includes('down_proj') ? 0.021 : 0.43;
    return { status: 'success', p, standard_error: Math.sqrt((p * (1 - p)) / 1000), replicates: 1000, seed: 7 };
  },
  shuffled: async ({ layer }, token) => {
    await new Promise((resolve) => setTimeout(resolve, options.has('slow') ? 60_000 : 50));
    if (token.isCancellationRequested) throw new DOMException('cancelled', 'AbortError');
    if (layer.includes('o_proj')) throw new Error(`${layer} was not shuffled: the matrix is too large to be held`);
    return shuffledOf(find(layer), layer);
  },
  vectorMetrics: ({ layer, count }) => {
    if (options.has('tight')) throw new Error(`the ${count} largest singular vectors of ${layer} need about 900 MB`);
    return layerVectors(find(layer), layer, count);
  },
  heatMap: ({ layer, order }) => heatMap(find(layer), layer, order),
  elementTable: ({ layer }) => elementTable(find(layer), layer),
  elements: ({ layer, range }) => {
    if (options.has('unread')) throw new Error(`${layer}: the file is shorter than its header says`);
    return elementSlice(find(layer), layer, range);
  },
  saveArray: ({ layer, contents }) => {
    if (options.has('full')) throw new Error('the disk is full; nothing was written');
    const shape = contents.kind === 'slice' ? [contents.range.rows, contents.range.cols] : find(layer).shape;
    const notes = ['BF16 is written as float32, which holds it exactly.'];
    return { path: '/checkpoints/llama-58m/saved.npy', bytes: 1234, shape, type: 'float32', notes };
  },
  previewCompression: ({ layer, rank }) => {
    const { rankEigenvalues, rankMatrix } = spectrumOf(find(layer), layer);
    const matrix = { kind: 'matrix', positions: 1, ...rankMatrix } as const;
    const preview = previewSvd({ layer, matrix, eigenvalues: rankEigenvalues, elementBytes: 2 }, rank);
    return { ...preview, file: { before: 100e6, others: 250e6 } };
  },
  saveCompressed: async ({ rank }) => {
    for (const fraction of [0.2, 0.5, 0.9]) {
      await toView.notify('saving', { fraction, message: 'Copying tensors' });
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    if (options.has('full')) throw new Error('the disk is full; nothing was written');
    return {
      ...{ path: '/checkpoints/llama-58m/compressed.safetensors', bytes: 98_412_336 },
      ...{ rank: rank.kind === 'rank' ? rank.rank : 1, relative_error: 0.2234, measured_error: 0.2235, notes: [] },
    };
  },
  compareChoices: async ({ layer, choices }, token) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (token.isCancellationRequested) throw new DOMException('cancelled', 'AbortError');
    if (choices[0]?.method === 'tensor-train') throw new Error(`${layer}: 509 has no factors; choose another method`);
    return choices.map((choice) => measuredLayer(find(layer), layer, choice));
  },
  choiceDifference: ({ layer, choice }) => layerDifference(find(layer), layer, choice),
  useStatistics: ({ path }) =>
    statisticsSummary(tensors, path, { synthetic: options.has('random'), influence: options.has('influence') }),
  gramCondition: ({ layer }) => (layer.includes('down_proj') ? 'singular' : 1234.5),
  tryStatistics: ({ layer, use }) =>
    options.has('indefinite') && use !== 'read' && layer.includes('.0.self_attn.q_proj')
      ? 'input_gram is far from positive semidefinite, so it is no Gram matrix; calibrate again'
      : null,
  gramSpectrum: ({ layer }) => gramSpectrum(find(layer)),
  useQuantised: ({ path }) => quantisedSummary(tensors, path),
  groupOptions: () => groupOptions(tensors),
  assignPlan: async ({ request }, token) => {
    await new Promise((resolve) => setTimeout(resolve, options.has('slow') ? 60_000 : 300));
    if (token.isCancellationRequested) throw new DOMException('cancelled', 'AbortError');
    return assignment(tensors, request);
  },
  planLayers: () => {
    if (options.has('noplan')) throw new Error('the engine ended before it answered; try again');
    return planSource(tensors, inspected === 'all' ? Infinity : Number(inspected), options.has('blocks'));
  },
  savePlan: () => ({ path: '/checkpoints/llama-58m/model.eigenplan.json' }),
  loadPlan: ({ path }) => {
    if (options.has('foreign')) throw new Error('the plan is for another model: it was made for other.safetensors');
    const plan = options.get('loaded') === 'ilp' ? loadedAssignment(tensors) : loadedPlan(tensors);
    return { plan, path: path ?? '/checkpoints/llama-58m/model.eigenplan.json' };
  },
  saveModel: async () => {
    const target = '/checkpoints/llama-58m/model-huggingface';
    for (const fraction of [0.1, 0.4]) {
      const message = `model.layers.${10 * fraction}.mlp.up_proj.weight`;
      await toView.notify('modelSaving', { state: 'running', target, fraction, message, secondsLeft: 95 });
    }
    return null;
  },
  cancelSaving: async () => {
    const target = '/checkpoints/llama-58m/model-huggingface';
    await toView.notify('modelSaving', { state: 'stopped', target, problem: null });
    return null;
  },
  resumeSaving: () => null,
  inspectSaved: () => null,
  evaluateSaved: async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (options.has('noinputs')) throw new Error('x.npz: has no array "input_ids" (it has z)');
    return null;
  },
  openSettings: () => null,
  openAsText: () => null,
  exportNumbers: () => {
    if (options.has('full')) throw new Error('the disk is full; nothing was written');
    return null;
  },
  copyOverview: () => null,
  savePicture: () => null,
  addColumns: async () => {
    if (options.has('noown')) throw new Error('losses.csv: names no tensor of this checkpoint');
    const own = ownNumbers(tensors);
    await toView.notify('ownNumbers', [own]);
    return { columns: own.columns.map(({ name }) => name) };
  },
  removeColumns: async () => {
    await toView.notify('ownNumbers', []);
    return null;
  },
});

// What the view posts reaches the host in a later turn, as a copy, as between two processes.
window.acquireVsCodeApi = () => ({
  postMessage: (message: { method?: string; params?: unknown }) => {
    const copy = structuredClone(message);
    if (copy.method !== undefined) host.requests.push({ method: copy.method, params: copy.params });
    setTimeout(() => listeners.forEach((listener) => listener(copy)));
  },
  getState: () => host.state,
  setState: (value: unknown) => {
    host.state = value;
    sessionStorage.setItem(location.search, JSON.stringify(value));
  },
});
connection.listen();
