/** Finds the lines of a source file that name one layer, in any of the ways that hovers understand. Knows nothing of VS Code. */
import { packSummary } from '../../shared/packedTensors';
import type { CheckpointSummary, TensorSummary } from '../../shared/tensors';
import { namesAt } from '../sources/nameAtPosition';
import { components, LayerNames, pathOf, patternOf } from '../workspace/layerNames';

export interface NamedPlace {
  line: number;
  column: number;
  /** The line's text. */
  text: string;
  /** The name, whole or with a variable in it, or the attribute of a module that holds the layer. */
  kind: 'name' | 'attribute';
}

/** Places in one file, occurrences in one line, and characters of a line that are looked at. */
const MOST_PLACES = 50;
const MOST_OCCURRENCES = 20;
const MOST_CHARACTERS = 2000;

/** What follows a module's name where another parameter of it is meant: the whole name would have been found. */
const OTHER_PARAMETER = /^[./](?:weight|bias|kernel|gamma|beta|embeddings|running_mean|running_var)\b/;

export class LayerMatcher {
  private constructor(
    private readonly names: LayerNames,
    /** A part of the name that each way of writing it holds. */
    private readonly word: string,
  ) {}

  static async of(tensor: TensorSummary): Promise<LayerMatcher> {
    const names = await LayerNames.of(packSummary({ tensors: [tensor] } as unknown as CheckpointSummary).tensors);
    const parts = components(tensor.name);
    const module = parts.length > 1 ? parts.slice(0, -1) : parts;
    return new LayerMatcher(names, module.findLast((part) => !/^\d+$/.test(part)) ?? parts.at(-1) ?? '');
  }

  /** In the order of the source, at most one a line. */
  places(source: string): NamedPlace[] {
    const places: NamedPlace[] = [];
    if (this.word === '' || !source.includes(this.word)) return places;
    for (const [line, text] of source.split('\n').entries()) {
      if (places.length >= MOST_PLACES) break;
      const place = this.placeIn(text.slice(0, MOST_CHARACTERS));
      if (place) places.push({ line, text, ...place });
    }
    return places;
  }

  private placeIn(text: string): Pick<NamedPlace, 'column' | 'kind'> | undefined {
    let attribute: Pick<NamedPlace, 'column' | 'kind'> | undefined;
    let at = text.indexOf(this.word);
    for (let count = 0; at >= 0 && count < MOST_OCCURRENCES; count++) {
      for (const { text: name, start, end } of namesAt(text, at)) {
        if (!OTHER_PARAMETER.test(text.slice(end)) && this.isNamed(name)) return { column: start, kind: 'name' };
      }
      const before = text.slice(0, at);
      const after = text.slice(at + this.word.length);
      if (/\bself\.$/.test(before) && /^\s?(:|=(?!=))/.test(after)) attribute ??= { column: at, kind: 'attribute' };
      at = text.indexOf(this.word, at + this.word.length);
    }
    return attribute;
  }

  private isNamed(name: string): boolean {
    const path = pathOf(name);
    if (path.length > 0 && this.names.find(path).length > 0) return true;
    const pattern = patternOf(name);
    return pattern !== undefined && this.names.templates.range(pattern) !== undefined;
  }
}
