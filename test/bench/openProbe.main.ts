/** Opens one checkpoint in a process of its own and prints the engine's time and memory as JSON. */
import { Engine } from '../../extension/engine/engine';

async function main(file: string): Promise<void> {
  const engine = new Engine({
    cacheFolder: undefined,
    threads: 1,
    memoryLimit: 1 << 30,
    device: 'cpu',
    notify: () => undefined,
  });
  const started = performance.now();
  const { summary } = await engine.documents.open(file);
  const seconds = (performance.now() - started) / 1000;
  const megabytes = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(JSON.stringify({ seconds, megabytes, tensors: summary.tensors.length }));
  await engine.dispose();
}

void main(process.argv[2]!);
