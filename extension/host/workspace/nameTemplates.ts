/**
 * The names of a checkpoint with their numbers left open: `layers.#.mlp.weight` stands for all blocks. Answers what a name
 * with a variable in it means (`f"layers.{i}.mlp"`, `layers[i].mlp`), and which name is nearest to one that is not there.
 */
import { largestOf, smallestOf } from '../../shared/extremes';
import { nameSimilarity } from '../../shared/names/nearestNames';

/** Kinds of names. Models have some dozens; a file that has more of them has no blocks. */
const MAX_TEMPLATES = 2000;

/** Stands for a variable in a written name. */
export const ANY = '*';

/** A share of a name's parts that must be equal for another to be its misspelling. */
const NEAR = 0.6;

/** Beginnings of names that are tried. */
const MAX_FRONTS = 64;

/** Fewer equal parts are chance. */
const LEAST_EQUAL = 3;

const NUMBER = /^\d{1,9}$/;

interface Template {
  /** `#` in place of numbers. */
  parts: readonly string[];
  count: number;
  /** A tensor of this kind. */
  example: number;
  /** The range of each `#`, in order. */
  ranges: [least: number, most: number][];
}

export interface NameRange {
  /** The name as far as it was asked for, numbers as ranges: `model.layers.0–31.mlp`. */
  name: string;
  /** What lies at or below it, with the number of tensors and one of them. */
  below: { name: string; count: number; example: number }[];
}

export class NameTemplates {
  private readonly templates = new Map<string, Template>();

  add(parts: readonly string[], index: number): void {
    const numbers = parts.filter((part) => NUMBER.test(part)).map(Number);
    const open = parts.map((part) => (NUMBER.test(part) ? '#' : part));
    const key = open.join('.');
    const known = this.templates.get(key);
    if (!known) {
      if (this.templates.size >= MAX_TEMPLATES) return;
      const ranges = numbers.map((number): [number, number] => [number, number]);
      this.templates.set(key, { parts: open, count: 1, example: index, ranges });
      return;
    }
    known.count += 1;
    for (const [place, range] of known.ranges.entries()) {
      range[0] = Math.min(range[0], numbers[place]!);
      range[1] = Math.max(range[1], numbers[place]!);
    }
  }

  /** @param pattern with `ANY` for at least one part; undefined where no name is like it */
  range(pattern: readonly string[]): NameRange | undefined {
    let start = Infinity;
    let found: Template[] = [];
    for (const template of this.templates.values()) {
      const at = placeOf(pattern, template, start);
      if (at === undefined) continue;
      if (at < start) found = [];
      start = at;
      found.push(template);
    }
    const [first] = found;
    if (!first) return undefined;
    const end = start + pattern.length;
    return {
      name: shown({ ...first, ranges: joined(found) }, 0, end),
      below: found.map((template) => ({
        name: shown(template, end, template.parts.length),
        count: template.count,
        example: template.example,
      })),
    };
  }

  /** The name that somebody may have meant; undefined where none is near. */
  nearest(parts: readonly string[]): string | undefined {
    const [best] = this.near(parts, 1);
    return best && shown(best, 0, best.parts.length);
  }

  /**
   * The names that somebody may have meant, the nearest first, with the numbers that were written where there are such.
   *
   * @returns for each the parts of its name, and a tensor of its kind
   */
  alike(parts: readonly string[], most: number): { parts: string[]; example: number }[] {
    return this.near(parts, most).map((template) => {
      const written = parts.filter((part) => NUMBER.test(part));
      const filled = template.parts.map((part, index) => {
        if (part !== '#') return part;
        const place = hashes(template.parts, index);
        const [least, most] = template.ranges[place]!;
        const number = written[place];
        return number !== undefined && within(Number(number), [least, most]) ? number : String(least);
      });
      return { parts: filled, example: template.example };
    });
  }

  /** The range of names that a name would be in if one of its numbers were not too large; undefined where there is none. */
  beyond(parts: readonly string[]): string | undefined {
    const key = parts.map((part) => (NUMBER.test(part) ? '#' : part)).join('.');
    const template = this.templates.get(key);
    if (!template) return undefined;
    const numbers = parts.filter((part) => NUMBER.test(part)).map(Number);
    const outside = numbers.some((number, place) => number > template.ranges[place]![1]);
    return outside ? shown(template, 0, template.parts.length) : undefined;
  }

  /** What names begin with, one part or two: `model`, `base_model.model`. */
  fronts(): string[] {
    const fronts = new Set<string>();
    for (const { parts } of this.templates.values()) {
      for (const count of [1, 2]) {
        const front = parts.slice(0, count);
        if (parts.length > count + 1 && !front.includes('#')) fronts.add(front.join('.'));
      }
      if (fronts.size >= MAX_FRONTS) break;
    }
    return [...fronts];
  }

  private near(parts: readonly string[], most: number): Template[] {
    const near: { template: Template; equal: number }[] = [];
    for (const template of this.templates.values()) {
      if (Math.abs(template.parts.length - parts.length) > 1) continue;
      // From the front and from the back: a part too many, or one too few, moves all that follow.
      const front = equalParts(parts, template, 0);
      const back = equalParts(parts, template, template.parts.length - parts.length);
      const equal = Math.max(front, back);
      if (equal < LEAST_EQUAL || equal < NEAR * Math.max(parts.length, template.parts.length)) continue;
      near.push({ template, equal });
    }
    near.sort((a, b) => b.equal - a.equal);
    // Only where as many parts are equal do letters decide: they cost more.
    const written = parts.join('.');
    const least = near[Math.min(most, near.length) - 1]?.equal ?? 0;
    return near
      .filter(({ equal }) => equal >= least)
      .map((each) => ({ ...each, alike: near.length > 1 ? nameSimilarity(each.template.parts.join('.'), written) : 1 }))
      .sort((a, b) => b.equal - a.equal || b.alike - a.alike)
      .slice(0, most)
      .map(({ template }) => template);
  }
}

/** First part of the template that the pattern begins at, before `limit` or there; undefined where it fits nowhere. */
function placeOf(pattern: readonly string[], { parts, ranges }: Template, limit: number): number | undefined {
  const last = Math.min(limit, parts.length - pattern.length);
  for (let at = 0; at <= last; at++) {
    const fits = pattern.every((wanted, index) => {
      const part = parts[at + index]!;
      if (wanted === ANY) return part === '#';
      return part === '#'
        ? NUMBER.test(wanted) && within(Number(wanted), ranges[hashes(parts, at + index)]!)
        : part === wanted;
    });
    if (fits) return at;
  }
  return undefined;
}

function equalParts(parts: readonly string[], template: Template, shift: number): number {
  return parts.filter((part, index) => {
    const own = template.parts[index + shift];
    return own === '#' ? NUMBER.test(part) : own === part;
  }).length;
}

function within(number: number, [least, most]: readonly [number, number]): boolean {
  return number >= least && number <= most;
}

/** How many `#` stand before a part. */
function hashes(parts: readonly string[], before: number): number {
  return parts.slice(0, before).filter((part) => part === '#').length;
}

function joined(templates: readonly Template[]): [number, number][] {
  const [first] = templates;
  return (first?.ranges ?? []).map((_, place) => {
    const all = templates.flatMap(({ ranges }) => (ranges[place] ? [ranges[place]] : []));
    return [smallestOf(all.map(([least]) => least)), largestOf(all.map(([, most]) => most))];
  });
}

function shown({ parts, ranges }: Pick<Template, 'parts' | 'ranges'>, start: number, end: number): string {
  return parts
    .map((part, index) => {
      if (part !== '#') return part;
      const [least, most] = ranges[hashes(parts, index)]!;
      return least === most ? String(least) : `${least}–${most}`;
    })
    .slice(start, end)
    .join('.');
}
