import assert from 'node:assert/strict';
import { namesAt } from '../../../../extension/host/sources/nameAtPosition';

/** Candidates with the cursor at the `|` in the text. */
function at(text: string): string[] {
  const column = text.indexOf('|');
  return namesAt(text.replace('|', ''), column).map((candidate) => candidate.text);
}

describe('name at a position', () => {
  it('takes the string literal around it first', () => {
    assert.deepEqual(at(`w = state["model.layers.0.q_proj.wei|ght"]`), ['model.layers.0.q_proj.weight']);
    assert.deepEqual(at(`{'a': 1, 'encoder/l0/ker|nel': 2}`), ['encoder/l0/kernel', 'kernel']);
  });

  it('does not take the text between two literals for one', () => {
    assert.deepEqual(at(`f("a") + conv|1 + f("b")`), ['conv1']);
  });

  it('takes dotted names with indices', () => {
    assert.deepEqual(at(`y = self.layers[0].q_pr|oj(x)`), ['self.layers[0].q_proj', 'q_proj']);
  });

  it('takes off what follows the part under the cursor, one by one', () => {
    assert.deepEqual(at(`layers[2].down_pr|oj.weight.data *= 2`), [
      'layers[2].down_proj.weight.data',
      'layers[2].down_proj.weight',
      'layers[2].down_proj',
      'down_proj.weight.data',
      'down_proj.weight',
      'down_proj',
    ]);
    assert.deepEqual(at(`fc1.weight.da|ta`), ['fc1.weight.data']);
  });

  it('leaves the punctuation of a sentence out', () => {
    assert.deepEqual(at(`loading layers.0.q_proj.wei|ght: done`), ['layers.0.q_proj.weight']);
    assert.deepEqual(at(`see layer1.conv|1.`), ['layer1.conv1']);
  });

  it('says where the name stands', () => {
    const [candidate] = namesAt('x = "lm_head.weight"', 8);
    assert.deepEqual(candidate, { text: 'lm_head.weight', start: 5, end: 19 });
  });

  it('finds nothing in empty space, at both ends and in an empty line', () => {
    assert.deepEqual(at('a  |  b'), []);
    assert.deepEqual(at('|'), []);
    assert.deepEqual(at('   |'), []);
  });

  it('looks at no more than the surroundings in a minified line', () => {
    const line = `${'{"k":1},'.repeat(200_000)}"fc1.weight"`;
    const [candidate] = namesAt(line, line.length - 3);
    assert.equal(candidate?.text, 'fc1.weight');
    const [cut] = namesAt('x'.repeat(1_000_000), 500_000);
    assert.equal(cut?.text.length, 800, 'what the cursor reaches on both sides');
  });
});
