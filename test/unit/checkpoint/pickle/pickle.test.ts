/** The pickle reader against CPython's pickler, and against pickles that no pickler writes. */
import assert from 'node:assert/strict';
import { CheckpointError } from '../../../../extension/checkpoint/checkpointError';
import { OpeningBudget } from '../../../../extension/checkpoint/files/openingBudget';
import { readPickle } from '../../../../extension/checkpoint/pickle/pickle';
import { PickleNeedsMore } from '../../../../extension/checkpoint/pickle/pickleCursor';
import { TorchPickleHost } from '../../../../extension/checkpoint/pytorch/pickleGlobals';
import {
  PickleDict,
  PickleObject,
  PickleSequence,
  type PickleValue,
} from '../../../../extension/checkpoint/pickle/pickleValues';
import * as p from '../../../harness/checkpoints/pickleWriter';
import { protocols } from './pickleFixtures.json';

function read(bytes: Buffer, available = bytes.length): { value: PickleValue; host: TorchPickleHost; length: number } {
  const host = new TorchPickleHost();
  const copy = new Uint8Array(bytes);
  return {
    host,
    ...readPickle({ file: 'made.pt', bytes: copy, offset: 0, available }, host, new OpeningBudget('made.pt')),
  };
}

/** Containers as arrays and maps, to be compared. */
function plain(value: PickleValue): unknown {
  if (value instanceof PickleSequence) return [value.kind, ...value.items.map(plain)];
  if (value instanceof PickleDict) return new Map([...value.entries()].map(([key, item]) => [plain(key), plain(item)]));
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (value instanceof PickleObject) return { global: value.global, args: plain(value.args) };
  return value;
}

function code(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof CheckpointError) return error.code;
    throw error;
  }
  return undefined;
}

describe('pickle', () => {
  it('keeps nothing of the window that it is read from, a Buffer too', () => {
    const window = Buffer.from(protocols[4]!, 'base64');
    const source = { file: 'made.pt', bytes: window, offset: 0, available: window.length };
    const { value } = readPickle(source, new TorchPickleHost(), new OpeningBudget('made.pt'));
    const kept = (value as PickleDict).get('bytes');
    assert.ok(kept instanceof Uint8Array);
    assert.deepEqual([...kept], [0, 255, 10]);
    assert.equal(kept.buffer.byteLength, kept.length);
  });

  for (const [protocol, base64] of protocols.entries()) {
    it(`reads what CPython writes in protocol ${protocol}`, () => {
      const { value, length } = read(Buffer.from(base64, 'base64'));
      assert.equal(length, Buffer.from(base64, 'base64').length);
      const numbers = [0, 1, -2, 255, 256, 65536, -(2 ** 31), 2 ** 40, -(2n ** 63n), 2n ** 70n, -(2n ** 70n)];
      assert.deepEqual(
        plain(value),
        new Map<unknown, unknown>([
          ['numbers', ['list', ...numbers, true, false, null, 1.5, -0.25, Infinity]],
          ['text', 'ä\n"x" \\u0041 €😀'],
          ['bytes', '\x00\xff\n'],
          ['array', 'ab'],
          ['tuples', ['tuple', ['tuple'], ['tuple', 1], ['tuple', 1, 2], ['tuple', 1, 2, 3], ['tuple', 1, 2, 3, 4]]],
          ['set', ['set', 1]],
          ['frozen', ['set', 'f']],
          [7, 'seven'],
          [null, 'none'],
          ['shared', ['list', ['list', 1, 2], ['list', 1, 2]]],
          ['long', 'x'.repeat(300)],
          ['ordered', new Map(Object.entries({ b: 1, a: 2 }))],
          ['default', new Map([['k', ['list', 1]]])],
        ]),
      );
      const { items } = (value as PickleDict).get('shared') as PickleSequence;
      assert.equal(items[0], items[1]);
    });

    it(`protocol ${protocol} cut anywhere is an error with a place, or a wish for more bytes`, () => {
      const whole = Buffer.from(base64, 'base64');
      for (let length = 0; length < whole.length; length++) {
        const cut = whole.subarray(0, length);
        assert.throws(
          () => read(cut),
          (error) => error instanceof CheckpointError && error.code === 'truncated' && error.where.offset! <= length,
        );
        assert.throws(() => read(cut, whole.length), PickleNeedsMore);
      }
    });
  }

  it('every opcode without its operands, or with nothing on the stack, is an error', () => {
    for (let opcode = 0; opcode < 256; opcode++) {
      const found = code(() => read(Buffer.from([0x80, 2, opcode])));
      assert.ok(found === 'truncated' || found === 'malformed', `opcode 0x${opcode.toString(16)}: ${found}`);
      // The bytes that follow serve as operands: whatever they mean, the reader ends.
      for (const operand of [0x00, 0x01, 0x7f, 0x80, 0xff, 0x2e, 0x0a]) {
        const bytes = Buffer.concat([
          Buffer.from([0x80, 2, 0x28, opcode]),
          Buffer.alloc(24, operand),
          Buffer.from('.'),
        ]);
        const outcome = code(() => read(bytes));
        assert.ok(['truncated', 'malformed', 'limit', 'unsupported', undefined].includes(outcome), outcome);
      }
    }
  });

  it('a name outside of the list becomes a placeholder, whatever is done with it', () => {
    const evil = p.global('os', 'system');
    const forms: Record<string, Buffer> = {
      REDUCE: p.call(evil, p.text('echo')),
      BUILD: p.build(evil, p.dict(['a', p.int(1)])),
      NEWOBJ: p.bytes(evil, p.tuple(p.text('x')), 0x81),
      NEWOBJ_EX: p.bytes(evil, p.tuple(p.text('x')), p.dict(), 0x92),
      OBJ: p.bytes('(', evil, p.text('x'), 'o'),
      INST: p.bytes('(', p.text('x'), 'i', 'os\nsystem\n'),
      STACK_GLOBAL: p.call(p.bytes(p.text('os'), p.text('system'), 0x93), p.text('x')),
      'REDUCE of REDUCE': p.call(p.call(evil, p.text('x')), p.text('y')),
      APPEND: p.bytes(p.call(evil), p.int(1), 'a'),
      SETITEM: p.bytes(p.call(evil), p.int(1), p.int(2), 's'),
    };
    for (const [form, bytes] of Object.entries(forms)) {
      const { value, host } = read(p.pickle(bytes, 4));
      assert.ok(value instanceof PickleObject, form);
      assert.equal(value.global, 'os.system', form);
      assert.deepEqual([...host.dangerous], ['os.system'], form);
    }
  });

  it('dangerous names are found behind aliases and attribute paths; harmless ones are not', () => {
    const names: [string, string, boolean][] = [
      ['posix', 'system', true],
      ['nt', 'system', true],
      ['builtins', 'eval', true],
      ['__builtin__', 'exec', true],
      ['builtins', 'setattr', true],
      ['subprocess', 'Popen', true],
      ['torch.serialization', 'os.system', true],
      ['importlib', 'import_module', true],
      ['runpy', '_run_code', true],
      ['argparse', 'Namespace', false],
      ['collections', 'OrderedDict', false],
      ['models.yolo', 'Model', false],
      ['builtins', 'set', false],
      ['pathlib', 'PosixPath', false],
    ];
    for (const [module, name, dangerous] of names) {
      const { host } = read(p.pickle(p.bytes(p.text(module), p.text(name), 0x93), 4));
      assert.equal(host.dangerous.size === 1, dangerous, `${module}.${name}`);
    }
  });

  it('looking up a member is dangerous where it is done, but for those that PyTorch pickles so', () => {
    const lookedUp = (module: string, owner: string, member: string): boolean => {
      const code = p.call(p.global('builtins', 'getattr'), p.global(module, owner), p.text(member));
      return read(p.pickle(code)).host.dangerous.has('builtins.getattr');
    };
    const torch = 'torch.distributed.checkpoint.metadata';
    assert.equal(lookedUp('models', 'Net', '__globals__'), true);
    assert.equal(lookedUp(torch, 'Metadata', '__globals__'), true);
    assert.equal(lookedUp(torch, '_MEM_FORMAT_ENCODING', 'TORCH_PRESERVE_FORMAT'), false);
  });

  it('names of JavaScript objects are names like any other', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      const value = plain(read(p.pickle(p.call(p.global('__main__', name), p.text('x')))).value);
      assert.deepEqual(value, { global: `__main__.${name}`, args: ['tuple', 'x'] });
    }
    const dict = read(p.pickle(p.dict(['__proto__', p.int(1)], ['constructor', p.int(2)]))).value as PickleDict;
    assert.equal(dict.get('__proto__'), 1);
    assert.equal(dict.get('toString'), undefined);
  });

  describe('declares more than there is', () => {
    const huge: Record<string, Buffer> = {
      'BINUNICODE of 4 GB': p.bytes('X', p.uint32(0xffffffff)),
      'BINUNICODE8 of 2^63': p.bytes(0x8d, p.uint64(2n ** 63n)),
      'BINBYTES8 of 2^64 - 1': p.bytes(0x8e, p.uint64(2n ** 64n - 1n)),
      'BYTEARRAY8 of 2^40': p.bytes(0x96, p.uint64(2n ** 40n)),
    };
    for (const [name, bytes] of Object.entries(huge)) {
      it(name, () =>
        assert.equal(
          code(() => read(p.pickle(bytes, 5))),
          'truncated',
        ),
      );
    }
    it('LONG4 of 2 GB is over the limit', () => {
      assert.equal(
        code(() => read(p.pickle(p.bytes(0x8b, p.uint32(0x7fffffff))))),
        'limit',
      );
    });
    it('LONG4 of a negative length', () => {
      assert.equal(
        code(() => read(p.pickle(p.bytes(0x8b, p.uint32(0xffffffff))))),
        'malformed',
      );
    });
    it('a decimal integer of a million digits', () => {
      assert.equal(
        code(() => read(p.pickle(p.bytes('L', '9'.repeat(1e6), 'L\n')))),
        'limit',
      );
    });
    it('FRAME of 2^62 is only an announcement', () => {
      assert.equal(read(p.pickle(p.bytes(0x95, p.uint64(2n ** 62n), 'N'), 4)).value, null);
    });
    it('a memo index of 2^32 - 1 costs one entry', () => {
      const { value } = read(p.pickle(p.bytes(p.put(0xffffffff, p.int(5)), '0', p.get(0xffffffff))));
      assert.equal(value, 5);
    });
  });

  it('a memo entry written again is the new one', () => {
    const stored = p.bytes(p.put(1, p.int(10)), '0', p.put(0, p.int(20)), '0', p.put(1, p.int(30)), '0');
    assert.equal(read(p.pickle(p.bytes(stored, p.get(1)))).value, 30);
    assert.equal(
      code(() => read(p.pickle(p.get(3)))),
      'malformed',
    );
  });

  describe('asks for memory', () => {
    it('ten million empty dictionaries', () => {
      assert.equal(
        code(() => read(p.pickle(p.bytes('(', Buffer.alloc(10_000_000, '}'), 't')))),
        'limit',
      );
    });
    it('copies of a long list, made again and again', () => {
      const copy = p.bytes(p.call(p.global('builtins', 'list'), p.get(0)), '0');
      const long = p.put(0, p.bytes('](', Buffer.alloc(100_000, 'N'), 'e'));
      assert.equal(
        code(() => read(p.pickle(p.bytes(long, ...Array<Buffer>(1000).fill(copy))))),
        'limit',
      );
    });
    it('copies of a long text, as bytes', () => {
      const copy = p.bytes(p.call(p.global('_codecs', 'encode'), p.get(0), p.text('latin1')), '0');
      const long = p.put(0, p.text('x'.repeat(1_000_000)));
      assert.equal(
        code(() => read(p.pickle(p.bytes(long, ...Array<Buffer>(1000).fill(copy))))),
        'limit',
      );
    });
    it('bytes made of a long text, as old NumPy arrays have them', () => {
      const array = p.call(p.global('numpy.core.multiarray', '_reconstruct'), p.none);
      const type = p.call(p.global('numpy', 'dtype'), p.text('f4'));
      const copy = p.bytes(p.build(array, p.tuple(p.tuple(p.int(1)), type, p.no, p.get(0))), '0');
      const long = p.put(0, p.text('x'.repeat(1_000_000)));
      assert.equal(
        code(() => read(p.pickle(p.bytes(long, ...Array<Buffer>(1000).fill(copy))))),
        'limit',
      );
    });
    it('places of a memo that nothing else uses', () => {
      assert.equal(
        code(() => read(p.pickle(p.bytes('N', Buffer.alloc(20_000_000, 0x94))))),
        'limit',
      );
    });
    it('marks without end', () => {
      assert.equal(
        code(() => read(p.pickle(Buffer.alloc(60_000_000, '(')))),
        'limit',
      );
    });
  });

  describe('pays for', () => {
    /** Code that is repeated, its instructions, and the memory that it asks for each time at least. */
    for (const [what, unit, instructions, bytes] of [
      ['a value that is dropped', p.bytes('N0'), 2, 0],
      ['a small number', p.bytes('K', 1, '0'), 2, 0],
      ['a floating-point number', p.bytes(p.float(0.5), 0x94, '0'), 3, 24],
      ['an integer of 8 bytes', p.bytes(p.int(2n ** 60n), 0x94, '0'), 3, 32],
      ['an integer in digits', p.bytes('L', '9'.repeat(30), 'L\n', 0x94, '0'), 3, 32],
      ['a place in the memo', p.bytes('N', 0x94, '0'), 3, 8],
      ['what is taken from the memo', p.bytes(p.get(0), '0'), 2, 0],
      ['empty bytes', p.bytes('C', 0, 0x94, '0'), 3, 200],
      ['bytes', p.bytes(p.data(Buffer.alloc(1000)), 0x94, '0'), 3, 1200],
      ['an empty text', p.bytes(p.text(''), 0x94, '0'), 3, 8],
      ['a text', p.bytes(p.text('x'.repeat(1000)), 0x94, '0'), 3, 1000],
      ['a byte string', p.bytes('T', p.uint32(1000), 'x'.repeat(1000), 0x94, '0'), 3, 1000],
      ['an empty tuple', p.bytes(')', 0x94, '0'), 3, 80],
      ['an empty list', p.bytes(']', 0x94, '0'), 3, 80],
      ['an empty set', p.bytes(0x8f, 0x94, '0'), 3, 80],
      ['an empty dictionary', p.bytes('}', 0x94, '0'), 3, 32],
      ['a mark', p.bytes('(1'), 2, 0],
      ['a name', p.bytes('ca\nb\n', 0x94, '0'), 3, 64],
      ['a call', p.bytes('ca\nb\n)R', 0x94, '0'), 5, 128],
      ['an object', p.bytes('(ca\nb\no', 0x94, '0'), 5, 128],
      ['an instance', p.bytes('(ia\nb\n', 0x94, '0'), 4, 128],
      ['a reference', p.bytes('NQ', 0x94, '0'), 4, 64],
      ['a state', p.bytes('ca\nb\n)RNb', 0x94, '0'), 7, 128],
      ['an item', p.bytes(p.get(0), 'Na0'), 4, 8],
      ['a copy', p.bytes('2', 0x94, '0'), 3, 8],
    ] as const) {
      it(what, () => {
        const times = 1000;
        const budget = new OpeningBudget('made.pt');
        const before = { steps: budget.stepsLeft, bytes: budget.left };
        const pickled = new Uint8Array(p.pickle(p.bytes(p.list(), 0x94, ...Array<Buffer>(times).fill(unit))));
        const source = { file: 'made.pt', bytes: pickled, offset: 0, available: pickled.length };
        // The memo is let go of at the end, so what is taken is seen just before.
        const pickle = { ...source, bytes: pickled.subarray(0, -1), available: pickled.length - 1 };
        assert.equal(
          code(() => readPickle(pickle, new TorchPickleHost(), budget)),
          'truncated',
        );
        assert.ok(before.steps - budget.stepsLeft >= times * instructions, `${before.steps - budget.stepsLeft} steps`);
        assert.ok(before.bytes - budget.left >= times * bytes, `${before.bytes - budget.left} bytes`);
      });
    }
  });

  it('a limit says where it was met', () => {
    assert.throws(
      () => read(p.pickle(p.bytes(...Array<Buffer>(4).fill(Buffer.alloc(10_000_000, 'N0'))))),
      (error) => error instanceof CheckpointError && error.code === 'limit' && (error.where.offset ?? 0) > 1e7,
    );
  });

  it('a million nested tuples are read without recursion', () => {
    assert.ok(read(p.pickle(p.bytes('N', Buffer.alloc(1_000_000, 0x85)))).value instanceof PickleSequence);
  });

  it('a number that is called as what every object has is none', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      assert.equal(
        code(() => read(p.pickle(p.bytes(`F${name}\n`)))),
        'malformed',
        name,
      );
    }
  });

  it('a newer protocol is unsupported', () => {
    assert.equal(
      code(() => read(p.pickle(p.none, 6))),
      'unsupported',
    );
  });
});
