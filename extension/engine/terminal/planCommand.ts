/** `eigenscope plan`: shares a budget among the layers of a model, and writes the plan. */
import path from 'node:path';
import { makePlan } from '../../compression/plan/makePlan';
import { compiledPatterns } from '../../compression/plan/patterns';
import { leftToGroups, plannedGroups, type PlannedGroups } from '../../compression/plan/plannedGroups';
import { preparePlan, type Planner } from '../../compression/plan/planner';
import type { AdapterSize, AllocatedPlan, BeforeAfter, PlanRequest } from '../../compression/plan/planRequest';
import { assertUsable } from '../../compression/decomposition/layerMetrics';
import { loadKernels } from '../../linalg/kernels/loadKernels';
import { writePlan } from '../../compression/planFile/planFiles';
import { assigned } from '../requests/assigned';
import { CompressionError } from '../../compression/compressionError';
import { assertCompresses } from '../../compression/planFile/checkPlan';
import { statisticsNotes } from '../../compression/statistics/statisticsNotes';
import { openStatistics, type StatisticsSource } from '../../compression/statistics/statisticsSource';
import { agreeing } from '../../shared/agreeing';
import { layerMethod, layerMethods } from '../../shared/compression/methodTable';
import { gramUses, KnownOfLayers, needsQuantised, needsStatistics } from '../../shared/compression/methodNeeds';
import type { CompressionPlan, PlanLayer } from '../../shared/compression/plans';
import type { StatisticsSummary } from '../../shared/compression/statistics';
import { visible } from '../../shared/visibleText';
import type { EngineDocument } from '../document/engineDocument';
import { planSource } from '../requests/planSource';
import { groupOptions } from '../requests/groupOptions';
import type { ComputingParts, RequestParts } from '../requests/requestParts';
import { useQuantised, type QuantisedParts } from '../requests/useQuantised';
import { DEFAULT_FARMS, UsageError } from './cliArguments';
import { withGramSpectra } from './gramSpectra';
import { planOfFinite } from './finitePlan';
import type { PlanCommand } from './planArguments';
import { patternNotes, timeNotes } from './planNotes';
import type { ProgressLine } from './progressLine';

type PlanParts = Pick<RequestParts, 'outcomes'> & ComputingParts & QuantisedParts;

export interface PlanReport {
  /** What to print. */
  readonly text: string;
  /** Layers that stay dense because their weights could not be analysed, each with the reason. */
  readonly problems: readonly string[];
}

/**
 * @param target the file to write
 * @throws UsageError, CompressionError, CheckpointError; the signal's reason when it fires
 */
export async function planModel(
  parts: PlanParts,
  document: EngineDocument,
  command: PlanCommand,
  target: string,
  progress: ProgressLine,
  signal: AbortSignal,
): Promise<PlanReport> {
  const { request, choices, statistics: file } = command;
  const { method } = [request.method, ...choices].find(needsStatistics) ?? {};
  if (method !== undefined && file === undefined) {
    const needs = layerMethod(method).needs.join(', ');
    throw new UsageError(`${method} needs statistics of the inputs (${needs}): --stats FILE`);
  }
  const { allocation } = request;
  if (file === undefined && (allocation === 'optimal-gram' || allocation === 'block-influence')) {
    throw new UsageError(`${allocation} needs statistics of the inputs: --stats FILE`);
  }
  const statistics = file === undefined ? undefined : await openStatistics(file, document.checkpoint, signal);
  try {
    return await planWith(parts, document, command, statistics, target, progress, signal);
  } finally {
    await statistics?.close();
  }
}

async function planWith(
  parts: PlanParts,
  document: EngineDocument,
  command: PlanCommand,
  opened: StatisticsSource | undefined,
  target: string,
  progress: ProgressLine,
  signal: AbortSignal,
): Promise<PlanReport> {
  const { request, overwrite } = command;
  const { allocation } = request;
  const statistics = opened?.summary;
  const held =
    command.quantised === undefined
      ? null
      : await useQuantised(parts, document, path.resolve(command.quantised), signal);
  const source = await planSource(
    parts,
    document,
    {
      compute: allocation === 'farms-alpha' ? 'farms' : needsSpectra(request) ? 'spectra' : 'nothing',
      settings: { farms: DEFAULT_FARMS },
      onProgress: (done, total) => progress.count(done, total),
    },
    signal,
  );
  const grouped = groupsOf(document, command, statistics);
  const known = new KnownOfLayers(statistics ?? null, held && new Set(held.layers));
  const out = outOfReach(source.layers, command, known, grouped);
  const { blockInfluence } = statistics ?? {};
  const asked = { ...command, request: { ...request, ...out, ...(blockInfluence && { blockInfluence }) } };
  const excludes = compiledPatterns(request.exclude ?? []);
  const decided = ({ name, leftOut }: PlanLayer): boolean =>
    !leftOut?.always && out.leftOut?.[name] === undefined && !excludes.some(({ matches }) => matches(name));
  const whole =
    allocation === 'optimal-gram' && opened
      ? await withGramSpectra(parts, document, source.layers, opened, decided, (name) => progress.layer(name), signal)
      : source.layers;
  const { layers, planned } = await planOfFinite(
    document,
    whole,
    (some) => allocated(preparePlan(some, source.rest), asked, known, signal),
    (layer) => progress.layer(layer),
    signal,
  );
  const named = statistics && { name: path.basename(statistics.path), fingerprint: statistics.fingerprint };
  const plan = makePlan(source, request, planned, {
    ...(named && { statistics: named }),
    ...(command.groups.length > 0 && { groups: grouped.groups }),
  });
  const own = [
    ...patternNotes(layers, request),
    ...(statistics ? statisticsNotes(statistics) : []),
    ...quantisedNote(plan),
    ...timeNotes(layers, plan.layers),
    ...(held && ![request.method, ...command.choices].some(needsQuantised)
      ? [`--quantised has no effect: only ${methodsOverQuantised()} takes one.`]
      : []),
  ];
  const notes = [...own, ...wholeNotes(plan, planned, document, own)];
  if (opened) await assertReadable(plan, grouped, opened, signal);
  const file = await writePlan(plan, target, { protect: document.checkpoint.files, overwrite, signal });
  progress.finish();
  const decoded = layers.filter(({ savedBytes, uncounted }) => savedBytes !== undefined && !uncounted).length;
  const problems = layers.flatMap(({ name, leftOut }) =>
    leftOut?.problem && !excludes.some(({ matches }) => matches(name)) ? [`${name}: ${leftOut.why}`] : [],
  );
  return { text: report(file, planned, grouped, decoded, notes), problems };
}

/** The plan holds no path of the quantised checkpoint, and a run reads it. */
function quantisedNote({ layers }: CompressionPlan): string[] {
  const adapting = Object.values(layers).find((layer) => !('keep' in layer) && needsQuantised(layer));
  return adapting && 'method' in adapting
    ? [`Running the plan needs the quantised checkpoint, for ${adapting.method}: --quantised PATH.`]
    : [];
}

function methodsOverQuantised(): string {
  const names = layerMethods.flatMap(({ name }) => (needsQuantised({ method: name }) ? [name] : []));
  return names.join(' or ');
}

/**
 * A plan that keeps all may be just what was asked for: a target of the whole size.
 *
 * @throws CompressionError `invalid-plan` if nothing becomes smaller although something should; says why
 */
function wholeNotes(
  plan: CompressionPlan,
  { rows, feasible }: AllocatedPlan,
  { openedPath }: EngineDocument,
  notes: readonly string[],
): string[] {
  try {
    assertCompresses(plan, openedPath);
    return [];
  } catch (error) {
    if (!(error instanceof CompressionError)) throw error;
    // An adapter makes nothing smaller: its target is always met.
    if (feasible && layerMethod(plan.method.method).stores !== 'adapter') return [WHOLE];
    const reasons = keptFor(rows).map(([reason, count]) => `${count} ${agreeing(count, 'layer')}: ${visible(reason)}`);
    const sentences = [`${error.reason} (${reasons.join('; ')})`, ...notes].join('. ');
    throw new CompressionError(error.code, sentences, { file: openedPath, cause: error });
  }
}

/**
 * Reads what a run will read of the statistics, and tries the Gram matrices that it will factor.
 *
 * @throws CompressionError `invalid-statistics` for numbers that are no statistics of a layer
 */
async function assertReadable(
  { layers }: CompressionPlan,
  { measured }: PlannedGroups,
  statistics: StatisticsSource,
  signal: AbortSignal,
): Promise<void> {
  const tools = { kernels: loadKernels(), poll: () => signal.throwIfAborted() };
  for (const [name, use] of gramUses(layers, measured)) {
    assertUsable(await statistics.layer(name, signal), name, use, tools);
  }
}

/** Layers that the method has no statistics of, or that a group takes. */
function outOfReach(
  layers: readonly PlanLayer[],
  { request: { method, allocation } }: PlanCommand,
  known: KnownOfLayers,
  grouped: PlannedGroups,
): Pick<PlanRequest, 'leftOut' | 'groupShares'> {
  const { leftOut, groupShares } = leftToGroups(grouped);
  // An ILP asks for each of its choices.
  const asked = allocation === 'ilp' ? [] : layers;
  const uncovered = asked.flatMap(({ name }) => {
    const why = known.lacking(name, method.method);
    return why === undefined ? [] : [[name, why] as const];
  });
  return { leftOut: { ...Object.fromEntries(uncovered), ...leftOut }, groupShares };
}

function groupsOf(
  document: EngineDocument,
  { groups, request }: PlanCommand,
  statistics: StatisticsSummary | undefined,
): PlannedGroups {
  try {
    return plannedGroups(groups.length > 0 ? groupOptions(document) : [], groups, request.multiple, statistics);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

const WHOLE =
  'The model as it is meets the target: the plan keeps every layer, and a run has nothing to do. A smaller target compresses.';

/** Uniform shares and those by block influence need no spectra; errors are then told of the layers that were inspected before. */
function needsSpectra({ allocation, target, method }: PlanCommand['request']): boolean {
  if (layerMethod(method.method).stores === 'adapter') return false;
  return (allocation !== 'uniform' && allocation !== 'block-influence') || target.kind === 'error';
}

async function allocated(
  planner: Planner,
  { request, choices, timeLimit }: PlanCommand,
  known: KnownOfLayers,
  signal: AbortSignal,
): Promise<AllocatedPlan> {
  const { allocation, ...rest } = request;
  try {
    return allocation === 'ilp'
      ? await assigned(
          planner,
          { ...rest, allocation: 'optimal' },
          { choices, timeLimit, lacking: (layer, method) => known.lacking(layer, method) },
          signal,
        )
      : planner.allocate({ ...rest, allocation });
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

/** Reasons that the report lists, the most frequent first. */
const REASONS_SHOWN = 8;

/**
 * With what is left over as one. Reasons that differ in quoted names alone, such as one operator each, are one line with
 * the first as the example. A layer that has a reason to itself is named.
 */
function keptFor(rows: AllocatedPlan['rows']): [reason: string, layers: number][] {
  const kinds = new Map<string, { why: string; first: string; whys: Set<string>; count: number }>();
  for (const { name, plan } of rows) {
    if (!('keep' in plan)) continue;
    const key = plan.why.replaceAll(/"[^"]*"/g, '""');
    const kind = kinds.get(key) ?? { why: plan.why, first: name, whys: new Set<string>(), count: 0 };
    kind.whys.add(plan.why);
    kind.count++;
    kinds.set(key, kind);
  }
  const sorted = [...kinds.values()].sort((a, b) => b.count - a.count);
  const others = sorted.splice(REASONS_SHOWN).reduce((sum, { count }) => sum + count, 0);
  const lines = sorted.map(({ why, first, whys, count }): [string, number] => {
    if (count === 1) return [`${first} ${why}`, 1];
    return [whys.size === 1 ? why : `${why}; the others are alike`, count];
  });
  return others === 0 ? lines : [...lines, ['other reasons, which stand in the plan', others]];
}

function report(
  file: string,
  { totals, rows, feasible, why, gap }: AllocatedPlan,
  { groups, left }: PlannedGroups,
  decoded: number,
  notes: readonly string[],
): string {
  const {
    bytes,
    asAdapter,
    copiedFactors = 0,
    parameters,
    multiplyAdds,
    error,
    errorIs,
    errorBetween,
    outputError,
    compressed,
    layers,
  } = totals;
  const share = ({ before, after }: BeforeAfter): string =>
    `${percent(before === 0 ? 1 : after / before)} of ${before}`;
  const interval = errorBetween ? `, ${percent(errorBetween[0])} to ${percent(errorBetween[1])} by the tails` : '';
  const relation = errorIs === 'exact' ? '' : ` (${errorIs}${interval})`;
  return [
    file,
    `${compressed} of ${layers} ${agreeing(layers, 'layer')} compressed`,
    `bytes          ${share(bytes)}`,
    ...(asAdapter ? [adapterLine(asAdapter, share({ before: bytes.before, after: asAdapter.bytes }))] : []),
    ...(copiedFactors === 0
      ? []
      : [
          `bytes as huggingface  ${share({ before: bytes.before, after: bytes.after + copiedFactors })}: it has the factors of ` +
            'each copy of a weight that nothing ties',
        ]),
    `parameters     ${share(parameters)}`,
    `multiply-adds  ${share(multiplyAdds)} in these layers`,
    `error          ${error === null ? 'not known before it is run' : `${percent(error)}${relation}`}`,
    ...(outputError === undefined ? [] : [`output error   ${percent(outputError)}`]),
    ...(gap === undefined ? [] : [`gap            ${percent(gap)} to the best there can be`]),
    ...(feasible ? [] : [`The target is not met: ${why!}.`]),
    ...(decoded === 0
      ? []
      : [
          `${agreeing(decoded, '1 layer is', `${decoded} layers are`)} stored in blocks, and saved decoded if kept dense`,
        ]),
    ...keptFor(rows).map(([reason, count]) => `dense ${String(count).padStart(6)}: ${visible(reason)}`),
    ...groupLines(groups),
    ...left.map(({ name, why: reason }) => `no group ${visible(name)}: ${visible(reason)}`),
    ...notes.map(visible),
    '',
  ].join('\n');
}

function adapterLine({ base }: AdapterSize, share: string): string {
  return base === 'elsewhere'
    ? `bytes as peft  ${share}: the adapter alone. The line above counts the dense weights below it, too`
    : `bytes as peft  ${share}: base/ holds the quantised weights decoded, until a program quantises it when it loads it`;
}

function groupLines(groups: PlannedGroups['groups']): string[] {
  const counts = new Map<string, number>();
  for (const { method, rank } of Object.values(groups)) {
    counts.set(`${method} ${rank}`, (counts.get(`${method} ${rank}`) ?? 0) + 1);
  }
  return [...counts].map(
    ([which, count]) =>
      `${count} ${agreeing(count, 'group')} by ${which}; the error above does not count what they lose`,
  );
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(4))} %`;
}
