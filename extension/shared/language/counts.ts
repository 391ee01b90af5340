/** Things that are counted in many places. Each place formats the number its own way. */
import { l10n } from './l10n';

/** @param text the count as it is shown */
type Counted = (count: number, text: string | number) => string;

export const counts = {
  blocks: (count, text) => l10n.many(count, '1 block', '{0} blocks', text),
  bytes: (count, text) => l10n.many(count, '1 byte', '{0} bytes', text),
  columns: (count, text) => l10n.many(count, '1 column', '{0} columns', text),
  elements: (count, text) => l10n.many(count, '1 element', '{0} elements', text),
  files: (count, text) => l10n.many(count, '1 file', '{0} files', text),
  hours: (count, text) => l10n.many(count, '1 hour', '{0} hours', text),
  layers: (count, text) => l10n.many(count, '1 layer', '{0} layers', text),
  matrices: (count, text) => l10n.many(count, '1 matrix', '{0} matrices', text),
  minutes: (count, text) => l10n.many(count, '1 minute', '{0} minutes', text),
  names: (count, text) => l10n.many(count, '1 name', '{0} names', text),
  parameters: (count, text) => l10n.many(count, '1 parameter', '{0} parameters', text),
  problems: (count, text) => l10n.many(count, '1 problem', '{0} problems', text),
  rows: (count, text) => l10n.many(count, '1 row', '{0} rows', text),
  seconds: (count, text) => l10n.many(count, '1 second', '{0} seconds', text),
  tensors: (count, text) => l10n.many(count, '1 tensor', '{0} tensors', text),
  threads: (count, text) => l10n.many(count, '1 thread', '{0} threads', text),
  tokens: (count, text) => l10n.many(count, '1 token', '{0} tokens', text),
  windows: (count, text) => l10n.many(count, '1 window', '{0} windows', text),
} as const satisfies Record<string, Counted>;
