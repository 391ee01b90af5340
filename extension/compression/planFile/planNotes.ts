/** What a plan's file says without effect: most likely not what the person who wrote it by hand meant. */
import { firstNames, NAMES_SHOWN } from '../../checkpoint/problemList';
import { agreeing } from '../../shared/agreeing';
import { idleOptions } from '../../shared/compression/quantisers';
import type { CompressionPlan } from '../../shared/compression/plans';
import { compiledPatterns } from '../plan/patterns';

/** Sentences for people; none for a plan that says one thing. */
export function planNotes({ layers, exclude }: Pick<CompressionPlan, 'layers' | 'exclude'>): string[] {
  const compressed = Object.entries(layers).flatMap(([name, layer]) => ('keep' in layer ? [] : [{ name, layer }]));
  const excluded = compiledPatterns(exclude).flatMap(({ source, matches }) => {
    const names = compressed.flatMap(({ name }) => (matches(name) ? [name] : []));
    if (names.length === 0) return [];
    const which = `${agreeing(names.length, '1 layer', `${names.length} layers`)} (${firstNames(names, NAMES_SHOWN)})`;
    return [`The plan excludes ${source}, and compresses ${which} that it matches: what it says of a layer counts.`];
  });
  const idle = new Map<string, string[]>();
  for (const { name, layer } of compressed) {
    for (const sentence of idleOptions(layer)) idle.set(sentence, [...(idle.get(sentence) ?? []), name]);
  }
  return [...excluded, ...[...idle].map(([sentence, names]) => `${firstNames(names, NAMES_SHOWN)}: ${sentence}.`)];
}
