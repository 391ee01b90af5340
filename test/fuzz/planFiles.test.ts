/** Damaged plans: the parser reads them or refuses them in words for people, and the schema is of the same opinion. */
import assert from 'node:assert/strict';
import { Validator } from '@cfworker/json-schema';
import { CompressionError } from '../../extension/compression/compressionError';
import { parsePlan } from '../../extension/compression/planFile/parsePlan';
import { planSchema } from '../../extension/compression/planFile/planSchema';
import { changed, GOOD } from '../unit/compression/planFile/planSamples';
import { mutate } from './mutate';
import { Random } from './random';
import { damageStructure } from './structure';

const CASES = 600;
const FILE = 'damaged.eigenplan.json';

/** What a person or a program could put where something else belongs. */
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 0.5, 1.5, 2, 8, 64, 1e300, 2 ** 53, '', 'svd', 'nf4', 'dense', 'mlp', '(', '\\'],
  ...['size', 'optimal', '1', '0'.repeat(64), [], [1], ['lm_head'], {}, { method: 'svd' }, { method: 'svd', rank: 4 }],
  ...[
    { keep: 'dense', why: '' },
    { method: 'quantise', quantiser: 'int8' },
    { kind: 'error', value: 1 },
  ],
];
const KEYS = ['rank', 'method', 'bits', 'block', 'keep', 'why', 'groups', 'relative', 'rounds', 'x', '', 'toString'];

/** One to three changes of structure. */
function damaged(random: Random): unknown {
  const plan = changed(random.pick(GOOD));
  damageStructure(plan, random, { values: VALUES, keys: KEYS, foreignOneIn: 3 });
  return plan;
}

/** The message if the plan is refused. @throws what is no refusal */
function refusal(text: string): string | undefined {
  try {
    parsePlan(text, FILE);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof CompressionError, String(error));
    assert.equal(error.code, 'invalid-plan');
    assert.ok(error.message.startsWith(`${FILE}: `), error.message);
    return error.message;
  }
}

describe('damaged plans', () => {
  const validator = new Validator(planSchema(), '7', false);

  it(`are refused by the parser and by the schema, or by neither (${CASES} changes of structure)`, () => {
    let accepted = 0;
    for (let index = 0; index < CASES; index++) {
      const text = JSON.stringify(damaged(new Random('plans', index)));
      const message = refusal(text);
      if (message === undefined) accepted++;
      const valid = validator.validate(JSON.parse(text)).valid;
      assert.equal(valid, message === undefined, `case ${index}: ${message ?? 'is read'}\n${text}`);
    }
    assert.ok(accepted > CASES / 50 && accepted < CASES / 2, `${accepted} of ${CASES} are plans`);
  });

  it(`are read or refused in words (${CASES} changes of bytes)`, () => {
    for (let index = 0; index < CASES; index++) {
      const random = new Random('plan bytes', index);
      const sound = Buffer.from(JSON.stringify(changed(random.pick(GOOD)), undefined, 2));
      const text = Buffer.from(mutate(sound, random).bytes).toString('utf8');
      if (refusal(text) !== undefined) continue;
      const value: unknown = JSON.parse(text.replace(/^\uFEFF/u, ''));
      assert.ok(validator.validate(value).valid, `case ${index}: ${text}`);
    }
  });
});
