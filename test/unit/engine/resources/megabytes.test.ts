/** Memory in words: the unit of the options, and roundings that never make too much look like enough. */
import assert from 'node:assert/strict';
import {
  MEGABYTE,
  beyondLimit,
  neededMegabytes,
  usableMegabytes,
} from '../../../../extension/engine/resources/megabytes';
import { parseModelCommand } from '../../../../extension/engine/terminal/modelArguments';

describe('memory in words', () => {
  it('rounds up what is needed, and down what there is', () => {
    assert.equal(neededMegabytes(64 * MEGABYTE + 1), '65 MB');
    assert.equal(usableMegabytes(65 * MEGABYTE - 1), '64 MB');
    assert.match(beyondLimit(64 * MEGABYTE + 1, 64 * MEGABYTE), /^about 65 MB and .* may use 64 MB; raise/);
  });

  it('has the unit of the option', () => {
    const command = parseModelCommand(['calibrate', 'a.onnx', '--random', '1', '--out', 'b', '--memory', '64']);
    assert.ok(command && 'gramBytes' in command);
    assert.equal(usableMegabytes(command.gramBytes), '64 MB');
  });
});
