import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CheckpointError } from '../../../../extension/checkpoint/checkpointError';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { CHECKPOINT_ENDINGS } from '../../../../extension/shared/names/checkpointNames';
import { ProblemList } from '../../../../extension/checkpoint/problemList';
import { problemsOf } from '../../../../extension/checkpoint/truncatedFile';
import { uniform, writeSafetensors } from '../../../harness/checkpoints/madeCheckpoints';
import { sharedFolder } from '../../../harness/shared';

const PAGE = '<!DOCTYPE html>\n<html><head><title>\n Sign in </title></head><body>…</body></html>';
const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 548105171\n`;

describe('what stands in place of weights', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-text-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  async function refusal(name: string, content: string | Uint8Array): Promise<CheckpointError> {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    try {
      await openModel(file);
    } catch (error) {
      assert.ok(error instanceof CheckpointError, String(error));
      return error;
    }
    return assert.fail(`${name} was opened`);
  }

  /** Endings that say binary; JSON has messages of its own. */
  const suffixes = CHECKPOINT_ENDINGS.filter((suffix) => /^\.(?!metadata)/.test(suffix) && !suffix.endsWith('.json'));

  it('is named, whatever the file is called', async () => {
    assert.ok(suffixes.length > 15);
    for (const suffix of suffixes) {
      const name = `net${suffix}`;
      const page = await refusal(name, PAGE);
      assert.deepEqual(
        [page.code, page.reason],
        ['text-file', 'is a web page ("Sign in"), not weights: a server sent it in place of the file'],
      );
      const pointer = await refusal(name, POINTER);
      assert.equal(pointer.code, 'text-file', suffix);
      assert.match(pointer.message, /Git LFS pointer to a file of 548,105,171 bytes.*git lfs pull/);
      const zeros = await refusal(name, new Uint8Array(9000));
      assert.deepEqual([zeros.code, /zero bytes/.test(zeros.message)], ['truncated', true], suffix);
      // Names that are those of one format alone: what is missing beside them, or damaged, is more than that it is text.
      if (['.distcp', '.index'].includes(suffix)) continue;
      const json = await refusal(name, '{"error":"Repository not found"}');
      assert.equal(json.code, 'text-file', suffix);
      assert.match(json.message, /is JSON text, not weights: it begins with "\{"error":"Repository not found"\}"/);
      assert.match((await refusal(name, 'Entry not found')).message, /is text, not weights: .*"Entry not found"/);
    }
  });

  it('is no text where bytes are in it that text has not, or where it is a pickle of Python 2', async () => {
    assert.notEqual((await refusal('net.pt', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0x41]))).code, 'text-file');
    assert.notEqual((await refusal('net.pt', '(dp0\nVw\np1\nI1\ns.')).code, 'text-file');
  });

  it('is named in the files that people reported', async () => {
    const cases = sharedFolder && path.join(sharedFolder, 'cases/wrong');
    if (!cases) return;
    for (const name of readdirSync(cases)) {
      const wanted = /^(html|hf|lfs|xet)\./.test(name)
        ? 'text-file'
        : name.startsWith('zeros')
          ? 'truncated'
          : undefined;
      if (wanted) await assert.rejects(openModel(path.join(cases, name)), { code: wanted }, name);
    }
  });
});

describe('a file that ends too early', () => {
  it('says so in one sentence, with what is missing', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-cut-'));
    try {
      const file = path.join(folder, 'net.safetensors');
      const tensors = Array.from({ length: 8 }, (_, index) => ({
        name: `layers.${index}.weight`,
        shape: [16, 16],
        values: uniform(256, index + 1),
      }));
      writeSafetensors(file, tensors);
      truncateSync(file, 4500);
      const checkpoint = await openModel(file);
      await checkpoint.close();
      assert.equal(checkpoint.problems.length, 5);
      const [problem, ...others] = problemsOf(checkpoint, new Map([[file, 4500]]));
      assert.deepEqual(others, []);
      assert.match(
        problem!.message,
        /ends too early after 4,500 bytes: 5 of its 8 tensors \(layers\.3\.weight, layers\.4\.weight, layers\.5\.weight, …\) are missing or cut off; fetch it again/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('keeps every other problem, and the one of a single tensor', () => {
    const problem = (code: string, tensor?: string, file = 'a'): { code: string; message: string; file: string } => ({
      ...{ code, message: `${code} ${tensor}`, file },
      ...(tensor !== undefined && { tensor }),
    });
    const problems = [
      problem('truncated', 'x'),
      problem('corrupt', 'y'),
      problem('truncated', undefined),
      problem('truncated', 'z', 'b'),
    ];
    const found = { problems, tensors: [], files: ['a'] };
    assert.deepEqual(problemsOf(found, new Map()), problems);
    const more = problemsOf({ ...found, problems: [...problems, problem('truncated', 'w')] }, new Map());
    assert.deepEqual(more.slice(1), problems.slice(1));
    assert.match(more[0]!.message, /2 of its 2 tensors \(x, w\)/);
  });

  it('counts no tensors of other files, and none that a full list has left out', () => {
    const list = new ProblemList('a');
    const cut = (count: number): void => {
      for (let i = 0; i < count; i++) list.add('truncated', 'is cut', { tensor: `w${i}` });
    };
    cut(2);
    const sentence = (files: string[]): string =>
      problemsOf({ problems: list.list(), tensors: [], files }, new Map())[0]!.message;
    assert.match(sentence(['a', 'b']), /ends too early: 2 of its tensors \(w0, w1\)/);
    cut(2000);
    assert.match(sentence(['a']), /ends too early: at least 1000 of its tensors \(/);
  });
});
