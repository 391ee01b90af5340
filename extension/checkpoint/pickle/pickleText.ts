/** Short texts for the values of a training checkpoint that are not tensors: epoch, learning rate, arguments. */
import { PickleDict, PickleDType, PickleGlobal, PickleObject, PickleSequence, type PickleValue } from './pickleValues';

/** Longest text shown for one value. */
const MAX_TEXT = 400;

/** Lists longer than this are shown by their first items and their length. */
const MAX_LIST = 12;

/** The value in a line; undefined for containers and tensors, which are not one value. */
function scalarText(value: PickleValue): string | undefined {
  if (value === null) return 'None';
  if (typeof value === 'string') return shorten(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number' || typeof value === 'bigint') return shorten(String(value));
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof PickleGlobal) return shorten(`<${value.name}>`);
  if (value instanceof PickleDType) return value.name;
  if (value instanceof PickleSequence) return listText(value);
  return undefined;
}

function listText(list: PickleSequence): string | undefined {
  const shown = list.items
    .slice(0, MAX_LIST)
    .map((item) => (item instanceof PickleSequence ? undefined : scalarText(item)));
  if (shown.includes(undefined)) return undefined;
  const more = list.items.length > MAX_LIST ? `, … ${list.items.length} in all` : '';
  return shorten(`[${shown.join(', ')}${more}]`);
}

/** An object that was not built, by its class and plain arguments. */
function placeholderText(object: PickleObject): string {
  const args = object.args instanceof PickleSequence ? object.args.items.slice(0, MAX_LIST) : [];
  const shown = args.map((item) => scalarText(item) ?? '…');
  return shorten(`<${object.global}${shown.length > 0 ? `(${shown.join(', ')})` : ''}>`);
}

function shorten(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/** Most entries kept: enough for any script's arguments, not for an optimizer's state of a thousand layers. */
const MAX_ENTRIES = 200;

/** Levels of nesting that are shown. */
const MAX_LEVELS = 4;

/** Collects values by nesting level, so that the outermost survive the limit. */
export class ScalarCollector {
  private readonly levels: [string, string][][] = Array.from({ length: MAX_LEVELS }, () => []);

  /** @param level keys from the root: 1 for a value of the root dictionary */
  add(path: string, level: number, value: PickleValue): void {
    const entries = this.levels[level - 1];
    if (!entries || entries.length >= MAX_ENTRIES) return;
    const text = value instanceof PickleObject ? placeholderText(value) : scalarText(value);
    if (text !== undefined && !(value instanceof PickleDict)) entries.push([path, text]);
  }

  /** Outermost first, at most `MAX_ENTRIES`. */
  entries(): [string, string][] {
    return this.levels.flat().slice(0, MAX_ENTRIES);
  }
}
