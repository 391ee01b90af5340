/**
 * What a person typed into the filter, as terms that must all hold: texts of names, and tests of columns (`alpha>6`,
 * `dtype:bf16`, `64x172`). Read character by character: no expression of the user's ever becomes a regular expression.
 */
import { l10n } from '../../extension/shared/language/l10n';
import { globMatcher } from '../../extension/shared/names/glob';
import type { TreeNode } from '../model/moduleTree';

/** A column as the filter sees it. */
export interface FilterField {
  key: string;
  label: string;
  /** What `<` and `>` compare. */
  sort: (node: TreeNode) => number | string | null;
  /** What `:` looks into, where that is a text, or several of which one must match. */
  text?: (node: TreeNode) => string | readonly string[] | null;
}

export interface FilterQuery {
  /** Texts of names, in lower case. */
  texts: string[];
  tests: FilterTest[];
  /** What cannot be understood, in a sentence for the empty table. */
  problem?: string;
}

export interface FilterTest {
  /** As typed, in lower case: a name may hold it, too. */
  term: string;
  /** Key of the column; `shape` for a bare shape. */
  field: string;
  holds: (node: TreeNode) => boolean;
}

/** Longer than any name that a person types, and than a list of all roles; what is beyond is not looked at. */
const LONGEST_QUERY = 1200;

const OPERATORS = ['>=', '<=', '≥', '≤', '>', '<', '=', ':'] as const;
type Operator = (typeof OPERATORS)[number];

/** Multiples that people write behind numbers of parameters and bytes. */
const MULTIPLES: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9, b: 1e9, t: 1e12 };

export function parseFilter(typed: string, fields: readonly FilterField[]): FilterQuery {
  const query: FilterQuery = { texts: [], tests: [] };
  for (const term of termsOf(typed.slice(0, LONGEST_QUERY).toLowerCase())) {
    const shape = shapeTerm(term, fields);
    const parts = comparison(term);
    const field = parts && fieldOf(parts.field, fields);
    if (shape) query.tests.push(shape);
    else if (field) addTest(query, term, field, parts);
    else {
      query.texts.push(term);
      // A colon may be part of a name: TensorFlow's end in `:0`.
      if (parts && parts.operator !== ':') query.problem = l10n.t('No column is called “{0}”.', parts.field);
    }
  }
  return query;
}

/** Words; an operator, or the sign between two sides of a shape, joins those around it. */
function termsOf(typed: string): string[] {
  const terms: string[] = [];
  for (const word of typed.split(/\s+/)) {
    if (word === '') continue;
    const last = terms.at(-1);
    if (last !== undefined && (joinsNext(last) || joinsLast(word, last))) terms[terms.length - 1] = last + word;
    else terms.push(word);
  }
  return terms;
}

function joinsNext(term: string): boolean {
  return OPERATORS.some((operator) => term.endsWith(operator)) || isOpenShape(term);
}

function joinsLast(word: string, last: string): boolean {
  if (OPERATORS.some((operator) => operator !== ':' && word.startsWith(operator))) return true;
  return (word.startsWith('×') || word === 'x') && isDigit(last.at(-1));
}

/** `64×`, `64x`: another side follows. */
function isOpenShape(term: string): boolean {
  return (term.endsWith('×') || term.endsWith('x')) && isDigit(term.at(-2)) && isDigit(term[0]);
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9';
}

function comparison(term: string): { field: string; operator: Operator; value: string } | undefined {
  for (let at = 1; at < term.length; at++) {
    const operator = OPERATORS.find((each) => term.startsWith(each, at));
    if (operator) return { field: term.slice(0, at), operator, value: term.slice(at + operator.length) };
  }
  return undefined;
}

/** Column keys and labels as people may write them: `farms_alpha`, `FARMS α`, `farmsα`. */
function plainName(name: string): string {
  return name.toLowerCase().replaceAll('α', 'alpha').replaceAll(' ', '').replaceAll('_', '');
}

function fieldOf(name: string, fields: readonly FilterField[]): FilterField | undefined {
  const wanted = plainName(name);
  return fields.find(({ key }) => plainName(key) === wanted) ?? fields.find(({ label }) => plainName(label) === wanted);
}

function addTest(
  query: FilterQuery,
  term: string,
  field: FilterField,
  { operator, value }: { operator: Operator; value: string },
): void {
  // Still being typed: `alpha>` filters nothing yet.
  if (value === '') return;
  const add = (holds: FilterTest['holds']): void => void query.tests.push({ term, field: field.key, holds });
  const { text } = field;
  if (text && (operator === ':' || operator === '=')) {
    const matches = textMatcher(plainShape(value), operator === '=');
    add((node) => textsOf(text(node)).some((each) => matches(plainShape(each.toLowerCase()))));
    return;
  }
  const limit = numberOf(value);
  if (limit === undefined) {
    query.problem = l10n.t('“{0}” is not a number.', value);
    add(() => false);
    return;
  }
  const compares = COMPARE[operator];
  add((node) => {
    const number = field.sort(node);
    return typeof number === 'number' && compares(number, limit);
  });
}

function textsOf(text: string | readonly string[] | null): readonly string[] {
  return typeof text === 'string' ? [text] : (text ?? []);
}

const COMPARE: Record<Operator, (a: number, b: number) => boolean> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '≥': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '≤': (a, b) => a <= b,
  '=': (a, b) => a === b,
  ':': (a, b) => a === b,
};

/** `64x172`, `64×172`: tensors of that shape, and names that hold it. */
function shapeTerm(term: string, fields: readonly FilterField[]): FilterTest | undefined {
  const sides = plainShape(term).split('x');
  if (sides.length < 2 || !sides.every((side) => side !== '' && Array.from(side).every(isDigit))) return undefined;
  const text = fields.find(({ key }) => key === 'shape')?.text;
  return (
    text && {
      term,
      field: 'shape',
      holds: (node) => textsOf(text(node)).some((each) => plainShape(each) === sides.join('x')),
    }
  );
}

function plainShape(text: string): string {
  return text.replaceAll(' ', '').replaceAll('×', 'x');
}

/** Whole, or one of several between commas; else as a pattern where it is one, or contained. */
function textMatcher(wanted: string, whole: boolean): (text: string) => boolean {
  if (whole) {
    const either = new Set([wanted, ...wanted.split(',')]);
    return (text) => either.has(text);
  }
  if (isPattern(wanted)) return globMatcher(wanted);
  return (text) => text.includes(wanted);
}

export function isPattern(text: string): boolean {
  return ['*', '?', '[', '{'].some((sign) => text.includes(sign));
}

/** `6`, `1e-3`, `1.5M`, `10MB`. */
function numberOf(value: string): number | undefined {
  const withoutByte = value.endsWith('b') && MULTIPLES[value.at(-2) ?? ''] !== undefined ? value.slice(0, -1) : value;
  const multiple = MULTIPLES[withoutByte.at(-1) ?? ''];
  const number = Number(multiple === undefined ? withoutByte : withoutByte.slice(0, -1));
  return Number.isFinite(number) ? number * (multiple ?? 1) : undefined;
}
