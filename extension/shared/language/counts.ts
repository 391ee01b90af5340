/** Things that are counted in many places. Each place formats the number its own way. */
import { l10n } from './l10n';

/** @param text the count as it is shown */
type Counted = (count: number, text: string | number) => string;

export const counts = {
  columns: (count, text) => l10n.many(count, '1 column', '{0} columns', text),
  files: (count, text) => l10n.many(count, '1 file', '{0} files', text),
  layers: (count, text) => l10n.many(count, '1 layer', '{0} layers', text),
  parameters: (count, text) => l10n.many(count, '1 parameter', '{0} parameters', text),
  problems: (count, text) => l10n.many(count, '1 problem', '{0} problems', text),
  tensors: (count, text) => l10n.many(count, '1 tensor', '{0} tensors', text),
  threads: (count, text) => l10n.many(count, '1 thread', '{0} threads', text),
} as const satisfies Record<string, Counted>;
