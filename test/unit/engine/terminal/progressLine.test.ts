import assert from 'node:assert/strict';
import type { WriteStream } from 'node:tty';
import { ProgressLine } from '../../../../extension/engine/terminal/progressLine';

const ERASE = '\r\u001b[2K';

function terminal(isTTY: boolean): { progress: ProgressLine; written: () => string } {
  let text = '';
  const stream = { isTTY, columns: 30, write: (part: string) => (text += part) };
  return { progress: new ProgressLine(stream as unknown as WriteStream), written: () => text };
}

describe('progress line', () => {
  it('says how far and at what, within the width of the terminal', () => {
    const { progress, written } = terminal(true);
    progress.layer('block.0.weight: eigenvalues 50 % of a very long name');
    assert.equal(written(), `${ERASE}block.0.weight…very long name`);
  });

  it('shows what a name would have the terminal do', () => {
    const { progress, written } = terminal(true);
    progress.layer('\u001b[2J\rw');
    progress.finish();
    progress.note('a\u009b31m\u202eb');
    assert.equal(written(), `${ERASE}\\u001b[2J\\rw${ERASE}${ERASE}a\\u009b31m\\u202eb\n`);
  });

  it('leaves an empty line when it ends, whatever is reported after', () => {
    const { progress, written } = terminal(true);
    progress.count(1, 2);
    progress.finish();
    progress.count(0, 0);
    progress.layer('block.1.weight: FARMS 100 %');
    assert.equal(written(), `${ERASE}1/2 ${ERASE}`);
  });

  it('writes nothing but notes where there is no terminal', () => {
    const { progress, written } = terminal(false);
    progress.count(1, 2);
    progress.note('results cannot be cached');
    progress.finish();
    assert.equal(written(), 'results cannot be cached\n');
  });
});
