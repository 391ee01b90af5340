import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { metricTable } from '../../extension/shared/metricTable';
import { repositoryRoot } from '../harness/shared';

describe('README', () => {
  const readme = readFileSync(path.join(repositoryRoot, 'README.md'), 'utf8');

  it('defines every metric in the words of the metric table', () => {
    const expected = metricTable.map(
      ({ key, description, source }) => `| \`${key}\` | ${description} | ${source || '–'} |`,
    );
    const listed = readme.split('\n').filter((line) => expected.some((row) => row === line));
    assert.deepEqual(listed, expected);
  });

  it('gives a reason for every dependency, and for nothing else', () => {
    const manifest = JSON.parse(readFileSync(path.join(repositoryRoot, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const used = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)];
    const section = readme.split('## Dependencies')[1]!;
    const named = [...section.matchAll(/^\| ([^|]+) \|/gm)].slice(2).flatMap(([, cell]) => cell!.split(', '));
    assert.deepEqual(named.sort(), used.filter((name) => !name.startsWith('@types/')).sort());
  });
});
