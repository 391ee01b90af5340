/** What the pages for people say, held to the code. The table of formats has a test of its own: `formatTable.test.ts`. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { metricTable } from '../../extension/shared/metricTable';
import { mayBeCheckpoint, OPENED_PATTERNS } from '../../extension/shared/names/checkpointNames';
import { repositoryRoot } from '../harness/shared';
import { trackedFiles } from '../harness/trackedFiles';

/** A newcomer reads it to the end. */
const README_LINES = [60, 100] as const;

const page = (name: string): string => readFileSync(path.join(repositoryRoot, name), 'utf8');

describe('the pages for people', () => {
  const files = trackedFiles();
  const pages = files.filter((file) => file.endsWith('.md'));

  it('keep the README short', () => {
    const lines = page('README.md').trimEnd().split('\n').length;
    assert.ok(lines >= README_LINES[0] && lines <= README_LINES[1], `it has ${lines} lines`);
  });

  it('have no link that leads nowhere', () => {
    const broken = pages.flatMap((file) =>
      [...page(file).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
        .map(([, target]) => target!)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(path.resolve(repositoryRoot, path.dirname(file), target)))
        .map((target) => `${file}: ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  it('can all be reached from the README', () => {
    const seen = new Set(['README.md']);
    for (const file of seen) {
      for (const [, target] of page(file).matchAll(/\]\(([^)#\s]+\.md)[^)]*\)/g)) {
        seen.add(path.posix.join(path.posix.dirname(file), target!));
      }
    }
    assert.deepEqual(
      pages.filter((file) => !seen.has(file)),
      [],
    );
  });

  it('name only files of the source that exist', () => {
    const missing = pages
      .filter((file) => file !== 'CHANGELOG.md')
      .flatMap((file) =>
        [...page(file).matchAll(/`([\w/-][\w./-]*\.ts)`/g)]
          .map(([, name]) => name!)
          .filter((name) => !files.some((each) => each === name || each.endsWith(`/${name}`)))
          .map((name) => `${file}: ${name}`),
      );
    assert.deepEqual(missing, []);
  });

  it('name the files of every format, and no others', () => {
    const table = page('extension/checkpoint/README.md').split('| format | files |')[1]!.split('\n\n')[0]!;
    const cells = table.split('\n').map((row) => row.split('|')[2] ?? '');
    // `.pt .pth`, `pytorch_model.bin.index.json`: endings and whole names.
    const named = [...cells.join(' ').matchAll(/`([^`]+)`/g)].flatMap(([, names]) => names!.split(' '));
    const told = OPENED_PATTERNS.map((pattern) => pattern.slice(pattern.lastIndexOf('*') + 1));
    const isNamed = (ending: string): boolean =>
      named.some((name) => name.endsWith(ending)) || named.includes(path.extname(ending));
    assert.deepEqual(
      told.filter((ending) => !isNamed(ending)),
      [],
    );
    const records = /^\.data-…-of-…$/;
    assert.deepEqual(
      named.filter(
        (name) =>
          !records.test(name) && !mayBeCheckpoint(name.startsWith('.') ? `x${name}` : name) && !mayBeCheckpoint(name),
      ),
      [],
    );
  });

  it('define every metric in the words of the metric table', () => {
    const expected = metricTable.map(
      ({ key, description, source }) => `| \`${key}\` | ${description} | ${source || '–'} |`,
    );
    const listed = page('extension/spectral/README.md')
      .split('\n')
      .filter((line) => expected.some((row) => row === line));
    assert.deepEqual(listed, expected);
  });

  it('give a reason for every dependency, and for nothing else', () => {
    const manifest = JSON.parse(page('package.json')) as Record<string, Record<string, string> | undefined>;
    const used = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((kind) =>
      Object.keys(manifest[kind] ?? {}),
    );
    const section = page('CONTRIBUTING.md').split('## Dependencies')[1]!;
    const named = [...section.matchAll(/^\| ([^|]+) \|/gm)].slice(2).flatMap(([, cell]) => cell!.split(', '));
    assert.deepEqual(named.sort(), used.filter((name) => !name.startsWith('@types/')).sort());
  });

  it('describe every stage of npm test, in their order', () => {
    const stages = [
      ...page('test/harness/test.js').matchAll(
        /\[\s*'([^']+)',\s*(?:checked|mocha|mochaInWindows|webgpu|workbench|packages)\b/g,
      ),
    ].map(([, name]) => name!);
    const section = page('CONTRIBUTING.md').split('| stage |')[1]!.split('\n\n')[0]!;
    const described = [...section.matchAll(/^\| ([^|]+) \|/gm)].slice(1).map(([, cell]) => cell!);
    assert.deepEqual(described, stages);
  });
});
