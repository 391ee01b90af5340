/**
 * A whole model compressed by a plan into a new folder. Each compressed weight is written at once, as a piece in a folder
 * beside the target; then the files of the layout are put together from the pieces and the source, in bands; at the end
 * they take the target's name. A run that is stopped, or killed, goes on from what is done, to the same bytes.
 */
import { version } from '../../../package.json';
import path from 'node:path';
import type { CheckpointErrorCode } from '../../checkpoint/checkpointError';
import { firstNames, NAMES_SHOWN } from '../../checkpoint/problemList';
import { concurrently } from '../../checkpoint/files/concurrently';
import { CompressionError, type CompressionErrorCode } from '../../compression/compressionError';
import { isFloatDType, type FloatDType } from '../../compression/narrow';
import { assertCompresses } from '../../compression/planFile/checkPlan';
import { planNotes } from '../../compression/planFile/planNotes';
import { PartialRun, removeEnded } from '../../compression/run/partialRun';
import { PARTIAL_ENDING, resolveRunTarget, type RunTarget } from '../../compression/run/runTarget';
import { assertComplete } from '../../compression/safetensorsWriter';
import { copyNotes, isStored } from '../../compression/storageNotes';
import { statisticsNotes } from '../../compression/statistics/statisticsNotes';
import { tieNotes } from '../../compression/tieNotes';
import { saveLayout } from '../../compression/writers/registry';
import { DEFAULT_SHARD_BYTES } from '../../compression/writers/safetensorsFiles';
import type {
  OutputFile,
  Piece,
  PreparedLayout,
  Replaced,
  SavedWeight,
  SaveJob,
} from '../../compression/writers/writer';
import { agreeing } from '../../shared/agreeing';
import type { MeasuredGroup, MeasuredLayer } from '../../shared/compression/measured';
import { needsQuantised } from '../../shared/compression/methodNeeds';
import type { RunRequest, RunResult } from '../../shared/compression/runs';
import type { DType } from '../../shared/tensors';
import type { EngineDocument } from '../document/engineDocument';
import { compressChoice } from './compressChoice';
import type { FoundGroup } from './compressGroup';
import { assertGroups, groupCost, planGroups, replacedGroup } from './planGroups';
import { leftOutTensors, planWeights } from './planWeights';
import { runIdentity } from './runIdentity';
import { copyingCost, factoringCost, RunProgress } from './runProgress';
import { openSources, type RunParts, type RunSources } from './runSources';
import { assertSpace, copiedBytes, piecesBytes } from './runSpace';
import { tiedLayers } from './tiedLayers';

/** A smaller shard could not hold a header and a tensor of any use. */
const LEAST_SHARD_BYTES = 1e6;

/**
 * @throws CompressionError, EngineError, CheckpointError before anything is written, in a sentence that says what to do.
 *   There is no target then, and nothing else, if a layer is refused or the source changes meanwhile. If the disk fills up,
 *   what is done stays in `TARGET.partial`, for a run with `existing: 'resume'`.
 * @throws DOMException `AbortError` when `signal` fires; as above
 */
export async function runPlan(
  parts: RunParts,
  document: EngineDocument,
  request: RunRequest,
  signal: AbortSignal,
): Promise<RunResult> {
  const dtype = newDType(request.dtype);
  const shardBytes = request.shardBytes ?? DEFAULT_SHARD_BYTES;
  if (!(shardBytes >= LEAST_SHARD_BYTES)) {
    throw new CompressionError('unsupported', `shards of ${shardBytes} bytes are too small; take at least 1 MB`);
  }
  const { checkpoint, openedPath } = document;
  assertComplete(checkpoint);
  const { name, fingerprint } = request.plan.checkpoint;
  if (fingerprint !== (await document.fingerprint(signal))) {
    throw new CompressionError(
      'invalid-plan',
      `the plan was made for another model (${name}); make one for this model`,
      {
        file: openedPath,
      },
    );
  }
  const target = await runTarget(request, document);
  const { weights, notes: tied } = planWeights(document, request.plan, dtype, await tiedLayers(document, signal));
  assertCompresses(request.plan, openedPath);
  const groups = planGroups(document, request.plan, weights, dtype);
  const left = leftOutTensors(checkpoint);
  const job: SaveJob = {
    ...{ checkpoint, plan: request.plan, weights, groups, leftOut: left.names, shardBytes },
    ...(request.quantised !== undefined && { quantised: path.resolve(request.quantised) }),
    note: {
      ...{ version, source: path.basename(checkpoint.path), layout: request.layout },
      layers: Object.fromEntries(weights.map(({ layer, choice }) => [layer, choice])),
      ...(groups.length > 0 && { groups: request.plan.groups }),
    },
  };
  const layout = await saveLayout(request.layout).prepare(job, signal);
  assertGroups(groups, layout, request.layout, request.statistics);
  const sources = await openSources(parts, document, request, weights, signal);
  try {
    const identity = await runIdentity(document, request, shardBytes, sources);
    const existing = request.existing ?? 'refuse';
    await assertSpace(target, job, groups, layout, (await PartialRun.earlier(target, identity, existing)) ?? 0);
    const run = await PartialRun.open(target, identity, existing, signal);
    try {
      const work = new RunningPlan(parts, document, job, groups, layout, run, sources, signal);
      const { pieces, files } = await work.all();
      const problem = document.change ?? (await document.findChange());
      if (problem) throw new CompressionError('incomplete-source', `${problem.message}; nothing was saved`);
      await run.finish(files);
      const model = await modelNotes(document, weights, request.layout, signal);
      const given = sources.statisticsSource ? statisticsNotes(sources.statisticsSource.summary) : [];
      const notes = [...planNotes(request.plan), ...layout.notes(pieces), ...given, ...tied, ...left.notes, ...model];
      return resultOf(target, job, pieces, files, notes);
    } catch (error) {
      // The same run would be refused again, and any other one may not go on from it.
      if (isRefusal(error)) await run.discard();
      throw withWhatIsKept(error, target);
    } finally {
      await run.close();
    }
  } finally {
    await sources.close();
  }
}

/** What a run is refused for that another disk, more memory or another try does not change. */
const REFUSALS: ReadonlySet<unknown> = new Set<CompressionErrorCode | CheckpointErrorCode>([
  ...([
    'invalid-rank',
    'unknown-method',
    'invalid-option',
    'unknown-layer',
    'unsupported',
    'missing-statistics',
  ] as const),
  ...(['invalid-statistics', 'invalid-plan', 'not-finite', 'name-collision', 'incomplete-source'] as const),
  // No run may go on over other files than those it began with.
  'changed',
]);

/** By the code alone: errors of workers have another class. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && REFUSALS.has(error.code);
}

/** A full disk is to be freed by somebody, who may not know of the folder that the run leaves. */
function withWhatIsKept(error: unknown, { partial }: RunTarget): unknown {
  if (!(error instanceof CompressionError) || error.code !== 'no-space') return error;
  return new CompressionError(
    error.code,
    `${error.reason}. What is done is kept in ${partial}: go on with it (--resume) once there is space, or delete that folder`,
    error.where,
  );
}

/** @throws CompressionError `unsupported` */
function newDType(dtype: DType | undefined): FloatDType | undefined {
  if (dtype === undefined || isFloatDType(dtype)) return dtype;
  throw new CompressionError('unsupported', `new tensors are floats, and ${dtype} is none; take F32, F16 or BF16`);
}

async function runTarget({ target }: RunRequest, { checkpoint, openedPath }: EngineDocument): Promise<RunTarget> {
  try {
    return await resolveRunTarget(target, checkpoint, openedPath);
  } catch (error) {
    // A run that was killed after its last step left nothing but its own folder.
    const isThere = error instanceof CompressionError && error.code === 'target-exists';
    if (isThere) await removeEnded(path.resolve(target) + PARTIAL_ENDING);
    throw error;
  }
}

async function modelNotes(
  { checkpoint }: EngineDocument,
  weights: readonly SavedWeight[],
  layout: RunRequest['layout'],
  signal: AbortSignal,
): Promise<string[]> {
  const together = new Set(weights.flatMap(({ tensor, twins }) => [tensor.name, ...twins]));
  const notes: string[] = [];
  for (const { layer, tensor, twins } of weights) {
    if (twins.length > 0) continue;
    const ties = await tieNotes(checkpoint, tensor, checkpoint.config, together, signal);
    for (const note of ties) notes.push(`${layer}: ${note}`);
  }
  // A rewritten graph keeps what it does not replace as it is stored.
  if (layout === 'onnx') return notes;
  const replaced = weights.map(({ tensor }) => tensor);
  return [...notes, ...copyNotes(checkpoint, replaced)];
}

function resultOf(
  target: RunTarget,
  { checkpoint, leftOut, weights, groups = [] }: SaveJob,
  pieces: readonly Piece[],
  files: readonly OutputFile[],
  notes: readonly string[],
): RunResult {
  const before = checkpoint.tensors
    .filter((tensor) => isStored(tensor) && !leftOut.has(tensor.name))
    .reduce((sum, { encoding, byteLength }) => sum + (encoding?.byteLength ?? byteLength), 0);
  const after = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const tensors = files.reduce((sum, { tensorBytes = 0 }) => sum + tensorBytes, 0);
  const layers = pieces.flatMap(({ measured }) => [...measured]);
  return {
    path: target.path,
    files: files.map((file) => file.path),
    bytes: { before, after, tensors },
    layers,
    notes: [
      ...saturationNotes(layers, [...weights.map(({ layer, dtype }) => ({ name: layer, dtype })), ...groups]),
      ...notes,
    ],
  };
}

/** Told first: such weights are no longer the method's. */
function saturationNotes(
  layers: RunResult['layers'],
  stored: readonly { readonly name: string; readonly dtype: FloatDType }[],
): string[] {
  const beyond = layers.filter(({ saturated }) => saturated !== undefined);
  if (beyond.length === 0) return [];
  const names = beyond.map(({ layer }) => layer);
  const count = beyond.reduce((sum, { saturated }) => sum + saturated!, 0);
  const dtypes = new Set(stored.flatMap(({ name, dtype }) => (names.includes(name) ? [dtype] : [])));
  const numbers = agreeing(count, '1 number is', `${count} numbers are`);
  return [
    `${numbers} beyond the range of ${[...dtypes].join(' and ')}, and stored as its largest: ${firstNames(names, NAMES_SHOWN)}. ` +
      'Choose a type with the range of float32 (BF16 or F32) to keep them.',
  ];
}

/** The work itself: pieces, then files. */
class RunningPlan {
  private readonly progress: RunProgress;
  /** Weights, then groups, in the order of their pieces. */
  private readonly units: readonly { of: string; cost: number }[];

  constructor(
    private readonly parts: RunParts,
    private readonly document: EngineDocument,
    private readonly job: SaveJob,
    private readonly groups: readonly FoundGroup[],
    private readonly layout: PreparedLayout,
    private readonly run: PartialRun,
    private readonly sources: RunSources,
    private readonly signal: AbortSignal,
  ) {
    this.units = [
      ...job.weights.map((weight) => ({ of: weight.layer, cost: costOf(weight) })),
      ...groups.map((group) => ({ of: group.name, cost: groupCost(group) })),
    ];
    const factoring = this.units.reduce((sum, { cost }) => sum + cost, 0);
    const writing = piecesBytes(job, groups, layout) + copiedBytes(job, groups, layout);
    this.progress = new RunProgress(factoring + copyingCost(writing), (fraction, message, secondsLeft) =>
      parts.notify('saving', {
        ...document.stamp,
        ...{ fraction, message },
        ...(secondsLeft !== undefined && { secondsLeft }),
      }),
    );
  }

  async all(): Promise<{ pieces: readonly Piece[]; files: readonly OutputFile[] }> {
    const pieces = await this.allPieces();
    const files = await this.layout.files(pieces, this.signal);
    await this.completePieces(pieces, files);
    await this.allFiles(pieces, files);
    return { pieces, files };
  }

  /** Layers at the same time as there are threads; statistics of several at once could be more than the memory holds. */
  private async allPieces(): Promise<Piece[]> {
    const { units } = this;
    const stop = new AbortController();
    const signal = AbortSignal.any([this.signal, stop.signal]);
    const running = new Set<Promise<Piece>>();
    const atOnce = this.sources.statisticsSource ? 1 : this.parts.pool.size;
    try {
      return await concurrently([...units.keys()], atOnce, async (index) => {
        const piece = this.pieceOf(index, signal);
        running.add(piece);
        try {
          return await piece;
        } finally {
          running.delete(piece);
        }
      });
    } finally {
      // After a failure the others stop too, before the folder is let go of.
      stop.abort();
      await Promise.allSettled(running);
    }
  }

  private async pieceOf(index: number, signal: AbortSignal): Promise<Piece> {
    const { of, cost } = this.units[index]!;
    const found = await this.run.pieces.find(index, of);
    if (!found) return this.newPiece(index, signal);
    this.progress.skip(cost);
    return found;
  }

  private async newPiece(index: number, signal: AbortSignal): Promise<Piece> {
    const { units } = this;
    const { of, cost } = units[index]!;
    const message = `layer ${index + 1} of ${units.length}: ${of}`;
    const report = (fraction: number): void => this.progress.at(of, cost, fraction, message);
    const weight = this.job.weights[index];
    const { replaced, measured } = weight
      ? await this.replacedWeight(weight, signal, report)
      : await this.replacedGroup(index - this.job.weights.length, signal, report);
    const { tensors, ...rest } = replaced;
    const entries = tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
    const piece: Piece = { ...rest, of, tensors: entries, measured: [measured] };
    await this.run.pieces.write(index, piece, tensors, signal);
    await this.run.refresh();
    this.progress.finish(of, cost, message);
    return piece;
  }

  private async replacedWeight(
    weight: SavedWeight,
    signal: AbortSignal,
    report: (fraction: number) => void,
  ): Promise<{ replaced: Replaced; measured: MeasuredLayer }> {
    const { layer, choice } = weight;
    const { statisticsSource, quantised } = this.sources;
    const statistics = await statisticsSource?.layer(layer, signal);
    const options = {
      ...{ dtype: weight.dtype, form: this.layout.form },
      ...(statistics && { statistics }),
      ...(quantised && needsQuantised(choice) && { quantised }),
    };
    const stored = await compressChoice(this.parts, this.document, layer, choice, options, signal, report);
    return { replaced: await this.layout.replace(weight, stored, signal), measured: stored.measured };
  }

  private replacedGroup(
    index: number,
    signal: AbortSignal,
    report: (fraction: number) => void,
  ): Promise<{ replaced: Replaced; measured: MeasuredGroup }> {
    const { statisticsSource } = this.sources;
    return replacedGroup(
      this.parts,
      this.document,
      this.groups[index]!,
      this.layout,
      statisticsSource!,
      signal,
      report,
    );
  }

  /** A piece whose elements went into files before is made again if one of these files is not there after all. */
  private async completePieces(pieces: readonly Piece[], files: readonly OutputFile[]): Promise<void> {
    const needed = new Set<string>();
    for (const file of files) {
      if (!(await this.run.hasFile(file))) for (const piece of file.pieces) needed.add(piece);
    }
    for (const [index, piece] of pieces.entries()) {
      if (needed.has(piece.of) && !(await this.run.pieces.hasElements(index, piece))) {
        await this.newPiece(index, this.signal);
      }
    }
  }

  private async allFiles(pieces: readonly Piece[], files: readonly OutputFile[]): Promise<void> {
    const lastUse = new Map<string, number>();
    for (const [at, file] of files.entries()) for (const piece of file.pieces) lastUse.set(piece, at);
    for (const [at, file] of files.entries()) {
      this.signal.throwIfAborted();
      const cost = copyingCost(file.bytes);
      const message = `writing ${file.path}`;
      if (await this.run.hasFile(file)) this.progress.skip(cost);
      else {
        let written = 0;
        await this.run.writeFile(file, this.signal, (count) => {
          written += count;
          this.progress.at(file.path, cost, written / file.bytes, message);
        });
        await this.run.refresh();
        this.progress.finish(file.path, cost, message);
      }
      for (const [index, piece] of pieces.entries()) {
        if (lastUse.get(piece.of) === at) await this.run.pieces.removeElements(index);
      }
    }
  }
}

function costOf({ outputs, inputs }: SavedWeight): number {
  return factoringCost(outputs, inputs);
}
