/** A person's own numbers: which rows fit the checkpoint, and what is said of the others. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { readOwnNumbers } from '../../../../extension/engine/ownNumbers/readOwnNumbers';
import { ownColumns, type OwnNumbers } from '../../../../extension/shared/ownNumbers';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import { temporaryFolder } from '../../../harness/temporaryFolder';

const tensor = (name: string, layers = [name], alias?: string): TensorSummary => ({
  ...{ name, group: '', shape: [4, 3], dtype: 'F16', parameters: 12, bytes: 24, layers },
  ...(alias !== undefined && { alias }),
});

const tensors = [
  tensor('a.weight'),
  tensor('blk.0.attn_q.weight', undefined, 'model.layers.0.self_attn.q_proj.weight'),
  tensor('experts', ['experts[0]', 'experts[1]']),
  tensor('norm.weight', []),
  tensor('__proto__'),
  tensor('=b'),
];

describe('own numbers of layers', () => {
  const folder = temporaryFolder();
  let files = 0;
  const read = (content: string | Buffer, ending = 'csv'): Promise<OwnNumbers> => {
    const file = path.join(folder, `numbers-${files++}.${ending}`);
    writeFileSync(file, content);
    return readOwnNumbers({ tensors }, file, new AbortController().signal);
  };
  const numbers = (found: OwnNumbers): Record<string, [string, number][]> =>
    Object.fromEntries([...ownColumns([found])].map(([name, values]) => [name, [...values]]));

  it('are found by layer, tensor, module and the name in another program', async () => {
    const found = await read(
      'name,loss\na,0.5\nmodel.layers.0.self_attn.q_proj,-1e-3\nexperts,7\nnorm.weight,2\n__proto__,3\n',
    );
    assert.deepEqual(numbers(found), {
      loss: [
        ['a.weight', 0.5],
        ['blk.0.attn_q.weight', -1e-3],
        ['experts[0]', 7],
        ['experts[1]', 7],
        ['norm.weight', 2],
        ['__proto__', 3],
      ],
    });
    assert.deepEqual([found.rows, found.unmatched.count, found.problems.count], [5, 0, 0]);
  });

  it('may stand between semicolons or tabs, with quotes, a mark of order and Windows line ends', async () => {
    const semicolons = await read('\ufeffloss;"Layer"\r\n1.5;"a.weight"\r\n;norm.weight\r\n\r\n');
    assert.deepEqual(numbers(semicolons), { loss: [['a.weight', 1.5]] });
    const tabs = await read("tensor\tgrad norm\t\n'=b\t2\tnan\n");
    assert.deepEqual(numbers(tabs), { 'grad norm': [['=b', 2]] });
    assert.match(tabs.problems.messages[0]!, /^The column "column 3" has no numbers and is left out\.$/);
  });

  it('tell the names that the checkpoint does not have', async () => {
    const rows = Array.from({ length: 30 }, (_, i) => `x${i},1`).join('\n');
    const { unmatched, rows: count } = await read(`name,loss\na,1\n${rows}\n`);
    assert.equal(count, 31);
    assert.equal(unmatched.count, 30);
    assert.deepEqual(unmatched.names.slice(0, 2), ['x0', 'x1']);
    assert.equal(unmatched.names.length, 20);
  });

  it('tell bad numbers with their lines, also behind a cell of several lines', async () => {
    const text = 'name,note,loss,time\na,"two\nlines",1,2\nnorm.weight,"x ""y""",1_000,nan\n=b,z,"1,5",0x10\n';
    const { problems, columns } = await read(text);
    assert.deepEqual(problems.messages, [
      'The column "note" has no numbers and is left out.',
      'Line 4: "loss" of norm.weight is "1_000", no finite number: it stays empty.',
      'Line 4: "time" of norm.weight is "nan", no finite number: it stays empty.',
      'Line 5: "loss" of =b is "1,5", no finite number: it stays empty.',
      'Line 5: "time" of =b is "0x10", no finite number: it stays empty.',
    ]);
    assert.deepEqual(
      columns.map(({ values }) => values),
      [
        [1, null, null],
        [2, null, null],
      ],
    );
  });

  it('take the first of two rows of a layer, and leave out rows of another length', async () => {
    const found = await read('name,loss\na,1\na.weight,2\nnorm.weight\n');
    assert.deepEqual(numbers(found), { loss: [['a.weight', 1]] });
    assert.match(found.problems.messages.join('\n'), /Line 4 has 1 cells and the first line 2/);
    assert.match(found.problems.messages.join('\n'), /Line 3: a\.weight stands in the file twice/);
  });

  it('are read from JSON, with lines, twice the same key and Python’s NaN', async () => {
    const bare = await read('{"a.weight": 0.5,\n "norm.weight": null}', 'json');
    assert.deepEqual(Object.values(numbers(bare)), [[['a.weight', 0.5]]]);
    assert.match(bare.columns[0]!.name, /^numbers-\d+$/);
    const text =
      '{\n"a": {"loss": 1, "time": 2, "loss": 3},\n"=b": {"loss": NaN},\n"a": {"time": 4},\n"q": {"time": "x"}}';
    const found = await read(text, 'json');
    assert.deepEqual(numbers(found), { loss: [['a.weight', 1]], time: [['a.weight', 2]] });
    assert.deepEqual(found.problems.messages, [
      'Line 2: "loss" of a stands twice; the first number is taken.',
      'Line 3: "loss" of =b is "NaN", no finite number: it stays empty.',
      'Line 4: a.weight stands in the file twice; the first row is taken.',
    ]);
    assert.deepEqual(found.unmatched, { names: ['q'], count: 1 });
  });

  for (const [what, content, ending, why] of [
    [
      'nothing of the checkpoint',
      'name,loss\na.wieght,1\n',
      'csv',
      /first name is "a\.wieght"; did you mean a\.weight/,
    ],
    ['an empty file', '', 'csv', /is empty/],
    ['names alone', 'name\na\n', 'csv', /has names and no numbers/],
    ['two columns of one name', 'name,loss,loss\na,1,2\n', 'csv', /two columns called "loss"/],
    ['texts alone', 'name,type\na,F16\n', 'csv', /has no column of numbers/],
    ['a quote without an end', 'name,loss\n"a,1\n', 'csv', /quote in line 2 without an end/],
    ['text behind a quote', 'name,loss\n"a"b,1\n', 'csv', /behind a closing quote in line 2/],
    ['too many columns', `name,${Array.from({ length: 33 }, (_, i) => `c${i}`).join()}\n`, 'csv', /33 columns/],
    ['another encoding', Buffer.from('name,loss\na,1\n', 'utf16le'), 'csv', /not UTF-8/],
    ['a list', '[1]', 'json', /is a list; write an object keyed by tensor name/],
    ['broken JSON', '{"a": 1,\n"b" 2}', 'json', /line 2: expected ":" after a key/],
    ['deep JSON', `{"a": ${'['.repeat(1e5)}`, 'json', /nested deeper than 64 levels/],
    ['two objects', '{"a": 1}\n{"b": 1}', 'json', /line 2: text behind the end/],
    ['an empty object', '{}', 'json', /is an empty object/],
  ] as const) {
    it(`are refused in ${what}, with the file's name and the reason`, async () => {
      await assert.rejects(read(content, ending), (error: Error) => {
        assert.match(error.message, /numbers-\d+\.(csv|json): /);
        assert.match(error.message, why);
        return true;
      });
    });
  }

  it('are refused from a folder and a file that is not there', async () => {
    const { signal } = new AbortController();
    await assert.rejects(readOwnNumbers({ tensors }, folder, signal), /not a regular file/);
    await assert.rejects(readOwnNumbers({ tensors }, path.join(folder, 'none.csv'), signal), /none\.csv.*not exist/);
  });
});
