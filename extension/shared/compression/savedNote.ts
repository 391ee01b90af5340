/** What a compressed copy says of itself in its metadata, read without trust: any program can write that key. */
import { l10n } from '../language/l10n';
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
  const title =
    typeof source === 'string' ? l10n.t('Compressed copy of {0}', shortened(source)) : l10n.t('Compressed copy');
  const detail = detailOf(note);
  return detail === undefined ? { title } : { title, detail };
}

function detailOf({ layer, method, rank, layers }: Record<string, unknown>): string | undefined {
  if (typeof layer === 'string') {
    const name = shortened(layer);
    const by = typeof method === 'string' ? shortened(method) : undefined;
    if (typeof rank === 'number') {
      return by === undefined
        ? l10n.t('{0} at rank {1}', name, rank)
        : l10n.t('{0} by {2} at rank {1}', name, rank, by);
    }
    return by === undefined ? name : l10n.t('{0} by {1}', name, by);
  }
  if (typeof layers !== 'object' || layers === null) return undefined;
  const count = Object.keys(layers).length;
  return l10n.many(count, '1 layer was compressed', '{0} layers were compressed', count);
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
