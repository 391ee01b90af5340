import assert from 'node:assert/strict';
import { keyPlace, keysOf } from '../../../../extension/host/sources/jsonKeys';
import { expectedName } from '../../../../extension/host/sources/stateDicts';
import { quickly } from '../../../harness/quick';

describe('places in Python for a tensor’s name', () => {
  const at = (source: string): ReturnType<typeof expectedName> => {
    const lines = source.split('\n');
    return expectedName(lines.at(-1)!, lines.slice(0, -1));
  };

  it('are keys of what is called a state_dict', () => {
    assert.deepEqual(at('x = state_dict["model.lay'), { typed: 'model.lay', quote: '"' });
    assert.deepEqual(at("sd['"), { typed: '', quote: "'" });
    assert.deepEqual(at('w = model.state_dict()["fc'), { typed: 'fc', quote: '"' });
    assert.deepEqual(at('w = ckpt["model"]["fc'), { typed: 'fc', quote: '"' });
    assert.deepEqual(at('w = self.state_dict.get("fc'), { typed: 'fc', quote: '"' });
  });

  it('are keys of what was loaded, from the file that it was loaded from last', () => {
    const source = 'a = load_file("a.safetensors")\nb = torch.load(PATH)\nw = a["';
    assert.deepEqual(at(source), { typed: '', quote: '"', loadedFrom: 'a.safetensors' });
    assert.deepEqual(at('b = torch.load(PATH)\nw = b["'), { typed: '', quote: '"' });
    assert.deepEqual(at('a = load_file("a.pt")\na = load_file("b.pt")\na["')?.loadedFrom, 'b.pt');
  });

  it('are arguments of get_tensor', () => {
    const source = 'with safe_open("m.safetensors", framework="pt") as f:\n  f.get_tensor("enc.';
    assert.deepEqual(at(source), { typed: 'enc.', quote: '"', loadedFrom: 'm.safetensors' });
    assert.deepEqual(at('reader.get_tensor("')?.typed, '');
  });

  it('are not keys of anything else', () => {
    for (const source of [
      'config["',
      'x = "',
      'rows["a"',
      'print("sd',
      'a = {}\na["',
      'sd["a"] = b["',
      'os.environ.get("',
    ]) {
      assert.equal(at(source), undefined, source);
    }
  });

  it('are found in time that grows with the source', async () => {
    const above = Array.from({ length: 5000 }, () => `x = ${'y('.repeat(100)}`);
    await quickly(100, () => expectedName('x["', above));
    for (const part of ['a.', '["', 'sd[', 'x.get(']) {
      await quickly(100, () => expectedName(part.repeat(100_000), []));
    }
  });
});

describe('places in JSON for a property’s name', () => {
  const plan = '{"version": 1, "checkpoint": {"name": "m"}, "layers": {"a.w": {"method": "svd"}, "';

  it('are in the object that is open, with the keys that lead there', () => {
    assert.deepEqual(keyPlace(plan), { path: ['layers'], typed: '', start: plan.length - 1 });
    assert.deepEqual(keyPlace(`${plan}b.`)?.typed, 'b.');
    assert.deepEqual(keyPlace('{"layers": {')?.path, ['layers']);
    assert.deepEqual(keyPlace('{"layers": {"a": {"'), { path: ['layers', 'a'], typed: '', start: 18 });
  });

  it('are not within values and lists', () => {
    for (const text of ['', '{"a": "', '{"a": ["', '{"a": 1', '{"a"', '["'])
      assert.equal(keyPlace(text), undefined, text);
  });

  it('have names beside them, in a text that is just being written, too', () => {
    assert.deepEqual([...keysOf(`${plan}b.c\n "d": {}}, "x": 1}`, ['layers'])], ['a.w', 'b.c', 'd']);
    assert.deepEqual([...keysOf('{"layers": {"a\\"b": 1}}', ['layers'])], ['a"b']);
  });

  it('are found in time that grows with the text', async () => {
    for (const part of ['{"a":', '[', '"\n', '{"', '}', '\\'])
      await quickly(300, () => keyPlace(part.repeat(300_000 / part.length)));
  });
});
