/** What of the options of a plan had no effect. */
import { compiledPatterns } from '../../compression/plan/patterns';
import type { PlanRequest } from '../../compression/plan/planRequest';
import type { PlanLayer } from '../../shared/compression/plans';

/** Patterns that match no layer: most likely a slip of the pen. */
export function patternNotes(
  layers: readonly PlanLayer[],
  { exclude = [], include = [] }: Pick<PlanRequest, 'exclude' | 'include'>,
): string[] {
  return [...withoutEffect('--exclude', exclude, layers), ...withoutEffect('--include', include, layers)];
}

function withoutEffect(option: string, patterns: readonly string[], layers: readonly PlanLayer[]): string[] {
  return compiledPatterns(patterns)
    .filter(({ matches }) => !layers.some(({ name }) => matches(name)))
    .map(({ source }) => `${option} ${source} matches no layer, and has no effect.`);
}
