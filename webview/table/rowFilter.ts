/**
 * Finds the rows that match the filter. Its texts are first looked for as they stand; if none is found, as patterns; if
 * none matches, by letters close together in that order. Pure; one pass over the rows for each.
 */
import fuzzysort from 'fuzzysort';
import { globMatcher } from '../../extension/shared/names/glob';
import { isPattern, parseFilter, type FilterField } from './filterQuery';
import type { ModuleTree, TreeNode } from '../model/moduleTree';
import { sorted, type ShownRow, type Sorting } from './tableOrder';

/** Scores below this match letters scattered over a name, which is not what anyone typed. */
const FUZZY_THRESHOLD = 0.4;

/** Nobody remembers the letters of a name in such numbers; looking for them would take long. */
const LONGEST_FUZZY = 100;

export interface Filtered {
  rows: ShownRow[];
  /** Rows that there are without the filter. */
  total: number;
  /** Keys of the columns that it looked at, the name's not among them. */
  fields: string[];
  /** What was not understood. */
  problem?: string;
}

interface Target {
  node: TreeNode;
  /** The name, and the alias where there is one. */
  text: string;
  lower: string;
}

export class RowFilter {
  private readonly targets: readonly Target[];
  private readonly fields: readonly FilterField[];

  constructor(tree: ModuleTree, fields: readonly FilterField[]) {
    this.fields = fields;
    this.targets = tree.leaves
      .filter((node) => node.layer !== undefined)
      .map((node) => {
        const { filterText } = node;
        return { node, text: filterText, lower: filterText.toLowerCase() };
      });
  }

  /** Rows in file order, those of scattered letters best match first, unless a sorting is given. */
  rows(typed: string, sorting: Sorting | null): Filtered {
    const { texts, tests, problem } = parseFilter(typed, this.fields);
    const left = this.targets.filter(({ node, lower }) =>
      tests.every(({ term, holds }) => holds(node) || lower.includes(term)),
    );
    let rows: ShownRow[];
    let reason = problem;
    try {
      rows = texts.length === 0 ? left.map(({ node }) => ({ node, depth: 0 })) : withTexts(left, texts);
    } catch (error) {
      // Braces that stand for too many texts.
      if (!(error instanceof RangeError)) throw error;
      rows = [];
      reason = `${error.message}.`;
    }
    return {
      rows: sorting ? sortedRows(rows, sorting) : rows,
      total: this.targets.length,
      fields: [...new Set(tests.map(({ field }) => field))],
      ...(reason !== undefined && { problem: reason }),
    };
  }
}

function withTexts(targets: readonly Target[], texts: readonly string[]): ShownRow[] {
  const exact = targets.filter(({ lower }) => texts.every((text) => lower.includes(text)));
  if (exact.length > 0) return exact.map((target) => new FoundRow(target, () => placesOf(target, texts)));
  if (texts.some(isPattern)) {
    const plain = texts.filter((text) => !isPattern(text));
    for (const around of ['', '*']) {
      const patterns = texts.filter(isPattern).map((text) => globMatcher(around + text + around));
      const found = targets.filter(
        ({ node, lower }) =>
          plain.every((text) => lower.includes(text)) &&
          patterns.every((matches) => namesOf(node).some((name) => matches(name))),
      );
      if (found.length > 0) return found.map((target) => new FoundRow(target, () => placesOf(target, plain)));
    }
    return [];
  }
  return scattered(targets, texts.join(' '));
}

/** In lower case, each by itself: a pattern is about one whole name. */
function namesOf({ name, kind, tensor }: TreeNode): string[] {
  const alias = kind === 'tensor' ? tensor?.alias : undefined;
  return (alias === undefined ? [name] : [name, alias]).map((each) => each.toLowerCase());
}

/** Works out what it marks when it is shown: of 100 000 rows that is a screenful. */
class FoundRow implements ShownRow {
  readonly depth = 0;

  constructor(
    private readonly target: Target,
    private readonly indexes: () => Iterable<number>,
  ) {}

  get node(): TreeNode {
    return this.target.node;
  }

  get matches(): ReadonlySet<number> {
    return new Set(this.indexes());
  }

  /** The alias, too, where something is marked in it. */
  get found(): string | undefined {
    const { node, text } = this.target;
    return [...this.matches].some((index) => index >= node.name.length) ? text : undefined;
  }
}

/** The first place of each text. */
function* placesOf({ text, lower }: Target, wanted: readonly string[]): Generator<number> {
  // If a letter's small form is longer, places in the one text are not those of the other.
  if (lower.length !== text.length) return;
  for (const each of wanted) {
    const start = lower.indexOf(each);
    for (let at = start; at < start + each.length; at++) yield at;
  }
}

function scattered(targets: readonly Target[], letters: string): ShownRow[] {
  if (letters.length > LONGEST_FUZZY) return [];
  const hits = fuzzysort.go(letters, targets, { key: 'text', limit: 0, threshold: FUZZY_THRESHOLD });
  return hits.map((hit) => new FoundRow(hit.obj, () => hit.indexes));
}

function sortedRows(rows: readonly ShownRow[], sorting: Sorting): ShownRow[] {
  const byNode = new Map(rows.map((row) => [row.node, row]));
  return sorted([...byNode.keys()], sorting).map((node) => byNode.get(node)!);
}
