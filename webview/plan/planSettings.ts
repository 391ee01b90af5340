/** What a person asks of a plan, as the view remembers it while it is hidden. */
import { DEFAULT_TIME_LIMIT } from '../../extension/shared/compression/assignments';
import type { GroupShare } from '../../extension/shared/compression/blockGroups';
import type { MethodName } from '../../extension/shared/compression/methodTable';
import type { CompressionPlan, GroupPlan, LayerPlan, PlanTarget } from '../../extension/shared/compression/plans';
import { l10n } from '../../extension/shared/language/l10n';
import type { RowOrder } from './planRows';

/** Layers that a plan is limited to, as they were chosen in the table. */
export interface OnlyLayers {
  /** What they are called together. */
  readonly label: string;
  readonly layers: readonly string[];
  /** The target that comes back with the other layers. */
  readonly before: PlanTarget;
}

type Chosen = Pick<CompressionPlan, 'allocation' | 'method' | 'exclude' | 'multiple'>;

export interface PlanSettings extends Chosen {
  readonly target: PlanTarget;
  /** Errors are relative to each layer's own norm. */
  readonly relative: boolean;
  /** All other layers stay dense; null for a plan of the whole model. */
  readonly only: OnlyLayers | null;
  /** Rows that were set by hand, by the layer's name. */
  readonly pinned: Readonly<Record<string, LayerPlan>>;
  /** Rows of a plan that was loaded: they stand until something else is asked. Null if the allocation decides. */
  readonly loadedRows: Readonly<Record<string, LayerPlan>> | null;
  /** The other rows make up for those. */
  readonly rebalance: boolean;
  /** Groups that become smaller beside the layers, each method with the share that stays. */
  readonly groups: readonly GroupShare[];
  /** Groups of a plan that was loaded, as its file has them. */
  readonly loadedGroups: Readonly<Record<string, GroupPlan>>;
  /** What an ILP chooses among; `method` if there is nothing. */
  readonly choices: readonly MethodName[];
  /** Seconds that an ILP may take. */
  readonly timeLimit: number;
}

export const FIRST_SETTINGS: PlanSettings = {
  target: { kind: 'size', value: 0.5 },
  allocation: 'optimal',
  relative: false,
  method: { method: 'svd' },
  exclude: [],
  multiple: 1,
  only: null,
  pinned: {},
  loadedRows: null,
  rebalance: true,
  groups: [],
  loadedGroups: {},
  choices: [],
  timeLimit: DEFAULT_TIME_LIMIT,
};

/** Why a layer that a person keeps dense is dense: plans' files say so. */
export const BY_HAND = l10n.english('kept dense by hand');

/** The plan under way: survives hiding the tab, moving it and restarting the window. */
export interface RememberedPlan {
  readonly open: boolean;
  readonly settings: PlanSettings;
  readonly order: RowOrder | null;
  /** Path of the statistics in use. */
  readonly statistics: string | null;
  /** Path of the quantised checkpoint in use. */
  readonly quantised: string | null;
}

/** Settings after a change. Loaded rows stand while only rows are set by hand, and the others do not make up for those. */
export function changedSettings(before: PlanSettings, change: Partial<PlanSettings>): PlanSettings {
  const after = { ...before, ...change };
  if (change.loadedRows !== undefined || before.loadedRows === null) return after;
  const { pinned: _, rebalance: __, ...others } = change;
  const stands = Object.keys(others).length === 0 && !(after.rebalance && Object.keys(after.pinned).length > 0);
  return stands ? after : { ...after, loadedRows: null };
}

/** The row of a layer that no allocation decides about. */
export function ownRow({ pinned, loadedRows }: PlanSettings, layer: string): LayerPlan | undefined {
  if (Object.hasOwn(pinned, layer)) return pinned[layer];
  return loadedRows && Object.hasOwn(loadedRows, layer) ? loadedRows[layer] : undefined;
}

/** The same plan for a layer: why one is dense says nothing of what is saved. */
export function sameLayerPlan(a: LayerPlan, b: LayerPlan): boolean {
  if ('keep' in a || 'keep' in b) return 'keep' in a && 'keep' in b;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof typeof a>;
  return [...keys].every((key) => a[key] === b[key]);
}
