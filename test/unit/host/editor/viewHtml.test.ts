/** The page that an editor loads: what its policy allows, how large it is, and what a hostile title does to it. */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { readViewBundle, viewHtml, viewPolicy } from '../../../../extension/host/editor/viewHtml';
import { repositoryRoot } from '../../../harness/shared';

/** A person over Remote-SSH loads it with every checkpoint. */
const MOST_BYTES = 400_000;

describe('the page of a view', () => {
  it('is at most 400 kB, compressed', async () => {
    const { script, style } = await readViewBundle(repositoryRoot);
    const bytes = gzipSync(script).length + gzipSync(style).length;
    assert.ok(bytes > 50_000, `${bytes} bytes are not the page`);
    assert.ok(bytes < MOST_BYTES, `${bytes} bytes`);
  });

  it('allows its own script and style by a nonce, and nothing unsafe or remote', () => {
    const policy = viewPolicy('n0nce');
    assert.match(policy, /^default-src 'none';/);
    assert.match(policy, /script-src 'nonce-n0nce'/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  });

  it('has a nonce of its own each time, and takes a hostile title for text', () => {
    const title = '</title><script>alert(1)</script>"';
    const pages = [0, 1].map(() => viewHtml({ script: 'void 0;', style: 'p{}' }, title, '"><script>'));
    for (const page of pages) assert.equal(page.split('<script').length - 1, 1);
    const [first, second] = pages.map((page) => /script-src 'nonce-([^']+)'/.exec(page)![1]!);
    assert.notEqual(first, second);
    assert.ok(first!.length >= 24, first);
  });
});
