import assert from 'node:assert/strict';
import { compressionNote, severalNote } from '../../../../extension/compression/compressionNote';
import { copyNote, NOTE_KEY } from '../../../../extension/shared/compression/savedNote';

describe('the note of a compressed copy', () => {
  const origin = { source: '/models/model.safetensors', version: '1.0.0', date: new Date(0) };
  const note = compressionNote(
    { layer: 'fc1.weight', method: 'svd', output: 'reconstructed' },
    { rank: 11, relative_error: 0.1, measured_error: 0.1 },
    origin,
  );
  const read = (value: unknown): ReturnType<typeof copyNote> => copyNote({ [NOTE_KEY]: JSON.stringify(value) });

  it('names source, layer, method and rank', () => {
    assert.deepEqual(read(note), {
      title: 'Compressed copy of model.safetensors',
      detail: 'fc1.weight by svd at rank 11',
    });
  });

  it('counts several layers, as a list and by name', () => {
    assert.equal(read(severalNote([note, note], origin))?.detail, '2 layers were compressed');
    const ofPlan = { source: 'model.gguf', layers: { 'a.weight': { method: 'svd' } } };
    assert.deepEqual(read(ofPlan), { title: 'Compressed copy of model.gguf', detail: '1 layer was compressed' });
  });

  it('is not made of statistics, of other programs’ text, or of nothing', () => {
    assert.equal(read({ statistics: 'model.onnx', runs: 3 }), undefined);
    assert.equal(copyNote({ [NOTE_KEY]: 'made by hand' }), undefined);
    assert.equal(read(null), undefined);
    assert.equal(copyNote({}), undefined);
  });

  it('keeps hostile names text of one line', () => {
    const hostile = read({ source: `a\u202e\nb${'x'.repeat(200)}`, layer: 'w', rank: 'high' });
    assert.match(hostile!.title, /^Compressed copy of a\\u202e\\nbx+…$/);
    assert.equal(hostile!.detail, 'w');
  });
});
