/** Which layers an allocation decides about, and why the others stay as they are. */
import { layerMethod } from '../../shared/compression/methodTable';
import type { LayerPlan } from '../../shared/compression/plans';
import { l10n } from '../../shared/language/l10n';
import { compiledPatterns } from './patterns';
import { alphaOf } from './families';
import type { PreparedLayer } from './layerOptions';
import type { PlanRequest } from './planRequest';

export type Standing =
  | { readonly kind: 'takes part'; readonly note?: string }
  | { readonly kind: 'pinned'; readonly plan: LayerPlan }
  /** `share` of it stays if it becomes smaller with its group. */
  | { readonly kind: 'left out'; readonly why: string; readonly share?: number }
  /** It would take part if it were inspected. */
  | { readonly kind: 'missing'; readonly why: string };

const NOT_INSPECTED = 'was not inspected';
const NO_OUTPUTS = l10n.english('has no spectrum under the Gram matrix of its inputs');

/** @throws RangeError for a pattern that is no regular expression */
export function standings(layers: readonly PreparedLayer[], request: PlanRequest): Standing[] {
  const excluded = compiledPatterns(request.exclude ?? []);
  const included = compiledPatterns(request.include ?? []);
  return layers.map((prepared): Standing => {
    const { name, leftOut } = prepared.layer;
    const pinned = request.pinned && Object.hasOwn(request.pinned, name) ? request.pinned[name] : undefined;
    if (leftOut?.always) return { kind: 'left out', why: leftOut.why };
    if (request.leftOut && Object.hasOwn(request.leftOut, name)) {
      const share = request.groupShares?.[name];
      return { kind: 'left out', why: request.leftOut[name]!, ...(share !== undefined && { share }) };
    }
    if (pinned) return { kind: 'pinned', plan: pinned };
    const pattern = excluded.find(({ matches }) => matches(name));
    if (pattern) return { kind: 'left out', why: `matches ${pattern.source}` };
    if (leftOut && !included.some(({ matches }) => matches(name))) return { kind: 'left out', why: leftOut.why };
    return needs(prepared, request);
  });
}

/** What the allocation asks of a layer. */
function needs(prepared: PreparedLayer, { allocation, target, method, blockInfluence = {} }: PlanRequest): Standing {
  const { shares, outputShares, layer } = prepared;
  // A person says the rank of adapters: no spectrum decides about it.
  if (layerMethod(method.method).stores === 'adapter') return { kind: 'takes part' };
  if (!shares && (allocation === 'optimal' || allocation === 'welore' || target.kind === 'error')) {
    return { kind: 'missing', why: NOT_INSPECTED };
  }
  if (allocation === 'optimal-gram' && !outputShares) return { kind: 'left out', why: NO_OUTPUTS };
  if (allocation === 'block-influence' && !Object.hasOwn(blockInfluence, layer.block)) {
    const { block } = layer;
    const why =
      block === ''
        ? l10n.english('is in no block')
        : l10n.english('is in {0}, which has no block_influence in the statistics', block);
    return { kind: 'left out', why };
  }
  if (allocation !== 'farms-alpha' && allocation !== 'alphapruning') return { kind: 'takes part' };
  const which = allocation === 'farms-alpha' ? 'FARMS alpha' : 'alpha';
  const alpha = alphaOf(prepared, allocation);
  if (alpha === undefined) return { kind: 'missing', why: shares ? `its ${which} was not computed` : NOT_INSPECTED };
  return alpha === null
    ? { kind: 'takes part', note: `its ${which} could not be fitted, and it takes the middle of the range` }
    : { kind: 'takes part' };
}
