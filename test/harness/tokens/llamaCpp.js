// Ids that llama.cpp gives for GGUF files, as JSON: node llamaCpp.js FILE … > gguf.json
// Needs the package node-llama-cpp, which brings llama.cpp and is no dependency of the project: npm i --no-save node-llama-cpp.
// test/golden/tokens/makeGguf.py makes the files.
const { readFileSync } = require('node:fs');
const path = require('node:path');

async function main() {
  const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
  const { texts } = JSON.parse(readFileSync(path.join(__dirname, '../../golden/tokens/tokens.json'), 'utf8'));
  const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: LlamaLogLevel.disabled });
  const found = {};
  for (const file of process.argv.slice(2)) {
    const model = await llama.loadModel({ modelPath: file, vocabOnly: true });
    const start = model.tokens.shouldPrependBosToken ? [model.tokens.bos] : [];
    // The second argument: special tokens in the text are such, as in Hugging Face's library.
    found[path.basename(file, '.gguf')] = texts.map((text) => [...start, ...model.tokenize(text, true)]);
  }
  process.stdout.write(`${JSON.stringify(found)}\n`);
  process.exit(0);
}

void main();
