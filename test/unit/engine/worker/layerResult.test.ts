/** What results say of a layer beside its numbers. */
import assert from 'node:assert/strict';
import type { TensorInfo } from '../../../../extension/checkpoint/checkpoint';
import { failedResult, tiedResult } from '../../../../extension/engine/worker/layerResult';

function tensor(name: string): TensorInfo {
  return { name, group: '', shape: [4, 4], dtype: 'F32', byteLength: 64, kernelLayout: 'OI…' };
}

describe("a tied layer's result", () => {
  it('names that layer in the other one’s problems, whatever characters names have', () => {
    const problem = { code: 'not-finite', message: 'embed: 1 NaN', tensor: 'embed' };
    const result = failedResult('embed', tensor('embed'), undefined, problem, null);
    const tied = tiedResult(result, "head$&$'$$", tensor("head$&$'$$"));
    assert.equal(tied.problems[0]?.message, "head$&$'$$: 1 NaN");
    assert.deepEqual([tied.name, tied.tensor, tied.tiedWith], ["head$&$'$$", "head$&$'$$", 'embed']);
  });
});
