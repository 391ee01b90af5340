/** Arguments of a known call, checked: a call that does not fit makes its result unreadable, not the file. */
import type { OpeningBudget } from '../files/openingBudget';
import type { PickleHost } from './pickleHost';
import { PickleSequence, type PickleValue } from './pickleValues';
import { isCount, MAX_RANK } from '../elements/shape';

/** What a known function makes of its arguments. @throws BadArguments */
export type PickleCall = (args: readonly PickleValue[], budget: OpeningBudget, host: PickleHost) => PickleValue;

/** A known function was given arguments that it does not take. */
export class BadArguments extends Error {
  constructor(
    message: string,
    readonly code: 'malformed' | 'unsupported' = 'malformed',
  ) {
    super(message);
  }
}

/** The items of a list, tuple or set; [] for anything else. */
export function itemsOf(value: PickleValue | undefined): readonly PickleValue[] {
  return value instanceof PickleSequence ? value.items : [];
}

/** A number of elements or an offset. @throws BadArguments */
export function asCount(value: PickleValue | undefined, what: string): number {
  if (!isCount(value)) {
    const found =
      typeof value === 'number' || typeof value === 'bigint' ? String(value).slice(0, 40) : 'something else';
    throw new BadArguments(`its ${what} cannot be ${found}, only a whole number within 2^53`);
  }
  return value;
}

/** A shape or strides. @throws BadArguments */
export function asCounts(value: PickleValue | undefined, what: string): number[] {
  if (!(value instanceof PickleSequence)) throw new BadArguments(`its ${what} is not a tuple`);
  if (value.items.length > MAX_RANK) {
    throw new BadArguments(`its ${what} has ${value.items.length} dimensions; at most ${MAX_RANK} are possible`);
  }
  return value.items.map((item) => asCount(item, what));
}
