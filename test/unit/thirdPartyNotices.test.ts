/** What others wrote and we package goes with its licence. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../harness/shared';

interface Manifest {
  name: string;
  version: string;
  license: string;
}

const at = (...parts: string[]): string => path.join(repositoryRoot, ...parts);
const text = (...parts: string[]): string => readFileSync(at(...parts), 'utf8').replaceAll('\r\n', '\n');
const manifest = (folder: string): Manifest => JSON.parse(text(folder, 'package.json')) as Manifest;

/** Licences that may be given on with a program under MIT. */
const COMPATIBLE = ['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'CC-BY-4.0'];

describe('the notices of third parties', () => {
  const notices = text('dist', 'ThirdPartyNotices.txt');

  /** As the bundles' source maps have them: not what the build wrote the notices from. */
  function bundled(): string[] {
    const bundles = [
      'extension',
      'engine',
      'headers',
      'worker',
      'trial',
      'assignment',
      'modelRun',
      'cli',
      'webview',
    ].map((name) => `${name}.js.map`);
    const sources = bundles.flatMap((name) => (JSON.parse(text('dist', name)) as { sources: string[] }).sources);
    const folders = sources.flatMap(
      (source) =>
        /node_modules\/.*node_modules\/(@[^/]+\/)?[^/]+|node_modules\/(@[^/]+\/)?[^/]+/.exec(source)?.[0] ?? [],
    );
    return [...new Set(folders)];
  }

  it('have every package that is in a bundle, with its own licence', () => {
    const folders = bundled();
    assert.ok(folders.length > 15, folders.join());
    for (const folder of folders) {
      const { name, version, license } = manifest(folder);
      assert.ok(COMPATIBLE.includes(license), `${name}: ${license}`);
      assert.ok(notices.includes(`\n${name} ${version} (${license})\n`), `${name} ${version}`);
      const files = readdirSync(at(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file));
      for (const file of files) assert.ok(notices.includes(text(folder, file).trim()), `${folder}/${file}`);
    }
  });

  it('show a licence for each, the Microsoft packages without a file of their own too', () => {
    const sections = notices.split(`${'='.repeat(80)}\n\n`).slice(1);
    assert.ok(sections.length > 15);
    for (const section of sections)
      assert.match(section, /Permission|Apache License|Creative Commons|provided "AS IS"/i);
  });

  it('have those of onnxruntime’s libraries, of the version that is packaged', () => {
    const folder = `media/onnxruntime-${manifest('node_modules/onnxruntime-node').version}`;
    assert.ok(existsSync(at(folder, 'LICENSE')));
    for (const library of ['protocolbuffers/protobuf', 'google/dawn|dawn.googlesource', 'Eigen']) {
      assert.match(text(folder, 'ThirdPartyNotices.txt'), new RegExp(library, 'i'));
    }
    const others = readdirSync(at('media')).filter((name) => name.startsWith('onnxruntime-'));
    assert.deepEqual(others, [path.basename(folder)]);
  });
});
