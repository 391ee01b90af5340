/** `eigenscope plan`: shares a budget among the layers of a model, and writes the plan. */
import path from 'node:path';
import { makePlan } from '../../compression/plan/makePlan';
import { preparePlan, type Planner } from '../../compression/plan/planner';
import type { AllocatedPlan, BeforeAfter } from '../../compression/plan/planRequest';
import { writePlan } from '../../compression/planFile/planFiles';
import { assigned } from '../requests/assigned';
import { openStatistics } from '../../compression/statistics/statisticsSource';
import { agreeing } from '../../shared/agreeing';
import { layerMethod } from '../../shared/compression/methodTable';
import type { PlanLayer } from '../../shared/compression/plans';
import type { StatisticsSummary } from '../../shared/compression/statistics';
import { visible } from '../../shared/visibleText';
import type { EngineDocument } from '../document/engineDocument';
import { planSource } from '../requests/planSource';
import { plannedGroups, type PlannedGroups } from '../requests/plannedGroups';
import type { RequestParts } from '../requests/requestParts';
import { DEFAULT_FARMS, UsageError } from './cliArguments';
import type { PlanCommand } from './planArguments';
import type { ProgressLine } from './progressLine';

/**
 * @param target the file to write
 * @returns what to print
 * @throws UsageError, CompressionError, CheckpointError; the signal's reason when it fires
 */
export async function planModel(
  parts: Pick<RequestParts, 'outcomes'>,
  document: EngineDocument,
  command: PlanCommand,
  target: string,
  progress: ProgressLine,
  signal: AbortSignal,
): Promise<string> {
  const { request, statistics: statisticsPath, overwrite } = command;
  const { allocation } = request;
  const statistics = statisticsPath === undefined ? undefined : await statisticsOf(statisticsPath, document, signal);
  const { needs } = layerMethod(request.method.method);
  if (needs.length > 0 && !statistics) {
    throw new UsageError(`${request.method.method} needs statistics of the inputs (${needs.join(', ')}): --stats FILE`);
  }
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
  const covered = statistics ? source.layers.map((layer) => coveredLayer(layer, request, statistics)) : source.layers;
  const layers = covered.map((layer) => outsideGroups(layer, grouped));
  const planned = await allocated(preparePlan(layers, source.rest), command, signal);
  const named = statistics && { name: path.basename(statistics.path), fingerprint: statistics.fingerprint };
  const plan = makePlan(source, request, planned, {
    ...(named && { statistics: named }),
    ...(command.groups.length > 0 && { groups: grouped.groups }),
  });
  const file = await writePlan(plan, target, { protect: document.checkpoint.files, overwrite, signal });
  progress.finish();
  const decoded = layers.filter(({ savedBytes, uncounted }) => savedBytes !== undefined && !uncounted).length;
  return report(file, planned, grouped, decoded);
}

async function statisticsOf(file: string, document: EngineDocument, signal: AbortSignal): Promise<StatisticsSummary> {
  const source = await openStatistics(file, document.checkpoint, signal);
  try {
    return source.summary;
  } finally {
    await source.close();
  }
}

/** What `needs` of the method table asks of a layer's statistics. */
const HAS = {
  fisher: ['fisher'],
  diagonal: ['absMean', 'squareMean'],
  gram: ['gram'],
  mean: ['mean'],
  'gram|diagonal': ['gram', 'absMean', 'squareMean'],
} as const;

/** The layer, left out if the method cannot do without statistics that it does not have. */
function coveredLayer(layer: PlanLayer, request: PlanCommand['request'], { covered }: StatisticsSummary): PlanLayer {
  if (layer.leftOut?.always) return layer;
  const own = covered.find((each) => each.layer === layer.name);
  const lacking = layerMethod(request.method.method).needs.find(
    (need) => need !== 'quantised' && !HAS[need].some((field) => own?.has.includes(field)),
  );
  if (lacking === undefined) return layer;
  const why = own ? `has no ${lacking} in the statistics` : 'is not in the statistics';
  return { ...layer, leftOut: { why, always: true } };
}

function groupsOf(
  document: EngineDocument,
  { groups, request }: PlanCommand,
  statistics: StatisticsSummary | undefined,
): PlannedGroups {
  try {
    return plannedGroups(document, groups, request.multiple, statistics);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

/** A layer of a group gets no method of its own. */
function outsideGroups(layer: PlanLayer, { members, groups }: PlannedGroups): PlanLayer {
  const group = members.get(layer.name);
  if (group === undefined || layer.leftOut?.always) return layer;
  return { ...layer, leftOut: { why: `becomes smaller by ${groups[group]!.method} in its group`, always: true } };
}

/** Uniform shares need no spectra; errors are then told of the layers that were inspected before. */
function needsSpectra({ allocation, target, method }: PlanCommand['request']): boolean {
  if (layerMethod(method.method).stores === 'adapter') return false;
  return allocation !== 'uniform' || target.kind === 'error';
}

async function allocated(
  planner: Planner,
  { request, choices, timeLimit }: PlanCommand,
  signal: AbortSignal,
): Promise<AllocatedPlan> {
  const { allocation, ...rest } = request;
  try {
    return allocation === 'ilp'
      ? await assigned(planner, { ...rest, allocation: 'optimal' }, { choices, timeLimit }, signal)
      : planner.allocate({ ...rest, allocation });
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

/** Reasons that the report lists, the most frequent first. */
const REASONS_SHOWN = 8;

function report(
  file: string,
  { totals, rows, feasible, why, gap }: AllocatedPlan,
  { groups, left }: PlannedGroups,
  decoded: number,
): string {
  const { bytes, parameters, multiplyAdds, error, errorIs, errorBetween, compressed, layers } = totals;
  const share = ({ before, after }: BeforeAfter): string =>
    `${percent(before === 0 ? 1 : after / before)} of ${before}`;
  const reasons = new Map<string, number>();
  for (const { plan } of rows) if ('keep' in plan) reasons.set(plan.why, (reasons.get(plan.why) ?? 0) + 1);
  const listed = [...reasons].sort((a, b) => b[1] - a[1]).slice(0, REASONS_SHOWN);
  const interval = errorBetween ? `, ${percent(errorBetween[0])} to ${percent(errorBetween[1])} by the tails` : '';
  const relation = errorIs === 'exact' ? '' : ` (${errorIs}${interval})`;
  return [
    file,
    `${compressed} of ${layers} ${agreeing(layers, 'layer')} compressed`,
    `bytes          ${share(bytes)}`,
    `parameters     ${share(parameters)}`,
    `multiply-adds  ${share(multiplyAdds)} in these layers`,
    `error          ${error === null ? 'not known before it is run' : `${percent(error)}${relation}`}`,
    ...(gap === undefined ? [] : [`gap            ${percent(gap)} to the best there can be`]),
    ...(feasible ? [] : [`The target is not met: ${why!}.`]),
    ...(decoded === 0
      ? []
      : [
          `${agreeing(decoded, '1 layer is', `${decoded} layers are`)} stored in blocks, and saved decoded if kept dense`,
        ]),
    ...listed.map(([reason, count]) => `dense ${String(count).padStart(6)}: ${visible(reason)}`),
    ...groupLines(groups),
    ...left.map(({ name, why: reason }) => `no group ${visible(name)}: ${visible(reason)}`),
    '',
  ].join('\n');
}

function groupLines(groups: PlannedGroups['groups']): string[] {
  const counts = new Map<string, number>();
  for (const { method, rank } of Object.values(groups)) {
    counts.set(`${method} ${rank}`, (counts.get(`${method} ${rank}`) ?? 0) + 1);
  }
  return [...counts].map(
    ([which, count]) =>
      `${count} ${agreeing(count, 'group')} by ${which}: smaller than above, where they count as dense`,
  );
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(4))} %`;
}
