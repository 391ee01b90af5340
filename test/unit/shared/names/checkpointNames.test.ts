import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  CHECKPOINT_ENDINGS,
  DISTRIBUTED_METADATA,
  isCheckpointName,
  OFFERED_PATTERNS,
  OWN_PATTERNS,
  TENSORFLOW_DATA,
} from '../../../../extension/shared/names/checkpointNames';
import { globMatcher } from '../../../../extension/shared/names/glob';
import { checkpointsIn } from '../../../../extension/host/workspace/clickedCheckpoint';
import { checkpointFolders, wholeCheckpoints } from '../../../../extension/host/workspace/workspaceFiles';
import { repositoryRoot } from '../../../harness/shared';

interface Manifest {
  activationEvents: string[];
  contributes: {
    customEditors: { priority: string; selector: { filenamePattern: string }[] }[];
    languages: { extensions: string[]; filenames: string[]; filenamePatterns: string[] }[];
    menus: Record<string, { when?: string }[]>;
  };
}

/** Names with the endings of formats that files of other programs have, too. */
const TENSORFLOW_EXAMPLES: Readonly<Record<string, string>> = {
  '.index': 'model.ckpt-1000.index',
  '.pb': 'frozen_graph.pb',
};

describe('checkpoint files', () => {
  const manifest = JSON.parse(readFileSync(path.join(repositoryRoot, 'package.json'), 'utf8')) as Manifest;
  const { customEditors, menus } = manifest.contributes;
  const patterns = customEditors.flatMap(({ selector }) => selector);
  /** Menus' conditions on a file: of its ending, and of its name. */
  const conditions = Object.values(menus)
    .flat()
    .flatMap(({ when = '' }) => {
      const [extensions, names] = [...when.matchAll(/=~ \/(.*?)\/i/g)].map(([, source]) => new RegExp(source!, 'i'));
      return extensions && names ? [{ extensions, names }] : [];
    });

  it('of every format are offered by package.json, and known to the host', () => {
    assert.ok(conditions.length >= 2, 'the explorer and the editor have a menu each');
    for (const suffix of CHECKPOINT_ENDINGS) {
      const isEnding = suffix.startsWith('.') && suffix !== DISTRIBUTED_METADATA;
      const name = TENSORFLOW_EXAMPLES[suffix] ?? (isEnding ? `my.net${suffix}` : suffix);
      assert.ok(isCheckpointName(name), `${name} in the code`);
      const editor = patterns.some(({ filenamePattern }) => globMatcher(filenamePattern)(name));
      assert.ok(editor, `${name} among the editor's patterns`);
      for (const { extensions, names } of conditions) {
        assert.ok(extensions.test(path.extname(name)) || names.test(name), `${name} in a menu's condition`);
      }
    }
  });

  it('knows the names that package.json offers the editor for', () => {
    const { extensions, names } = conditions[0]!;
    assert.ok(patterns.length > 8);
    for (const { filenamePattern } of patterns) {
      const name = filenamePattern.replace('*', 'my.net');
      assert.ok(isCheckpointName(name), `${name} in the code`);
      assert.ok(extensions.test(path.extname(name)) || names.test(name), `${name} in the menu's condition`);
    }
    for (const other of ['a.json', 'config.json', 'x.py', 'submodel.json', 'safetensors']) {
      assert.equal(isCheckpointName(other), false, other);
      assert.ok(!extensions.test(path.extname(other)) && !names.test(other), other);
    }
  });

  it('are offered under the very patterns of the list', () => {
    const of = (wanted: string): string[] =>
      customEditors
        .filter(({ priority }) => priority === wanted)
        .flatMap(({ selector }) => selector.map(({ filenamePattern }) => filenamePattern));
    assert.deepEqual(of('default').sort(), [...OWN_PATTERNS].sort());
    assert.deepEqual(of('option').sort(), [...OFFERED_PATTERNS].sort());
  });

  it('are offered by menus under the patterns of the list, and the data files of TensorFlow', () => {
    const data = 'model.ckpt-7.data-000000-of-000001';
    assert.ok(TENSORFLOW_DATA.test(data));
    for (const { extensions, names } of conditions) {
      const [, listed] = /\((.*)\)/.exec(extensions.source)!;
      const endings = [...OWN_PATTERNS, ...OFFERED_PATTERNS].filter((pattern) => /^\*\.\w+$/.test(pattern));
      assert.deepEqual(listed!.split('|').sort(), endings.map((ending) => ending.slice(2)).sort());
      assert.ok(names.test(data), data);
      for (const pattern of OFFERED_PATTERNS.filter((each) => !endings.includes(each))) {
        assert.ok(names.test(pattern.replaceAll('*', 'x')), pattern);
      }
    }
  });

  it('open in the editor by a double-click where nobody edits them as text', () => {
    const of = (priority: string): string[] =>
      customEditors
        .filter((editor) => editor.priority === priority)
        .flatMap(({ selector }) => selector.map((s) => s.filenamePattern));
    const text = /\.(json|index|pb)$|^\.metadata$|^\*\.(bin|ckpt|distcp)$/;
    assert.deepEqual(
      of('default').filter((pattern) => text.test(pattern)),
      [],
    );
    assert.deepEqual(
      of('option').filter((pattern) => !text.test(pattern)),
      [],
    );
    assert.ok(of('default').includes('*.pt') && of('option').includes('*.bin'));
  });

  it('have the icon, but for JSON, which is a language of its own', () => {
    const [{ extensions, filenames, filenamePatterns } = assert.fail('no language')] = manifest.contributes.languages;
    const known = [...extensions.map((extension) => `*${extension}`), ...filenames, ...filenamePatterns];
    assert.deepEqual(
      known.sort(),
      patterns
        .map(({ filenamePattern }) => filenamePattern)
        .filter((pattern) => !pattern.endsWith('.json'))
        .sort(),
    );
  });

  it('wake the extension where a workspace has one: its folder has a menu, too', () => {
    const prefix = 'workspaceContains:**/';
    const waking = manifest.activationEvents.filter((event) => event.startsWith(prefix));
    assert.deepEqual(
      waking.map((event) => event.slice(prefix.length)).sort(),
      patterns.map(({ filenamePattern }) => filenamePattern).sort(),
    );
  });

  it('lets an index stand for its shards', () => {
    const files = [
      '/m/model-00001-of-00002.safetensors',
      '/m/model-00002-of-00002.safetensors',
      '/m/model.safetensors.index.json',
      '/n/model-00001-of-00002.safetensors',
      '/n/pytorch_model-00001-of-00002.bin',
      '/n/pytorch_model.bin.index.json',
      '/d/.metadata',
      '/d/__0_0.distcp',
      '/n/__0_0.distcp',
    ];
    assert.deepEqual(wholeCheckpoints(files), [files[2], files[3], files[5], files[6], files[8]]);
    assert.deepEqual(checkpointFolders(files), ['/m', '/n', '/d']);
    assert.deepEqual(checkpointFolders(['/k/a.pt', '/k/b.pt']), ['/k']);
  });

  it('lets a SavedModel stand for its variables', () => {
    const files = ['/m/saved_model.pb', '/m/variables/variables.index', '/n/variables/variables.index'];
    assert.deepEqual(wholeCheckpoints(files), [files[0], files[2]]);
  });

  it('lets a pipeline stand for its parts, whose folders are checkpoints all the same', () => {
    const files = [
      '/p/model_index.json',
      '/p/unet/diffusion_pytorch_model.safetensors',
      '/p/whole.safetensors',
      '/q/unet/diffusion_pytorch_model.safetensors',
    ];
    assert.deepEqual(wholeCheckpoints(files), [files[0], files[2], files[3]]);
    assert.deepEqual(checkpointFolders(files), ['/p', '/p/unet', '/q/unet']);
  });

  it('knows a model of the download cache by a file of its snapshot', () => {
    const cached = '/hub/models--me--net/snapshots/0f1e';
    assert.deepEqual(checkpointFolders([`${cached}/model.safetensors`, `${cached}/unet/model.safetensors`]), [
      cached,
      `${cached}/unet`,
      '/hub/models--me--net',
    ]);
  });

  it('lets one part of a split GGUF stand for all', () => {
    const part = (number: number, folder = '/m'): string => `${folder}/net-0000${number}-of-00003.gguf`;
    assert.deepEqual(wholeCheckpoints([part(3), part(2), '/m/a.gguf', part(1), part(2, '/n')]), [
      '/m/a.gguf',
      part(1),
      part(2, '/n'),
    ]);
  });

  describe('in a folder', () => {
    let folder: string;
    beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-files-'))));
    afterEach(() => rmSync(folder, { recursive: true }));
    const make = (...names: string[]): void => names.forEach((name) => writeFileSync(path.join(folder, name), ''));

    const found = async (clicked = folder): Promise<string[]> =>
      (await checkpointsIn(clicked)).map((file) => path.relative(folder, file));

    it('takes the first part of a split GGUF, and tells several models apart', async () => {
      make('net-00002-of-00003.gguf', 'net-00003-of-00003.gguf');
      assert.deepEqual(await found(), ['net-00002-of-00003.gguf']);
      make('mmproj.gguf');
      assert.deepEqual(await found(), ['mmproj.gguf', 'net-00002-of-00003.gguf']);
    });

    it('takes the index, the whole model, or the only checkpoint', async () => {
      make('config.json', 'model.pt');
      assert.deepEqual(await found(), ['model.pt']);
      make('frozen.pb', 'keras_metadata.pb', 'saved_model.pb');
      assert.deepEqual(await found(), ['saved_model.pb']);
      make('model-00001-of-00001.safetensors', 'model.json');
      assert.deepEqual(await found(), ['model.json']);
      make('pytorch_model.bin.index.json');
      assert.deepEqual(await found(), ['pytorch_model.bin.index.json']);
      make('model.safetensors.index.json');
      assert.deepEqual(await found(), ['model.safetensors.index.json']);
      make('model.safetensors');
      assert.deepEqual(await found(), ['model.safetensors']);
      make('model_index.json');
      assert.deepEqual(await found(), ['model_index.json']);
    });

    it('takes the index of a TensorFlow checkpoint, and lets a person choose between several', async () => {
      make('checkpoint', 'model.ckpt-1.index', 'model.ckpt-1.data-00000-of-00001', 'faiss.index');
      assert.deepEqual(await found(), ['model.ckpt-1.index']);
      make('ckpt-2.index', 'ckpt-2.data-00000-of-00001');
      assert.deepEqual(await found(), ['checkpoint']);
      rmSync(path.join(folder, 'checkpoint'));
      assert.deepEqual(await found(), ['ckpt-2.index', 'model.ckpt-1.index']);
    });

    it('takes the metadata of a distributed checkpoint', async () => {
      make('__0_0.distcp', '__1_0.distcp', '.metadata', 'scheduler.bin');
      assert.deepEqual(await found(), ['.metadata']);
    });

    it('leaves the choice among several to the person', async () => {
      make('a.pt', 'b.pt', 'notes.txt');
      assert.deepEqual(await found(), ['a.pt', 'b.pt']);
      assert.deepEqual(await found(path.join(folder, 'a.pt')), ['a.pt']);
    });

    it('leaves shards without an index, or nothing at all, to the engine', async () => {
      mkdirSync(path.join(folder, 'empty'));
      assert.deepEqual(await found(path.join(folder, 'empty')), ['empty']);
      make('model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors');
      assert.deepEqual(await found(), ['']);
    });
  });
});
