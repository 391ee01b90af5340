/** Rows of a plan's table and their totals: what each layer becomes, costs and loses. */
import { layoutHolds } from '../../shared/compression/layoutMethods';
import { needsQuantised } from '../../shared/compression/methodNeeds';
import { layerMethod } from '../../shared/compression/methodTable';
import type { LayerPlan } from '../../shared/compression/plans';
import { errorInterval, errorKind, errorShare } from './errorModel';
import { isCounted, type PreparedLayer } from './layerOptions';
import { adapterCost, choiceCost, type Cost } from './methodCosts';
import type { Standing } from './participation';
import type { AdapterSize, BeforeAfter, ErrorKind, PlanRest, PlanRow, PlanTotals } from './planRequest';

export function planRow(
  { layer, dense, shares, outputShares }: PreparedLayer,
  plan: LayerPlan,
  standing: Standing,
): PlanRow {
  const kept = 'keep' in plan;
  const cost = kept ? ofGroup(dense, standing) : choiceCost(plan, layer, dense);
  const lost = kept ? 0 : errorShare(plan, layer, shares);
  const between = kept ? undefined : errorInterval(plan, layer);
  const cut = kept ? 0 : plan.method === 'svd-llm' ? outputShares?.lost(plan.rank ?? 0) : undefined;
  const of = (key: 'parameters' | 'multiplyAdds'): BeforeAfter => ({ before: dense[key], after: cost[key] });
  return {
    name: layer.name,
    plan,
    pinned: standing.kind === 'pinned',
    kept: dense.parameters === 0 ? 1 : cost.parameters / dense.parameters,
    error: Number.isNaN(lost) ? null : Math.sqrt(lost),
    errorIs: kept ? 'exact' : errorKind(plan.method),
    ...(between && { errorBetween: [Math.sqrt(between[0]), Math.sqrt(between[1])] as const }),
    ...(outputShares && cut !== undefined && { outputError: Math.sqrt(cut) }),
    parameters: of('parameters'),
    bytes: { before: layer.storedBytes, after: cost.bytes },
    multiplyAdds: of('multiplyAdds'),
    ...(standing.kind === 'takes part' && standing.note !== undefined && { note: standing.note }),
  };
}

/** What a layer costs that stays dense, or becomes smaller with its group. */
function ofGroup(dense: Cost, standing: Standing): Cost {
  const share = standing.kind === 'left out' ? standing.share : undefined;
  if (share === undefined) return dense;
  return {
    parameters: share * dense.parameters,
    bytes: share * dense.bytes,
    multiplyAdds: share * dense.multiplyAdds,
  };
}

export function planTotals(
  rows: readonly PlanRow[],
  prepared: readonly PreparedLayer[],
  standing: readonly Standing[],
  rest: PlanRest,
  relative: boolean,
): PlanTotals {
  const counted = rows.filter((_, l) => isCounted(prepared[l]!));
  const sum = (of: (row: PlanRow) => BeforeAfter, other = 0, otherAfter = other): BeforeAfter => ({
    before: counted.reduce((total, row) => total + of(row).before, other),
    after: counted.reduce((total, row) => total + of(row).after, otherAfter),
  });
  let [energy, lost, least, most, unknown] = [0, 0, 0, 0, false];
  const ofOutputs = { energy: 0, lost: 0, unknown: false };
  const kinds = new Set<ErrorKind>();
  for (const [l, row] of rows.entries()) {
    const { kind } = standing[l]!;
    if (kind !== 'takes part' && kind !== 'pinned') continue;
    const compressed = !('keep' in row.plan);
    const { shares, energy: own, outputEnergy } = prepared[l]!;
    const outputWeight = relative ? 1 : outputEnergy;
    if (row.outputError === undefined) ofOutputs.unknown ||= compressed;
    else {
      ofOutputs.energy += outputWeight;
      ofOutputs.lost += outputWeight * row.outputError ** 2;
    }
    if (compressed) kinds.add(row.errorIs);
    if (!shares) unknown ||= compressed;
    else if (row.error === null) unknown = true;
    else {
      const weight = relative ? 1 : own;
      energy += weight;
      lost += weight * row.error ** 2;
      const [low, high] = row.errorBetween ?? [row.error, row.error];
      least += weight * low ** 2;
      most += weight * high ** 2;
    }
  }
  const bytes = sum((row) => row.bytes, rest.bytes, rest.savedBytes);
  const copiedFactors = rows.reduce((sum, { plan, bytes: { after } }, l) => {
    const isPair = !('keep' in plan) && layerMethod(plan.method).stores === 'pair';
    return isPair ? sum + ((prepared[l]!.layer.copies ?? 1) - 1) * after : sum;
  }, 0);
  const asAdapter = adapterSize(rows, prepared, standing, bytes.after);
  return {
    bytes,
    ...(asAdapter && { asAdapter }),
    ...(copiedFactors > 0 && { copiedFactors }),
    parameters: sum(({ parameters }) => parameters, rest.parameters),
    multiplyAdds: sum(({ multiplyAdds }) => multiplyAdds),
    error: unknown ? null : energy === 0 ? 0 : Math.sqrt(lost / energy),
    errorIs: weakest(kinds),
    ...(!unknown && least < most && { errorBetween: [Math.sqrt(least / energy), Math.sqrt(most / energy)] as const }),
    ...(!ofOutputs.unknown && ofOutputs.energy > 0 && { outputError: Math.sqrt(ofOutputs.lost / ofOutputs.energy) }),
    compressed: rows.filter(({ plan }) => !('keep' in plan)).length,
    layers: rows.length,
  };
}

/** @param bytes that the plan takes in the layouts that store what its methods make */
function adapterSize(
  rows: readonly PlanRow[],
  prepared: readonly PreparedLayer[],
  standing: readonly Standing[],
  bytes: number,
): AdapterSize | undefined {
  // An adapter holds no group that becomes smaller.
  if (standing.some((own) => own.kind === 'left out' && own.share !== undefined)) return undefined;
  const adapted = rows.flatMap(({ plan, bytes: { after } }, l) => {
    const { layer, dense } = prepared[l]!;
    return 'keep' in plan ? [] : [{ plan, layer, dense, after }];
  });
  if (adapted.length === 0 || !adapted.every(({ plan }) => layoutHolds('peft', plan.method))) return undefined;
  const elsewhere = adapted.filter(({ plan }) => needsQuantised(plan)).length;
  if (elsewhere === adapted.length) {
    const factors = adapted.reduce((sum, { plan, layer }) => sum + adapterCost(plan, layer).bytes, 0);
    return { bytes: factors, base: 'elsewhere' };
  }
  // One adapter has one base.
  if (elsewhere > 0 || !adapted.some(({ plan }) => layerMethod(plan.method).options.includes('quantiser'))) {
    return undefined;
  }
  const whole = adapted.reduce(
    (sum, { plan, layer, dense, after }) => sum + adapterCost(plan, layer, dense).bytes - after,
    bytes,
  );
  return { bytes: whole, base: 'decoded' };
}

/** What a sum is, of terms that are these. */
function weakest(kinds: ReadonlySet<ErrorKind>): ErrorKind {
  const inexact = [...kinds].filter((kind) => kind !== 'exact');
  return inexact.length === 0 ? 'exact' : inexact.length === 1 ? inexact[0]! : 'estimate';
}
