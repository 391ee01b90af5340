/** Entry of the engine's child process: `EngineRequests` over the IPC channel of `child_process.fork`. */
import os from 'node:os';
import type { CancellationToken } from 'vscode-jsonrpc';
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import { isAccelerator, isDeviceChoice } from '../linalg/devices/providers';
import { writePlan } from '../compression/planFile/planFiles';
import { packSummary } from '../shared/packedTensors';
import type { DocumentRequests, EngineNotifications, EngineRequests } from '../protocol';
import { notifier, type Handlers } from '../shared/rpc';
import { handle } from '../shared/rpcHandlers';
import { calibrateOnText, decoderFacts, estimateOnText, evaluateOnText } from './decoders/textRequests';
import { assignPlan } from './requests/assignPlan';
import { choiceDifference, compareChoices } from './requests/compressChoice';
import { groupOptions } from './requests/groupOptions';
import { loadPlan } from './requests/loadPlan';
import { planSource } from './requests/planSource';
import { previewLayer } from './requests/compressLayer';
import { runPlan } from './requests/runPlan';
import { calibrate, evaluate } from './requests/modelRuns';
import { saveCompressed } from './requests/saveLayers';
import type { EngineDocument } from './document/engineDocument';
import type { Notify } from './document/layerOutcomes';
import { Engine } from './engine';
import { exportNumbers, overviewText } from './exports/exportNumbers';
import { layerHeatMap } from './requests/layerHeatMap';
import { defaultMemoryLimit, defaultThreads } from './resources/limits';
import { layerGoodness } from './requests/layerGoodness';
import { layerSpectrum } from './requests/layerSpectrum';
import { layerVectors, singularVectors } from './requests/singularVectors';
import { useQuantised, withQuantised } from './requests/useQuantised';
import {
  gramConditionOf,
  gramSpectrumOf,
  layerStatistics,
  triedStatistics,
  useStatistics,
} from './requests/useStatistics';
import { readOwnNumbers } from './ownNumbers/readOwnNumbers';
import { savePicture } from './exports/savePicture';
import { stampedHandlers } from './stampedHandlers';
import { elementSlice, elementTable } from './values/elementSlice';
import { saveArray } from './values/saveArray';
import { shuffledSpectrum } from './values/shuffledSpectrum';
import { MEGABYTE } from './resources/megabytes';

/** Open files are looked at this often for changes on disk. */
const FILE_CHECK_MS = 2000;

// Threads inherit it, so it comes first: computing takes every core, and the editor is to be served before it.
os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL);

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
const notifications = notifier<EngineNotifications>(connection);

const { EIGENSCOPE_DEVICE: device = '', EIGENSCOPE_DIED_DEVICE: diedDevice = '' } = process.env;

/** A notification that cannot be sent means that the host is gone: `disconnect` below ends the process. */
const tell: Notify = (name, params) => void notifications.notify(name, params).catch(() => undefined);

const engine = new Engine({
  cacheFolder: process.env.EIGENSCOPE_CACHE_DIR,
  threads: positive(process.env.EIGENSCOPE_THREADS) ?? defaultThreads(os.availableParallelism()),
  memoryLimit: megabytes(process.env.EIGENSCOPE_MEMORY_MB) ?? defaultMemoryLimit(os.totalmem()),
  device: isDeviceChoice(device) ? device : 'auto',
  diedDevice: isAccelerator(diedDevice) ? diedDevice : undefined,
  notify: tell,
});

function positive(text: string | undefined): number | undefined {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : undefined;
}

function megabytes(text: string | undefined): number | undefined {
  const value = positive(text);
  return value === undefined ? undefined : value * MEGABYTE;
}

function signalOf(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}

/** @throws EngineError where it is not open */
const open = (document: string): EngineDocument => engine.documents.get(document);

const documentHandlers: Handlers<DocumentRequests> = {
  parts: ({ document, layer }) => open(document).partsIn(layer),
  inspect: ({ document, names, settings, depth }) => ({
    queued: engine.inspections.add(open(document), names, settings, depth),
  }),
  prioritise: ({ document, names }) => {
    engine.inspections.prioritise(open(document), names);
    return null;
  },
  cancel: ({ document, names }) => {
    engine.inspections.cancel(open(document), names);
    return null;
  },
  spectrum: ({ document, layer, settings }, token) =>
    layerSpectrum(engine, open(document), layer, settings, signalOf(token)),
  shuffled: ({ document, layer, settings }, token) =>
    shuffledSpectrum(engine, open(document), layer, settings, signalOf(token)),
  goodness: ({ document, layer, settings }, token) =>
    layerGoodness(engine, open(document), layer, settings, signalOf(token)),
  vectorMetrics: ({ document, layer, count }, token) =>
    layerVectors(engine, open(document), layer, count, signalOf(token)),
  singularVectors: ({ document, layer, count }, token) =>
    singularVectors(engine, open(document), layer, count, signalOf(token)),
  heatMap: ({ document, layer, order }, token) => layerHeatMap(engine, open(document), layer, order, signalOf(token)),
  elementTable: ({ document, layer }) => elementTable(open(document), layer),
  elements: ({ document, layer, range }, token) => elementSlice(engine, open(document), layer, range, signalOf(token)),
  saveArray: ({ document, layer, contents, target, settings }, token) =>
    saveArray(engine, open(document), { layer, contents, target }, settings, signalOf(token)),
  previewCompression: ({ document, layer, method, rank, settings }, token) =>
    previewLayer(engine, open(document), layer, method, rank, settings, signalOf(token)),
  compareChoices: async ({ document, layer, choices, statistics: path, quantised, settings }, token) => {
    const signal = signalOf(token);
    const statistics = await layerStatistics(engine.statistics, open(document), path, layer, signal);
    return withQuantised(engine, quantised, signal, (other) => {
      const options = { statistics, ...(other && { quantised: other }) };
      return compareChoices(engine, open(document), layer, choices, options, settings, signal);
    });
  },
  choiceDifference: async ({ document, layer, choice, statistics: path, quantised, settings }, token) => {
    const signal = signalOf(token);
    const statistics = await layerStatistics(engine.statistics, open(document), path, layer, signal);
    return withQuantised(engine, quantised, signal, (other) => {
      const options = { statistics, ...(other && { quantised: other }) };
      return choiceDifference(engine, open(document), layer, choice, options, settings, signal);
    });
  },
  useStatistics: ({ document, path }, token) => useStatistics(engine.statistics, open(document), path, signalOf(token)),
  useQuantised: ({ document, path }, token) => useQuantised(engine, open(document), path, signalOf(token)),
  groupOptions: ({ document }) => groupOptions(open(document)),
  assignPlan: ({ document, request, settings }, token) =>
    assignPlan(engine, open(document), request, settings, signalOf(token)),
  gramCondition: ({ document, path, layer }, token) =>
    gramConditionOf(engine, open(document), path, layer, signalOf(token)),
  tryStatistics: ({ document, ...trial }, token) => triedStatistics(engine, open(document), trial, signalOf(token)),
  gramSpectrum: async ({ document, path, layer }, token) => {
    const signal = signalOf(token);
    const statistics = await layerStatistics(engine.statistics, open(document), path, layer, signal);
    return gramSpectrumOf(engine, open(document), statistics, layer, signal);
  },
  saveCompressed: ({ document, request, settings }, token) =>
    saveCompressed(engine, open(document), request, settings, signalOf(token)),
  runPlan: ({ document, request }, token) => runPlan(engine, open(document), request, signalOf(token)),
  planLayers: ({ document, settings, compute }, token) =>
    planSource(engine, open(document), { settings, compute }, signalOf(token)),
  loadPlan: ({ document, path, statistics }, token) =>
    loadPlan(open(document), path, statistics ?? undefined, signalOf(token)),
  savePlan: async ({ document, plan, target }, token) => {
    const { files } = open(document).summary;
    const options = { protect: files, overwrite: true, signal: signalOf(token) };
    return { path: await writePlan(plan, target, options) };
  },
  ownNumbers: ({ document, path }, token) => readOwnNumbers(open(document).summary, path, signalOf(token)),
  savePicture: async ({ document, bytes, target }, token) => {
    return { path: await savePicture(target, bytes, open(document).summary.files, signalOf(token)) };
  },
  tellResults: ({ document, results, first }) => {
    engine.told.tell(open(document).handle, results, first);
    return null;
  },
  exportNumbers: ({ document, request, settings }, token) => {
    const results = engine.told.take(document, request.results);
    return exportNumbers(engine, open(document), request, results, settings, __dirname, signalOf(token));
  },
  overviewText: ({ document, request, settings }) => {
    const results = engine.told.take(document, request.results);
    return overviewText(engine, open(document), request, results, settings);
  },
  calibrate: ({ document, request }, token) => calibrate(engine, open(document), request, signalOf(token)),
  evaluate: ({ document, compressed, request }, token) =>
    evaluate(engine, open(document), compressed, request, signalOf(token)),
  decoderFacts: ({ document }, token) => decoderFacts(open(document), signalOf(token)),
  estimateOnText: ({ document, request }, token) => estimateOnText(open(document), request, signalOf(token)),
  evaluateOnText: ({ document, request }, token) => evaluateOnText(tell, open(document), request, signalOf(token)),
  calibrateOnText: ({ document, request }, token) => calibrateOnText(engine, open(document), request, signalOf(token)),
};

handle<EngineRequests>(connection, {
  ...stampedHandlers(documentHandlers, (document) => open(document).stamp),
  open: async ({ path }, token) => {
    const { stamp, summary } = await engine.documents.open(path, signalOf(token));
    return { about: stamp, answer: packSummary(summary) };
  },
  close: async ({ document }) => {
    await engine.close(document);
    return null;
  },
  peek: ({ path, layer, settings }) => engine.peeks.peek(path, layer, settings),
  device: () => engine.hardware.info(),
});
connection.listen();

// The host is gone: nobody hears the results any more.
process.on('disconnect', () => process.exit(0));

setInterval(() => {
  engine.inspections.checkFiles().catch((error: unknown) => {
    const message = `looking for changed files failed: ${error instanceof Error ? error.message : String(error)}`;
    tell('log', { level: 'warn', message });
  });
}, FILE_CHECK_MS).unref();

engine.cache.prune().catch((error: unknown) => {
  const message = `the result cache could not be cut back: ${error instanceof Error ? error.message : String(error)}`;
  tell('log', { level: 'warn', message });
});
