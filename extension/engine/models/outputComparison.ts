/** How far the outputs of two models are apart, summed over runs in float64. */
import { isFloating, widen } from '../../checkpoint/elements/dtype';
import type { OutputDifference } from '../../shared/modelRuns';
import type { DType } from '../../shared/tensors';
import { ModelRunError } from './modelRunError';
import type { Feed, Feeds } from './modelValues';

/** Sums of a row of probabilities are this near to 1. */
const PROBABILITY_TOLERANCE = 1e-3;

const DTYPES: Readonly<Record<string, DType>> = {
  ...{ float32: 'F32', float64: 'F64', float16: 'F16', int64: 'I64', int32: 'I32', int16: 'I16', int8: 'I8' },
  ...{ uint64: 'U64', uint32: 'U32', uint16: 'U16', uint8: 'U8', bool: 'BOOL' },
};

class Sums {
  elements = 0;
  /** Elements that are NaN, of the first and of the second. */
  readonly notNumbers: [number, number] = [0, 0];
  difference = 0;
  norm = 0;
  largest = 0;
  rows = 0;
  /** Elements of an integer output: labels, as of an ArgMax. */
  labels = 0;
  /** Of the rows those with the same top 1, of the labels those that are equal. */
  agreeing = 0;
  /** Of rows as logits and as probabilities: which of them they are is known at the end. */
  logitsKl = 0;
  probabilitiesKl = 0;
  probabilities = true;
}

export class OutputComparison {
  private readonly sums: ReadonlyMap<string, Sums>;

  /** @param logits names of outputs that are logits, beside those whose name says so */
  constructor(
    outputs: readonly string[],
    private readonly logits: readonly string[],
  ) {
    const unknown = logits.find((name) => !outputs.includes(name));
    if (unknown !== undefined) {
      throw new ModelRunError('invalid-inputs', `the model has no output "${unknown}"; it has ${outputs.join(', ')}`);
    }
    this.sums = new Map(outputs.map((name) => [name, new Sums()]));
  }

  /** @throws ModelRunError `different-models` where an output has another shape or type in the second */
  add(first: Feeds, second: Feeds): void {
    for (const [name, sums] of this.sums) addOutput(name, sums, first[name]!, second[name]!);
  }

  differences(): OutputDifference[] {
    return [...this.sums].map(([output, sums]) => {
      const { largest, rows, labels, agreeing, logitsKl, probabilitiesKl } = sums;
      const said = this.logits.includes(output) || /logit/i.test(output);
      const integers = labels > 0;
      const rows_are = rows === 0 ? null : said ? 'logits' : sums.probabilities ? 'probabilities' : null;
      return {
        output,
        relative_error: integers ? null : relativeError(sums),
        largest_difference: largest,
        top1_agreement: rows + labels === 0 ? null : agreeing / (rows + labels),
        kl: rows_are === null ? null : (rows_are === 'logits' ? logitsKl : probabilitiesKl) / rows,
        integers,
        rows_are,
      };
    });
  }

  /** Sentences for people on what the numbers do not show. */
  notes(): string[] {
    return [...this.sums].flatMap(
      ([
        output,
        {
          elements,
          notNumbers: [first, second],
        },
      ]) =>
        first + second === 0
          ? []
          : [
              `The output ${output} holds NaN in ${first} of ${elements} elements of the original, and in ${second} of the ` +
                'compressed model. Elements that are NaN in both count as equal, and rows with NaN have no top 1.',
            ],
    );
  }
}

function relativeError({ norm, difference, elements }: Sums): number | null {
  if (norm > 0) return Math.sqrt(difference / norm);
  return elements > 0 && difference === 0 ? 0 : null;
}

function addOutput(name: string, sums: Sums, a: Feed, b: Feed): void {
  const shapes = [a, b].map(({ type, shape }) => `${type} [${shape.join(', ')}]`);
  if (shapes[0] !== shapes[1]) {
    throw new ModelRunError(
      'different-models',
      `the output "${name}" is ${shapes[0]!} in one model and ${shapes[1]!} in the other`,
    );
  }
  const dtype = DTYPES[a.type];
  if (!dtype) throw new ModelRunError('different-models', `the output "${name}" is ${a.type}, which is not compared`);
  const [x, y] = [widen(a.bytes, dtype), widen(b.bytes, dtype)];
  sums.elements += x.length;
  for (const [side, values] of [x, y].entries()) {
    sums.notNumbers[side as 0 | 1] += values.reduce((count, value) => count + (Number.isNaN(value) ? 1 : 0), 0);
  }
  for (let i = 0; i < x.length; i++) {
    // Two infinities of one sign are equal; their difference is none.
    const difference = x[i] === y[i] || (Number.isNaN(x[i]) && Number.isNaN(y[i])) ? 0 : y[i]! - x[i]!;
    sums.difference += difference * difference;
    sums.norm += Number.isFinite(x[i]) ? x[i]! * x[i]! : 0;
    sums.largest = Math.max(sums.largest, Math.abs(difference));
  }
  if (!isFloating(dtype)) {
    sums.labels += x.length;
    sums.agreeing += x.reduce((count, value, i) => count + (value === y[i] ? 1 : 0), 0);
    return;
  }
  const classes = a.shape.at(-1) ?? 1;
  if (classes < 2) return;
  for (let start = 0; start < x.length; start += classes) {
    addRow(sums, x.subarray(start, start + classes), y.subarray(start, start + classes));
  }
}

function addRow(sums: Sums, a: Float64Array, b: Float64Array): void {
  sums.rows++;
  const [top, other] = [largestAt(a), largestAt(b)];
  if (top !== undefined && top === other) sums.agreeing++;
  sums.probabilities &&= isDistribution(a) && isDistribution(b);
  if (sums.probabilities) sums.probabilitiesKl += divergence(shares(a), shares(b));
  sums.logitsKl += divergence(softmax(a), softmax(b));
}

/** @returns undefined for a row with NaN: nothing is its largest element */
function largestAt(row: Float64Array): number | undefined {
  let at = 0;
  for (let i = 0; i < row.length; i++) {
    if (Number.isNaN(row[i])) return undefined;
    if (row[i]! > row[at]!) at = i;
  }
  return at;
}

function isDistribution(row: Float64Array): boolean {
  const sum = row.reduce((total, value) => total + value, 0);
  return Math.abs(sum - 1) <= PROBABILITY_TOLERANCE && row.every((value) => value >= 0);
}

function softmax(row: Float64Array): Float64Array {
  const most = row.reduce((largest, value) => Math.max(largest, value), -Infinity);
  return shares(row.map((value) => Math.exp(value - most)));
}

/** With the sum 1 in float64: probabilities in float32 have it to 1e-7, and two such rows can have a divergence below 0. */
function shares(row: Float64Array): Float64Array {
  const sum = row.reduce((total, value) => total + value, 0);
  return row.map((value) => value / sum);
}

/**
 * Σ p·ln(p/q), in nats; infinite if q gives nothing to what p has.
 *
 * @param p of sum 1, as `q`: by Gibbs' inequality only rounding can make it negative
 */
function divergence(p: Float64Array, q: Float64Array): number {
  const sum = p.reduce((total, value, i) => (value > 0 ? total + value * Math.log(value / q[i]!) : total), 0);
  return sum < 0 ? 0 : sum;
}
