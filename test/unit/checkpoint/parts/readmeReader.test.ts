/** The README's reader of parts, run by PyTorch where it is installed, on files that the product stored. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pythonWith } from '../../../harness/python';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { readmeProgram } from '../../compression/readmeProgram';
import { partsFileBytes, partsOfAllKinds } from './partsFiles';

const SCRIPT = `
import json, sys
sys.path.insert(0, sys.argv[1])
from reader import load_parts
state = load_parts(sys.argv[2])
print(json.dumps({name: [list(tensor.shape), tensor.flatten().tolist()] for name, tensor in state.items()}))
`;

describe('the reader of parts in the README', () => {
  const folder = temporaryFolder();

  for (const dtype of ['F32', 'BF16'] as const) {
    it(`adds up the parts of every kind, stored in ${dtype}, either way round`, () => {
      const python = pythonWith('torch', 'safetensors');
      if (python === undefined) {
        console.log('      PyTorch is not installed: the reader of the README is not run');
        return;
      }
      const file = partsOfAllKinds(dtype);
      const stored = path.join(folder, `${dtype}.safetensors`);
      writeFileSync(stored, partsFileBytes(file));
      writeFileSync(path.join(folder, 'reader.py'), readmeProgram('load_parts'));
      const { status, stdout, stderr } = spawnSync(python, ['-c', SCRIPT, folder, stored], {
        encoding: 'utf8',
        maxBuffer: 1e8,
      });
      assert.equal(status, 0, stderr);
      const state = JSON.parse(stdout) as Record<string, [number[], number[]]>;
      assert.deepEqual(Object.keys(state).sort(), Object.keys(file.dense).sort());
      for (const [name, expected] of Object.entries(file.dense)) {
        const [shape, values] = state[name]!;
        assert.deepEqual(shape, file.weights[name]!.shape);
        const largest = Math.max(...expected.map(Math.abs));
        values.forEach((value, i) => {
          assert.ok(Math.abs(value - expected[i]!) <= 1e-6 * largest, `${name} ${i}: ${value}, not ${expected[i]}`);
        });
      }
    }).timeout(120_000);
  }
});
