/** Files that change under an open checkpoint, as the engine's process tells of them and what it then refuses. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_FARMS } from '../../extension/engine/terminal/cliArguments';
import { EngineProcess } from '../harness/engineProcess';
import { makeRandomMatrix, uniform, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import {
  external,
  float32,
  graph,
  model as onnxModel,
  tensor as onnxTensor,
  TYPE,
} from '../harness/checkpoints/onnxWriter';
import { ramp, writeSharded } from '../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../harness/temporaryFolder';

const settings = { farms: { ...DEFAULT_FARMS, enabled: false } };

describe('files that change while they are open', () => {
  const scratch = temporaryFolder();
  let engine: EngineProcess;
  let folder: string;
  let made = 0;

  before(() => (engine = new EngineProcess({ cacheFolder: path.join(scratch, 'cache') })));
  after(() => engine.dispose());
  beforeEach(() => {
    folder = path.join(scratch, `case-${made++}`);
    mkdirSync(folder);
  });

  /** Two matrices of numbers that `seed` decides on. */
  const model = (file: string, seed: number, side = 32): string =>
    writeSafetensors(
      file,
      ['a', 'b'].map((name, index) => ({ name, shape: [side, side], values: uniform(side * side, seed + index) })),
    );

  const told = async (document: string): Promise<string> => {
    const ofIt = (): string | undefined =>
      engine.changes.find((change) => change.document === document)?.problem.message;
    await engine.until(() => ofIt() !== undefined);
    return ofIt()!;
  };

  const changes: Record<string, { change: (file: string) => void; says: RegExp }> = {
    'is cut short': {
      change: (file) => truncateSync(file, 1000),
      says: /changed on disk while it was open; reload it/,
    },
    grows: { change: (file) => truncateSync(file, statSync(file).size + 1), says: /changed on disk/ },
    'is removed': { change: (file) => rmSync(file), says: /was removed while it was open; put it back and reload it/ },
    'is replaced by a file of the same size': {
      change: (file) => {
        const other = model(`${file}.new`, 7);
        // Written some seconds later: file systems tell no times a few milliseconds apart.
        const { atimeMs, mtimeMs } = statSync(file);
        utimesSync(other, atimeMs / 1000, mtimeMs / 1000 + 5);
        renameSync(other, file);
      },
      says: /changed on disk/,
    },
    'becomes a folder': {
      change: (file) => {
        rmSync(file);
        mkdirSync(file);
      },
      says: /changed on disk/,
    },
  };
  describe('one by one', () => {
    /** All change at once: the engine looks every two seconds. */
    const documents = new Map<string, string>();
    before(async () => {
      for (const what of Object.keys(changes)) {
        const file = model(path.join(scratch, `${what}.safetensors`), 1);
        documents.set(what, (await engine.request('open', { path: file })).document);
        changes[what]!.change(file);
      }
    });

    for (const [what, { says }] of Object.entries(changes)) {
      it(`are told of where one ${what}, and neither read nor saved from`, async () => {
        const document = documents.get(what)!;
        const target = path.join(folder, 'saved.safetensors');
        const save = { layer: 'a', method: 'svd', rank: { kind: 'rank', rank: 4 }, output: 'factors', target } as const;
        assert.match(await told(document), says);
        await assert.rejects(engine.request('spectrum', { document, layer: 'a', settings }), says);
        await assert.rejects(engine.request('saveCompressed', { document, request: save, settings }), says);
        assert.ok(!existsSync(target), 'nothing is left of the save');
        assert.equal(engine.changes.filter((each) => each.document === document).length, 1, 'it is told once');
      });
    }
  });

  it('are not saved from where they changed after the layer was computed', async () => {
    const file = model(path.join(folder, 'model.safetensors'), 1);
    const { document } = await engine.request('open', { path: file });
    await engine.request('spectrum', { document, layer: 'a', settings });
    utimesSync(file, new Date(), new Date(0));
    const target = path.join(folder, 'saved.safetensors');
    const save = {
      layer: 'a',
      method: 'svd',
      rank: { kind: 'rank', rank: 4 },
      output: 'reconstructed',
      target,
    } as const;
    await assert.rejects(engine.request('saveCompressed', { document, request: save, settings }), /changed on disk/);
    assert.ok(!existsSync(target));
  });

  it('are told of where one is a shard, by its name', async () => {
    const index = writeSharded(folder, {
      'model-00001-of-00002.safetensors': [ramp('a', [4, 4])],
      'model-00002-of-00002.safetensors': [ramp('b', [4, 4])],
    });
    const { document } = await engine.request('open', { path: index });
    rmSync(path.join(folder, 'model-00002-of-00002.safetensors'));
    assert.match(await told(document), /model-00002-of-00002\.safetensors: was removed/);
    await assert.rejects(engine.request('spectrum', { document, layer: 'b', settings }), /was removed/);
  });

  it('are told of where one holds external data', async () => {
    const file = path.join(folder, 'model.onnx');
    writeFileSync(path.join(folder, 'weights.bin'), float32(1, 2, 3, 4));
    const initializers = [onnxTensor('w', [2, 2], TYPE.FLOAT, external({ location: 'weights.bin' }))];
    writeFileSync(file, onnxModel(graph({ initializers })));
    const { document } = await engine.request('open', { path: file });
    writeFileSync(path.join(folder, 'weights.bin'), float32(5, 6, 7, 8, 9));
    assert.match(await told(document), /weights\.bin: changed on disk/);
    await assert.rejects(engine.request('spectrum', { document, layer: 'w', settings }), /weights\.bin.*changed/);
  });

  it('end what is queued, instead of failing layer by layer', async () => {
    const file = writeSafetensors(
      path.join(folder, 'model.safetensors'),
      Array.from({ length: 60 }, (_, index) => ({
        name: `layer.${index}`,
        shape: [300, 300],
        values: uniform(90_000, index),
      })),
    );
    const { document } = await engine.request('open', { path: file });
    await engine.request('inspect', { document, settings });
    const results = (): EngineProcess['results'] => engine.results.filter((each) => each.document === document);
    await engine.until(() => results().length > 0);
    truncateSync(file, 1000);
    await told(document);
    await engine.idle();
    // Nor does the layer that was read just then: nothing is wrong with it.
    const failed = results().filter(({ result }) => result.problems.some(({ code }) => code === 'changed'));
    assert.deepEqual(failed, []);
    assert.deepEqual(await engine.request('inspect', { document, settings }), { queued: 0 });
  });

  it('no longer answer a hover: the file that is there now does', async () => {
    const file = model(path.join(folder, 'model.safetensors'), 1);
    const old = await engine.request('open', { path: file });
    const before = await engine.request('spectrum', { document: old.document, layer: 'a', settings });
    renameSync(model(`${file}.new`, 50), file);
    await told(old.document);
    const peek = { path: file, layer: 'a', settings };
    assert.equal(await engine.request('peek', peek), null, 'nothing is known of the new file');
    const { document } = await engine.request('open', { path: file });
    const after = await engine.request('spectrum', { document, layer: 'a', settings });
    assert.notEqual(after.layer.metrics.spectral_norm, before.layer.metrics.spectral_norm);
    const peeked = await engine.request('peek', peek);
    assert.equal(peeked?.layer.metrics.spectral_norm, after.layer.metrics.spectral_norm);
  });

  it('have another version when they are opened again, and untouched ones the same', async () => {
    const file = makeRandomMatrix(folder, 8, 8);
    const first = await engine.request('open', { path: file });
    const second = await engine.request('open', { path: file });
    assert.equal(first.version, second.version);
    utimesSync(file, new Date(), new Date(0));
    const third = await engine.request('open', { path: file });
    assert.notEqual(third.version, first.version);
  });
});
