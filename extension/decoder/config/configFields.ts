/** Fields of a model's configuration, each checked when it is asked for. */
import { isObject } from '../../checkpoint/files/jsonFile';
import { own } from '../../checkpoint/quantised/quantisationConfig';
import { DecoderError } from '../decoderError';

type Fields = Readonly<Record<string, unknown>>;

export class ConfigFields {
  /** @param source in front of messages: the file that says it */
  constructor(
    readonly source: string,
    readonly fields: Fields,
    /** The weights are llama.cpp's: some of them lie in another form there. */
    readonly gguf = false,
  ) {}

  /** @throws DecoderError `invalid-config` if it is there and no whole number above 0, or not there without a default */
  size(key: string, otherwise?: number): number {
    const value = this.given(key) ?? otherwise;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
    throw this.wrong(key, value, 'a whole number above 0');
  }

  /** The first of the names that is there. @throws as `size` */
  firstSize(keys: readonly string[], otherwise?: number): number {
    const key = keys.find((each) => this.given(each) !== undefined);
    return this.size(key ?? keys[0]!, otherwise);
  }

  optionalSize(key: string): number | undefined {
    return this.given(key) === undefined ? undefined : this.size(key);
  }

  /** @throws DecoderError `invalid-config` */
  number(key: string, otherwise?: number): number {
    const value = this.given(key) ?? otherwise;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.wrong(key, value, 'a number');
  }

  /** Undefined of a field that is null, which is not one that is left out. @throws as `size` */
  sizeUnlessNull(key: string, otherwise: number): number | undefined {
    return own(this.fields, key) === null ? undefined : this.size(key, otherwise);
  }

  /** The same of any number. */
  numberUnlessNull(key: string, otherwise: number): number | undefined {
    return own(this.fields, key) === null ? undefined : this.number(key, otherwise);
  }

  optionalNumber(key: string): number | undefined {
    return this.given(key) === undefined ? undefined : this.number(key);
  }

  /** @throws DecoderError `invalid-config` */
  flag(key: string, otherwise: boolean): boolean {
    const value = this.given(key) ?? otherwise;
    if (typeof value === 'boolean') return value;
    throw this.wrong(key, value, 'true or false');
  }

  /** @throws DecoderError `invalid-config` */
  word(key: string, otherwise?: string): string {
    const value = this.given(key) ?? otherwise;
    if (typeof value === 'string') return value;
    throw this.wrong(key, value, 'text');
  }

  /** @throws DecoderError `invalid-config` */
  numbers(key: string): readonly number[] {
    const value = this.given(key);
    if (Array.isArray(value) && value.every((each) => typeof each === 'number')) return value;
    throw this.wrong(key, value, 'a list of numbers');
  }

  /** @throws DecoderError `invalid-config` */
  words(key: string): readonly string[] | undefined {
    const value = this.given(key);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
    throw this.wrong(key, value, 'a list of words');
  }

  /** An object within; undefined if there is none. */
  within(key: string): ConfigFields | undefined {
    const value = this.given(key);
    return isObject(value) ? new ConfigFields(`${this.source}, ${key}`, value, this.gguf) : undefined;
  }

  /** True of a field that is there and not null. */
  has(key: string): boolean {
    return this.given(key) !== undefined;
  }

  unsupported(what: string): DecoderError {
    return new DecoderError('unsupported', `${this.source} asks for ${what}, which is not computed here`);
  }

  private given(key: string): unknown {
    return own(this.fields, key) ?? undefined;
  }

  private wrong(key: string, value: unknown, wanted: string): DecoderError {
    const said = value === undefined ? `lacks ${key}` : `has ${JSON.stringify(value).slice(0, 100)} as ${key}`;
    return new DecoderError('invalid-config', `${this.source} ${said}; wanted is ${wanted}`);
  }
}
