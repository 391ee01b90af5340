/** The schema that editors use: made from the same tables as the parser, and of the same opinion. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Validator } from '@cfworker/json-schema';
import packageJson from '../../../../package.json';
import { PLAN_SCHEMA } from '../../../../extension/shared/compression/planKeys';
import { layerMethods } from '../../../../extension/shared/compression/methodTable';
import { PLAN_ENDING } from '../../../../extension/shared/compression/plans';
import { planSchema, planSchemaText } from '../../../../extension/compression/planFile/planSchema';
import { repositoryRoot } from '../../../harness/shared';
import { BAD, changed, GOOD } from './planSamples';

const file = path.join('media', 'schemas', PLAN_SCHEMA);

describe('the schema of plans', () => {
  const validator = new Validator(planSchema(), '7', false);
  const valid = (value: unknown): boolean => validator.validate(value).valid;

  it('lies in the extension as the tables give it (node dist/test/unit/compression/planFile/planSchema.main.js)', () => {
    assert.equal(readFileSync(path.join(repositoryRoot, file), 'utf8'), planSchemaText());
  });

  it('is bound to the ending of plans in package.json', () => {
    assert.deepEqual(packageJson.contributes.jsonValidation, [
      { fileMatch: `*${PLAN_ENDING}`, url: `./media/schemas/${PLAN_SCHEMA}` },
    ]);
  });

  it('accepts what the parser accepts, and refuses what it refuses', () => {
    for (const change of GOOD) assert.ok(valid(changed(change)), change.toString());
    for (const [names, change] of BAD) assert.ok(!valid(changed(change)), names);
  });

  it('knows every method with exactly its own options', () => {
    const rest = { version: 1, checkpoint: { name: 'a', fingerprint: '0'.repeat(64) }, exclude: [], multiple: 1 };
    const plan = { ...rest, target: { kind: 'size', value: 1 }, allocation: 'uniform', layers: {} };
    for (const { name, rank } of layerMethods) {
      const own = { method: name, ...(rank !== undefined && { rank: 1 }) };
      assert.ok(valid({ ...plan, method: own, layers: { a: own } }), name);
      assert.ok(!valid({ ...plan, method: own, layers: { a: { ...own, other: 1 } } }), name);
      assert.equal(valid({ ...plan, method: own, layers: { a: { method: name } } }), rank === undefined, name);
    }
  });
});
