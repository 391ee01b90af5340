/** The table of rooms in CONTRIBUTING.md, held to the folders, and what every folder and file keeps to. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../harness/shared';
import { trackedFiles } from '../harness/trackedFiles';

const MOST_FILES = 30;
const MOST_LINES = 400;

/** The table's numbers say how large a room is: they are corrected when they are off by more than a quarter, and three. */
const SLACK = { files: 3, share: 0.25 };

interface Room {
  folders: string[];
  files: number;
}

/** `a/{b,c}/` as `a/b` and `a/c`. */
function folders(cell: string): string[] {
  const name = /^`([^`]+)\/`$/.exec(cell)?.[1];
  assert.ok(name !== undefined, `${cell} is not the name of a folder`);
  const [, before, among, after] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(name) ?? [];
  return among === undefined ? [name] : among.split(',').map((each) => `${before!}${each}${after!}`);
}

function rooms(): Room[] {
  const page = readFileSync(path.join(repositoryRoot, 'CONTRIBUTING.md'), 'utf8');
  const rows = page
    .split('## The rooms')[1]!
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  return rows.map((row) => {
    const [, folder, , files] = row.split('|').map((cell) => cell.trim());
    return { folders: folders(folder!), files: Number(files) };
  });
}

describe('the house', () => {
  const files = trackedFiles();
  const source = files.filter((file) => /^(extension|webview)\//.test(file) && !file.endsWith('.md'));
  const counts = new Map<string, number>();
  for (const file of files) {
    const folder = path.posix.dirname(file);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  const described = rooms();

  it('has each of its rooms in CONTRIBUTING.md, once, and no other', () => {
    const named = described.flatMap((room) => room.folders);
    assert.deepEqual(named.sort(), [...new Set(source.map((file) => path.posix.dirname(file)))].sort());
  });

  it('is as large as CONTRIBUTING.md says', () => {
    const sizes = described.map(({ folders: names, files: said }) => {
      const size = source.filter((file) => names.includes(path.posix.dirname(file))).length;
      const off = Math.abs(size - said);
      return off > Math.max(SLACK.files, SLACK.share * size) || Number.isNaN(said) ? `${names.join()}: ${size}` : '';
    });
    assert.deepEqual(sizes.filter(Boolean), []);
  });

  it(`has no folder of more than ${MOST_FILES} files`, () => {
    const full = [...counts].filter(([, count]) => count > MOST_FILES).map(([folder, count]) => `${folder}: ${count}`);
    assert.deepEqual(full, []);
  });

  it(`has no file of code of more than ${MOST_LINES} lines`, () => {
    const long = files
      .filter((file) => /\.(ts|js|css|py)$/.test(file))
      .map((file) => ({ file, lines: readFileSync(path.join(repositoryRoot, file), 'utf8').split('\n').length - 1 }))
      .filter(({ lines }) => lines > MOST_LINES);
    assert.deepEqual(
      long.map(({ file, lines }) => `${file}: ${lines}`),
      [],
    );
  });
});
