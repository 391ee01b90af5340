/** The hostile corpora of all formats, under the fuzzer's names. */
import type { Corpus } from './corpus';
import { ggufCorpus } from './ggufCorpus';
import { safetensorsCorpus, shardedCorpus } from './safetensorsCorpus';

export function corpora(): ReadonlyMap<string, readonly Corpus[]> {
  return new Map([
    ['safetensors', safetensorsCorpus()],
    ['sharded safetensors', shardedCorpus()],
    ['gguf', ggufCorpus()],
  ]);
}
