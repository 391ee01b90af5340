/** What a plan that was made before was asked for, and which of its rows a person set by hand: its file tells neither. */
import { whyNotAssigned } from '../../extension/compression/plan/assertRequest';
import { compiledPatterns } from '../../extension/compression/plan/patterns';
import type { MethodName } from '../../extension/shared/compression/methodTable';
import type { CompressionPlan, LayerPlan } from '../../extension/shared/compression/plans';
import type { OutOfReach } from './planInputs';
import type { PlanLayers } from './planLayers';
import { BY_HAND, FIRST_SETTINGS, sameLayerPlan, type PlanSettings } from './planSettings';

type Rows = Readonly<Record<string, LayerPlan>>;

/**
 * Settings that show the plan as it is. If they give its rows, but for a few that a person edited, those few are set by
 * hand. Else all rows stand as they were loaded until something else is asked: an integer programme is the engine's to
 * solve, layers may not be inspected here, and a terminal has more options.
 */
export function settingsOfLoaded(
  layers: PlanLayers,
  { target, allocation, relative, method, exclude, multiple, layers: rows, groups = {} }: CompressionPlan,
  outOfReachOf: (settings: PlanSettings) => OutOfReach,
): PlanSettings {
  const asked = { target, allocation, relative: relative ?? false, method, exclude, multiple };
  const settings: PlanSettings = {
    ...{ ...FIRST_SETTINGS, ...asked, loadedGroups: groups },
    ...{ pinned: byHand(layers, rows, { allocation, method, exclude }) },
    ...(allocation === 'ilp' && { choices: methodsOf(rows) }),
  };
  const rebalanced = differing(layers, rows, settings, outOfReachOf);
  if (rebalanced && Object.keys(rebalanced).length === 0) return settings;
  const alone: PlanSettings = { ...settings, rebalance: false };
  const edited = differing(layers, rows, alone, outOfReachOf);
  const compressed = Object.values(rows).filter((row) => !('keep' in row)).length;
  return edited && 2 * Object.keys(edited).length <= compressed
    ? { ...alone, pinned: { ...alone.pinned, ...edited } }
    : { ...alone, loadedRows: rows };
}

/** Rows that no allocation gives a layer. */
function byHand(
  layers: PlanLayers,
  rows: Rows,
  { allocation, method, exclude }: Pick<CompressionPlan, 'allocation' | 'method' | 'exclude'>,
): Rows {
  const excluded = compiledPatterns(exclude);
  return entriesOf(rows, (name, row) => {
    if ('keep' in row) return row.why === BY_HAND;
    if (layers.layer(name)?.leftOut || excluded.some(({ matches }) => matches(name))) return true;
    return allocation !== 'ilp' && !sameLayerPlan(withoutRank(row), withoutRank(method));
  });
}

function withoutRank(row: Exclude<LayerPlan, { keep: 'dense' }>): LayerPlan {
  const { rank: _, ...choice } = row;
  return choice;
}

/** Rows that these settings do not give; undefined if they give no plan here, or not of all layers. */
function differing(
  layers: PlanLayers,
  rows: Rows,
  settings: PlanSettings,
  outOfReachOf: (settings: PlanSettings) => OutOfReach,
): Rows | undefined {
  const planned = layers.plan(settings, outOfReachOf(settings));
  if ('problem' in planned || planned.plan.missing.length > 0) return undefined;
  const given = planned.plan.layers;
  return entriesOf(rows, (name, row) => {
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    return own === undefined || !sameLayerPlan(own, row);
  });
}

/** What an integer programme that gave these rows chose among; others were set by hand. */
function methodsOf(rows: Rows): MethodName[] {
  const methods = Object.values(rows).flatMap((row) => ('keep' in row ? [] : [row.method]));
  return [...new Set(methods)].filter((name) => whyNotAssigned(name) === undefined);
}

function entriesOf(rows: Rows, chosen: (name: string, row: LayerPlan) => boolean): Rows {
  return Object.fromEntries(Object.entries(rows).filter(([name, row]) => chosen(name, row)));
}
