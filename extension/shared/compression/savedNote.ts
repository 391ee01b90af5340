/** What a compressed copy says of itself in its metadata, read without trust: any program can write that key. */
import { visible } from '../visibleText';

/** Metadata key of the note: what became of the file, for people and programs that open it later. */
export const NOTE_KEY = 'eigenscope';

/** Characters shown of the name of a source. */
const MOST_SHOWN = 80;

/** A compressed copy, as a header shows it. */
export interface CopyNote {
  /** `Compressed copy of model.safetensors`; without the name if the note has none. */
  title: string;
  /** What was done: the layer, its method and rank, or how many layers. Absent if the note does not say. */
  detail?: string;
}

/** @returns undefined for what is no compressed copy of ours */
export function copyNote(metadata: Readonly<Record<string, string>>): CopyNote | undefined {
  const text = Object.hasOwn(metadata, NOTE_KEY) ? metadata[NOTE_KEY] : undefined;
  const note = text === undefined ? undefined : parsed(text);
  // Files of statistics carry a note, too, which names no layer.
  if (!note || !('layer' in note || 'layers' in note)) return undefined;
  const { source } = note;
  const title = typeof source === 'string' ? `Compressed copy of ${shortened(source)}` : 'Compressed copy';
  const detail = detailOf(note);
  return detail === undefined ? { title } : { title, detail };
}

function detailOf({ layer, method, rank, layers }: Record<string, unknown>): string | undefined {
  if (typeof layer === 'string') {
    const how = typeof method === 'string' ? ` by ${shortened(method)}` : '';
    return `${shortened(layer)}${how}${typeof rank === 'number' ? ` at rank ${rank}` : ''}`;
  }
  if (typeof layers !== 'object' || layers === null) return undefined;
  const count = Object.keys(layers).length;
  return count === 1 ? '1 layer was compressed' : `${count} layers were compressed`;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // somebody else's text under that key
  }
}

function shortened(text: string): string {
  const shown = visible(text);
  return shown.length <= MOST_SHOWN ? shown : `${shown.slice(0, MOST_SHOWN)}…`;
}
