/**
 * Parts of quantised weights, made from codes element by element as each scheme's description has it, one bit at a time:
 * shares no code with the decoders.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { FixtureTensor } from './safetensorsFixtures';
import { safetensorsBytes } from './safetensorsFixtures';

/** Deterministic whole numbers in [0, below). */
export function integers(count: number, below: number, seed = 1): number[] {
  let state = seed * 7919 + 17;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  });
}

/** Words of 32 bits to which codes are written bit by bit. */
export class Words {
  readonly values: Uint32Array;

  constructor(count: number) {
    this.values = new Uint32Array(count);
  }

  /** Bit `bit` of word `index` for each of the code's bits, the lowest first; `place` says where bit `i` goes. */
  put(code: number, bits: number, place: (bit: number) => { word: number; bit: number }): void {
    for (let i = 0; i < bits; i++) {
      if (Math.floor(code / 2 ** i) % 2 === 0) continue;
      const { word, bit } = place(i);
      this.values[word] = this.values[word]! + 2 ** bit;
    }
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.values.buffer);
  }
}

export function tensor(name: string, dtype: string, shape: number[], bytes: Uint8Array): FixtureTensor {
  return { name, dtype, shape, bytes };
}

export function float32Tensor(name: string, shape: number[], values: readonly number[]): FixtureTensor {
  return tensor(name, 'F32', shape, new Uint8Array(Float32Array.from(values).buffer));
}

/** Multiples of 1/8 below 2⁸ in half precision are found by searching their exponent. */
export function halfTensor(name: string, shape: number[], values: readonly number[]): FixtureTensor {
  const codes = Uint16Array.from(values, (value) => {
    if (value === 0) return 0;
    const exponent = Math.floor(Math.log2(Math.abs(value)));
    const fraction = (Math.abs(value) / 2 ** exponent - 1) * 1024;
    if (!Number.isInteger(fraction)) throw new RangeError(`${value} is no half`);
    return (value < 0 ? 0x8000 : 0) + (exponent + 15) * 1024 + fraction;
  });
  return tensor(name, 'F16', shape, new Uint8Array(codes.buffer));
}

/** Scales that halves hold exactly: k/64, of both signs. */
export function scalesOf(count: number, seed = 3): number[] {
  return integers(count, 127, seed).map((k) => (k - 63 || 1) / 64);
}

export interface GptqParts {
  base: string;
  outputs: number;
  inputs: number;
  bits: number;
  groups: number;
  /** The group of each input. */
  groupOf: (input: number) => number;
  withIndex?: boolean;
  version?: 1 | 2;
}

/** The parts, and the weight [outputs, inputs] they stand for. */
export function gptqParts(made: GptqParts): { tensors: FixtureTensor[]; weight: Float32Array } {
  const { base, outputs, inputs, bits, groups, groupOf, version = 1 } = made;
  const code = integers(inputs * outputs, 2 ** bits, 5);
  const zero = integers(groups * outputs, 2 ** bits, 6);
  const scale = scalesOf(groups * outputs);
  const qweight = new Words((inputs * bits * outputs) / 32);
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) {
      qweight.put(code[i * outputs + o]!, bits, (bit) => {
        const position = i * bits + bit;
        return { word: Math.floor(position / 32) * outputs + o, bit: position % 32 };
      });
    }
  }
  const perRow = (outputs * bits) / 32;
  const qzeros = new Words(groups * perRow);
  for (let g = 0; g < groups; g++) {
    for (let o = 0; o < outputs; o++) {
      const value = zero[g * outputs + o]!;
      const stored = version === 1 ? (value + 2 ** bits - 1) % 2 ** bits : value;
      qzeros.put(stored, bits, (bit) => {
        const position = o * bits + bit;
        return { word: g * perRow + Math.floor(position / 32), bit: position % 32 };
      });
    }
  }
  const weight = new Float32Array(outputs * inputs);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      const at = groupOf(i) * outputs + o;
      weight[o * inputs + i] = (code[i * outputs + o]! - zero[at]!) * scale[at]!;
    }
  }
  const index = Int32Array.from({ length: inputs }, (_, i) => groupOf(i));
  return {
    weight,
    tensors: [
      tensor(`${base}.qweight`, 'I32', [(inputs * bits) / 32, outputs], qweight.bytes),
      tensor(`${base}.qzeros`, 'I32', [groups, perRow], qzeros.bytes),
      halfTensor(`${base}.scales`, [groups, outputs], scale),
      ...(made.withIndex ? [tensor(`${base}.g_idx`, 'I32', [inputs], new Uint8Array(index.buffer))] : []),
    ],
  };
}

/** AWQ's parts: the eight codes of a word are those of the outputs 0, 2, 4, 6, 1, 3, 5, 7 of its eight. */
export function awqParts({
  base,
  outputs,
  inputs,
  groups,
}: Pick<GptqParts, 'base' | 'outputs' | 'inputs' | 'groups'>): {
  tensors: FixtureTensor[];
  weight: number[];
} {
  const code = integers(inputs * outputs, 16, 2);
  const zero = integers(groups * outputs, 16, 3);
  const scale = scalesOf(groups * outputs);
  const pack = (rows: number, codes: readonly number[]): Uint8Array => {
    const words = new Words((rows * outputs) / 8);
    for (let r = 0; r < rows; r++) {
      for (let o = 0; o < outputs; o++) {
        const place = [0, 2, 4, 6, 1, 3, 5, 7].indexOf(o % 8);
        words.put(codes[r * outputs + o]!, 4, (bit) => ({
          word: r * (outputs / 8) + Math.floor(o / 8),
          bit: 4 * place + bit,
        }));
      }
    }
    return words.bytes;
  };
  const weight = Array.from({ length: outputs * inputs }, (_, at) => {
    const [o, i] = [Math.floor(at / inputs), at % inputs];
    const g = Math.floor(i / (inputs / groups)) * outputs + o;
    return (code[i * outputs + o]! - zero[g]!) * scale[g]!;
  });
  const tensors = [
    tensor(`${base}.qweight`, 'I32', [inputs, outputs / 8], pack(inputs, code)),
    tensor(`${base}.qzeros`, 'I32', [groups, outputs / 8], pack(groups, zero)),
    halfTensor(`${base}.scales`, [groups, outputs], scale),
  ];
  return { tensors, weight };
}

/** MLX: rows of codes as one string of bits each. */
export function packedRows(code: readonly number[], rows: number, bits: number): Uint8Array {
  const cols = code.length / rows;
  const perRow = (cols * bits) / 32;
  const words = new Words(rows * perRow);
  for (let at = 0; at < code.length; at++) {
    const row = Math.floor(at / cols);
    words.put(code[at]!, bits, (bit) => {
      const position = (at % cols) * bits + bit;
      return { word: row * perRow + Math.floor(position / 32), bit: position % 32 };
    });
  }
  return words.bytes;
}

/** Writes a model folder. @returns the checkpoint's path */
export function writeModel(folder: string, tensors: readonly FixtureTensor[], config?: unknown): string {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'model.safetensors');
  writeFileSync(file, safetensorsBytes(tensors, { format: 'pt' }));
  if (config !== undefined) {
    writeFileSync(path.join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  }
  return file;
}
