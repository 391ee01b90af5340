import assert from 'node:assert/strict';
import { TextChoicesMemory } from '../../../../extension/host/editor/textChoices';

describe('the choices of a text', () => {
  const kept = new Map<string, unknown>();
  const memory = new TextChoicesMemory({
    get: (key) => kept.get(key),
    update: (key, value) => Promise.resolve(void kept.set(key, value)),
  });

  it('come back', async () => {
    await memory.keep({ path: '/texts/a.txt', windows: 4, length: 512 });
    assert.deepEqual(memory.read(), { text: '/texts/a.txt', windows: 4, length: 512 });
  });

  it('are the usual ones where there are none, or nonsense', () => {
    const usual = { text: null, windows: 16, length: null };
    for (const stored of [undefined, null, 7, { text: 3, windows: 0, length: 1 }, { windows: 1.5, length: 1e9 }]) {
      kept.set('textChoices', stored);
      assert.deepEqual(memory.read(), usual);
    }
  });
});
