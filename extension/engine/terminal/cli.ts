/** The terminal: `eigenscope inspect | tensors | compress | vectors`, the same engine in its own process. */
import path from 'node:path';
import { version } from '../../../package.json';
import { CompressionError } from '../../compression/compressionError';
import { assertSavable } from '../../compression/safetensorsWriter';
import { methodAtRank, suggestedName } from '../../shared/names/suggestedName';
import { isErrno } from '../../checkpoint/files/fileReader';
import type { LayerResult } from '../../shared/layers';
import { problemOf } from '../../shared/rpc';
import type { LayerParts, TensorSummary } from '../../shared/tensors';
import { DEFAULT_FARMS, parseCommand, USAGE, UsageError, type Command } from './cliArguments';
import { previewLayer } from '../requests/compressLayer';
import { parsePlanArguments, PLAN_USAGE, type PlanCommand } from './planArguments';
import { planModel } from './planCommand';
import { parseReportArguments, REPORT_ENDING, REPORT_USAGE, type ReportCommand } from './reportArguments';
import { saveReport } from '../exports/saveReport';
import { abortable } from '../resources/abortable';
import { isRun, parseRunArguments, RUN_USAGE, type RunCommand } from './runArguments';
import { runModel, runReport, secondsText } from './runCommand';
import { PARTIAL_ENDING } from '../../compression/run/runTarget';
import { PLAN_ENDING } from '../../shared/compression/plans';
import { LayerNotes } from './layerNotes';
import type { Engine } from '../engine';
import type { EngineDocument } from '../document/engineDocument';
import type { ComputingParts } from '../requests/requestParts';
import { inspectCsv, inspectJson, inspectReport } from '../../shared/inspectReport';
import { inspectMarkdown } from '../../shared/exports/inspectMarkdown';
import { parseModelCommand } from './modelArguments';
import { runModelCommand } from './modelCommands';
import { outFile } from './outFile';
import { ownFiles } from './ownFiles';
import { withOwn } from '../ownNumbers/withOwn';
import { ProgressLine } from './progressLine';
import { layerReport, tensorReport } from './report';
import { saveLayers, type SavedLayer } from '../requests/saveLayers';
import { saveSingularVectors } from './saveSingularVectors';
import { parseSensitivity, SENSITIVITY_USAGE, type SensitivityCommand } from '../sensitivity/sensitivityArguments';
import { sensitivityReport } from '../sensitivity/sensitivityCommand';
import { sensitivityText } from '../sensitivity/sensitivityText';
import { layersToCompress, oneLayer, selectedLayers } from './selectedLayers';
import { createEngine, gathering, resultsOf } from './terminalEngine';
import { stopping } from './stopping';
import { layerVectors, residualNote } from '../requests/singularVectors';
import { visible, visibleJson } from '../../shared/visibleText';
import { largestOf } from '../../shared/extremes';

const EXIT = { ok: 0, problems: 1, failed: 2 } as const;

type Of<K extends Command['command']> = Extract<Command, { command: K }>;

async function main(): Promise<number> {
  const running = parseModelCommand(process.argv.slice(2));
  if (running) return runModelCommand(running, { print, tell });
  const args = process.argv.slice(2);
  if (args[0] === 'plan' && !args.some((each) => each === '--help' || each === '-h'))
    return plan(parsePlanArguments(args.slice(1)));
  if (args[0] === 'report' && !args.some((each) => each === '--help' || each === '-h'))
    return report(parseReportArguments(args.slice(1)));
  if (args[0] === 'sensitivity' && !args.some((each) => each === '--help' || each === '-h'))
    return sensitivity(parseSensitivity(args.slice(1)));
  if (isRun(args)) return run(parseRunArguments(args.slice(1)));
  const command = parseCommand(args);
  switch (command.command) {
    case 'help':
      await print(
        USAGE.replace('\nall:\n', `\n${REPORT_USAGE}\n${PLAN_USAGE}\n${RUN_USAGE}\n${SENSITIVITY_USAGE}\nall:\n`),
      );
      return EXIT.ok;
    case 'version':
      await print(`${version}\n`);
      return EXIT.ok;
    case 'inspect':
      return inspect(command);
    case 'tensors':
      return tensors(command);
    case 'compress':
      return compress(command);
    case 'vectors':
      return vectors(command);
  }
}

async function inspect(command: Of<'inspect'>): Promise<number> {
  const progress = new ProgressLine(process.stderr);
  const gathered = gathering(command, progress);
  const { engine, results, looks, done, pruning } = gathered;
  const document = await engine.documents.open(command.path);
  const names = selectedLayers(document, command.layers, command.split);
  const own = await ownFiles(document.summary, command.own, tell);
  // Results arrive as they finish; they are printed in the file's order.
  if (engine.inspections.add(document, names, command.settings, command.depth) > 0) await done;
  const layers = resultsOf(names, gathered, document);
  const estimated = names.flatMap((name) => (results.has(name) ? [] : (looks.get(name) ?? [])));
  if (command.vectors > 0) await addVectors(engine, document, layers, command.vectors, progress);
  progress.finish();
  await tellSlowerEngine(engine);
  const device = await engine.hardware.infoInUse();
  const report = withOwn(inspectReport(document.summary, command.settings, layers, device, estimated), own);
  if (command.format === 'json') await printAll(inspectJson(report));
  else if (command.format === 'csv') await printAll(inspectCsv(report.layers));
  else if (command.format === 'markdown') await printAll(inspectMarkdown(document.summary, report));
  else await print(layerReport(document.summary, report));
  if (command.format === 'csv') for (const problem of report.problems) tell(problem.message);
  await Promise.all([pruning, engine.dispose()]);
  return report.problems.length > 0 ? EXIT.problems : EXIT.ok;
}

async function report(command: ReportCommand): Promise<number> {
  const progress = new ProgressLine(process.stderr);
  const gathered = gathering(command, progress);
  const { engine, done } = gathered;
  const document = await engine.documents.open(command.path);
  const chosen = command.layers.length > 0 ? selectedLayers(document, command.layers, undefined) : [];
  const name = `${path.parse(document.openedPath).name}-report${REPORT_ENDING}`;
  const target = await outFile(command.out, name);
  if (!target.toLowerCase().endsWith(REPORT_ENDING)) {
    throw new UsageError(`--out needs a name that ends in ${REPORT_ENDING}, not "${command.out}"`);
  }
  const own = await ownFiles(document.summary, command.own, tell);
  let problems = 0;
  const written = await saving(engine, progress, async (signal) => {
    const names = [...new Set([...document.layers.keys(), ...chosen])];
    if (engine.inspections.add(document, names, command.settings, 'exact') > 0) await abortable(done, signal);
    const results = resultsOf(names, gathered, document);
    const show = { layers: chosen, more: chosen.length === 0 };
    const request = { results, own, ...show, target, overwrite: command.overwrite };
    const saved = await saveReport(engine, document, request, command.settings, __dirname, signal);
    progress.finish();
    await print(`${printedPath(saved.path)}\n${results.length} layers, ${saved.bytes} bytes\n`);
    for (const note of saved.notes) tell(note);
    const found = inspectReport(document.summary, command.settings, results, await engine.hardware.infoInUse());
    for (const { message } of found.problems) tell(message);
    problems = found.problems.length;
    await gathered.pruning;
  });
  return written === EXIT.ok && problems > 0 ? EXIT.problems : written;
}

/** Says on stderr if onnxruntime was wanted and could not be had: the numbers are the same, and come later. */
async function tellSlowerEngine(engine: Engine): Promise<void> {
  const { refused } = await engine.hardware.infoInUse();
  const reason = refused.find(({ provider }) => provider === 'cpu')?.reason;
  if (reason !== undefined)
    tell(`${reason}. The built-in kernels computed instead, which takes longer for large layers.`);
}

/** Layers whose vectors cannot be computed get a problem instead. */
async function addVectors(
  parts: ComputingParts,
  document: EngineDocument,
  layers: LayerResult[],
  count: number,
  progress: ProgressLine,
): Promise<void> {
  const { signal } = new AbortController();
  for (const layer of layers.filter(({ matrices }) => matrices > 0)) {
    progress.layer(`${layer.name}: singular vectors`);
    try {
      const { vectors, note } = await layerVectors(parts, document, layer.name, count, signal);
      layer.vectors = vectors;
      if (note !== undefined) layer.vectorsNote = note;
    } catch (error) {
      layer.problems = [...layer.problems, { ...problemOf(error), tensor: layer.name }];
    }
  }
}

async function tensors(command: Of<'tensors'>): Promise<number> {
  const engine = createEngine(command, false, {});
  const document = await engine.documents.open(command.path);
  const { document: _, ...summary } = document.summary;
  const partsOf = ({ layers: [first] }: TensorSummary): LayerParts =>
    first === undefined ? { parts: [] } : document.partsIn(first);
  if (command.format === 'report') await print(tensorReport(summary, partsOf));
  else {
    const tensors = summary.tensors.map((tensor) => {
      const parts = tensor.layers.flatMap((layer) => document.partsIn(layer).parts.map(({ name }) => name));
      return parts.length > 0 ? { ...tensor, parts } : tensor;
    });
    await print(`${visibleJson(JSON.stringify({ ...summary, tensors }, null, 2))}\n`);
  }
  await engine.dispose();
  return summary.problems.length > 0 ? EXIT.problems : EXIT.ok;
}

async function compress(command: Of<'compress'>): Promise<number> {
  const progress = new ProgressLine(process.stderr);
  const engine = createEngine(command, false, {
    saving: ({ message, fraction }) => progress.layer(`${message} ${Math.round(100 * fraction)} %`),
  });
  const document = await engine.documents.open(command.path);
  const { rank, method, stats, output, overwrite } = command;
  const { checkpoint } = document;
  const layers = layersToCompress(document, command.layers);
  const target = await outFile(command.out, suggestedName(checkpoint.path, layers, methodAtRank(method, rank)));
  const statistics = stats === undefined ? {} : { statistics: path.resolve(stats) };
  const request = { layers, method, rank, output, target, overwrite, ...statistics };
  // Spectra are enough for a save.
  const settings = { farms: { ...DEFAULT_FARMS, enabled: false } };
  return saving(engine, progress, async (signal) => {
    await assertSavable(checkpoint, request);
    // Before the work, as a person may want to stop it.
    const notes = new LayerNotes(layers.length);
    for (const layer of layers) {
      // What it tells beside errors is true of every pair of factors.
      const preview = await previewLayer(engine, document, layer, 'svd', rank, settings, signal, layers);
      notes.add(layer, preview.notes);
    }
    for (const note of notes.untold()) progress.note(note);
    const saved = await saveLayers(engine, document, request, settings, signal);
    progress.finish();
    const numbers = ({ rank: kept, relative_error, measured_error }: SavedLayer): string =>
      `rank ${kept}, relative Frobenius error ${relative_error.toPrecision(6)} (as stored ${measured_error.toPrecision(6)})`;
    const lines = saved.layers.map((layer) => `${visible(layer.layer)}: ${numbers(layer)}`);
    await print(`${printedPath(saved.path)}\n${lines.join('\n')}, ${saved.bytes} bytes\n`);
    for (const layer of saved.layers) notes.add(layer.layer, layer.notes);
    for (const note of notes.untold()) tell(note);
  });
}

async function plan(command: PlanCommand): Promise<number> {
  const progress = new ProgressLine(process.stderr);
  const engine = createEngine(command, command.cache, {
    progress: ({ name, stage, fraction }) => progress.layer(`${name}: ${stage} ${Math.round(100 * fraction)} %`),
    log: ({ message }) => progress.note(message),
  });
  const document = await engine.documents.open(command.path);
  const target = await outFile(command.out, `${path.parse(document.openedPath).name}${PLAN_ENDING}`);
  const problems = document.checkpoint.problems.map(({ message }) => message);
  const done = await saving(engine, progress, async (signal) => {
    const report = await planModel(engine, document, command, target, progress, signal);
    for (const problem of report.problems) problems.push(problem);
    await print(report.text);
  });
  for (const message of problems) tell(message);
  // A run refuses a model that is not whole, and copies layers that could not be analysed as they are.
  return done === EXIT.ok && problems.length > 0 ? EXIT.problems : done;
}

async function sensitivity(command: SensitivityCommand): Promise<number> {
  const progress = new ProgressLine(process.stderr);
  const engine = createEngine({ threads: undefined, memoryMegabytes: undefined, device: 'auto' }, true, {
    progress: ({ name, stage, fraction }) => progress.layer(`${name}: ${stage} ${Math.round(100 * fraction)} %`),
    log: ({ message }) => progress.note(message),
  });
  const document = await engine.documents.open(command.path);
  const name = `${path.parse(document.openedPath).name}.sensitivity.csv`;
  const target = command.out === undefined ? undefined : await outFile(command.out, name);
  return saving(engine, progress, async (signal) => {
    const report = await sensitivityReport(engine, document, command, target, progress, signal);
    progress.finish();
    await print(command.json ? `${visibleJson(JSON.stringify(report, null, 2))}\n` : sensitivityText(report));
  });
}

async function run(command: RunCommand): Promise<number> {
  const progress = new ProgressLine(process.stderr);
  const engine = createEngine(command, false, {
    saving: ({ message, fraction, secondsLeft }) =>
      progress.layer(`${Math.round(100 * fraction)} %, ${secondsText(secondsLeft)}${message}`),
  });
  const document = await engine.documents.open(command.path);
  const partial = path.resolve(command.out) + PARTIAL_ENDING;
  const stopped = `cancelled; what is done is kept in ${partial}, and --resume goes on`;
  const work = async (signal: AbortSignal): Promise<void> => {
    const result = await runModel(engine, document, command, signal);
    progress.finish();
    await print(runReport(result, printedPath(result.path)));
    for (const note of result.notes) tell(note);
  };
  return saving(engine, progress, work, { stopped, overwrites: false });
}

async function vectors(command: Of<'vectors'>): Promise<number> {
  const progress = new ProgressLine(process.stderr);
  const engine = createEngine(command, false, {});
  const document = await engine.documents.open(command.path);
  const { count, overwrite } = command;
  const layer = oneLayer(document, command.layer);
  const out = await outFile(command.out, suggestedName(document.checkpoint.path, [layer], 'vectors'));
  return saving(engine, progress, async (signal) => {
    progress.layer(`${layer}: singular vectors`);
    const target = { path: out, overwrite };
    const saved = await saveSingularVectors(engine, document, layer, count, target, signal);
    progress.finish();
    const { rows, cols, singularValues, residuals } = saved.vectors;
    const worst = largestOf(residuals) / (singularValues[0]! || 1);
    const note = residualNote(singularValues, residuals);
    await print(
      `${printedPath(saved.path)}\n${visible(layer)}: ${singularValues.length} singular vectors of ${rows} × ${cols}, ` +
        `largest residual ${worst.toPrecision(2)}·σ₁\n${note === undefined ? '' : `Note: ${note}.\n`}`,
    );
  });
}

/** What writes a file and can be interrupted. @returns the exit code */
async function saving(
  engine: Engine,
  progress: ProgressLine,
  work: (signal: AbortSignal) => Promise<void>,
  { stopped: said, overwrites } = { stopped: 'cancelled; nothing was written', overwrites: true },
): Promise<number> {
  const { signal, exitCode } = stopping();
  try {
    await work(signal);
    await tellSlowerEngine(engine);
  } catch (error) {
    progress.finish();
    if (overwrites && error instanceof CompressionError && error.code === 'target-exists')
      throw new UsageError(`${error.message} with --overwrite`);
    if (!signal.aborted) throw error;
    tell(said);
    return exitCode();
  } finally {
    await engine.dispose();
  }
  return EXIT.ok;
}

/**
 * Resolves when the text is written: a pipe's reader may be slower than we are.
 *
 * @throws the system's error `EPIPE` where the reader is gone, a sentence for people where the output is lost otherwise
 */
function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) resolve();
      else if (isErrno(error, 'EPIPE')) reject(error);
      else reject(new Error(`the output could not be written (${error.message})`, { cause: error }));
    });
  });
}

/** As it is for a program, which may open it. */
function printedPath(file: string): string {
  return process.stdout.isTTY ? visible(file) : file;
}

/** A line on stderr; names and paths in it may hold anything. */
function tell(message: string): void {
  process.stderr.write(`${visible(message)}\n`);
}

async function printAll(pieces: Iterable<string>): Promise<void> {
  for (const piece of pieces) await print(piece);
}

// Without listeners a failed write would end the program in mid-air; `print` hears of it through its callback, and
// progress that nobody can read is no failure.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (isErrno(error, 'EPIPE')) process.exit(EXIT.ok); // `| head` has seen enough
    const usage = error instanceof UsageError;
    tell(`eigenscope: ${usage ? error.message : problemOf(error).message}`);
    if (usage) tell('See eigenscope --help.');
    process.exit(EXIT.failed);
  },
);
