/** What tells one file of statistics from another by its content, for plans that need the very same one. */
import { createHash } from 'node:crypto';
import { FileReader } from '../../checkpoint/files/fileReader';

/** Files up to this size are hashed whole. */
const WHOLE_BYTES = 32 * 1024 * 1024;

/** Of larger ones the beginning, which has the names of safetensors and GGUF, the end, and places between. */
const SAMPLES = 512;
const SAMPLE_BYTES = 64 * 1024;

/**
 * SHA-256 of the size and the content, in hexadecimal; of samples of a file beyond 32 MB, since Gram matrices may take as
 * many bytes as the model.
 *
 * @throws CheckpointError, AbortError
 */
export async function statisticsFingerprint(path: string, signal?: AbortSignal): Promise<string> {
  const reader = await FileReader.open(path);
  try {
    const { size } = reader;
    const hash = createHash('sha256').update(`${size}\n`);
    const whole = size <= WHOLE_BYTES;
    const length = whole ? Math.min(size, SAMPLE_BYTES) : SAMPLE_BYTES;
    const count = whole ? Math.ceil(size / SAMPLE_BYTES) : SAMPLES;
    for (let i = 0; i < count; i++) {
      const start = whole ? i * SAMPLE_BYTES : Math.floor((i * (size - length)) / (count - 1));
      hash.update(await reader.read(start, Math.min(length, size - start), signal));
    }
    return hash.digest('hex');
  } finally {
    await reader.close();
  }
}
