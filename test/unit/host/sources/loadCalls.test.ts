import assert from 'node:assert/strict';
import { loadedPaths } from '../../../../extension/host/sources/loadCalls';
import { pythonStrings } from '../../../../extension/host/sources/pythonStrings';
import { quickly } from '../../../harness/quick';

describe('calls that load a checkpoint', () => {
  const written = (source: string): string[] => loadedPaths(source).map((each) => each.written);

  it('are found with the place of their argument', () => {
    const source = 'import torch\nsd = torch.load("runs/a/model.pt", map_location="cpu")\n';
    assert.deepEqual(loadedPaths(source), [{ written: 'runs/a/model.pt', at: source.indexOf('runs') }]);
  });

  it('are found for each loader, keyword, prefix and line break', () => {
    assert.deepEqual(written('AutoModel.from_pretrained(\n    "out/step-500",\n)'), ['out/step-500']);
    assert.deepEqual(written("load_file(filename=r'b.safetensors')"), ['b.safetensors']);
    assert.deepEqual(written('with safe_open("c.safetensors", framework="pt") as f: pass'), ['c.safetensors']);
    assert.deepEqual(written('ort.InferenceSession("d.onnx"); GGUFReader("e.gguf")'), ['d.onnx', 'e.gguf']);
    assert.deepEqual(written('torch.load(Path("f.pt"))'), ['f.pt']);
  });

  it('follow a variable to the string that it was given last', () => {
    const source = 'PATH = "a.pt"\nPATH: str = "b.pt"\nsd = torch.load(PATH, weights_only=True)\nPATH = "c.pt"\n';
    assert.deepEqual(loadedPaths(source), [{ written: 'b.pt', at: source.indexOf('PATH, ') }]);
    assert.deepEqual(written('torch.load(PATH)\n'), []);
  });

  it('are none in comments, in other strings and of other functions', () => {
    assert.deepEqual(written('# torch.load("a.pt")\nprint("torch.load(x)")\nopen("b.pt")'), []);
    assert.deepEqual(written('x = "a.pt"\ns = "torch.load(x)"\n'), []);
    assert.deepEqual(written('"""\ntorch.load("a.pt")\n"""\n'), []);
  });
});

describe('strings of Python source', () => {
  const texts = (source: string): string[] => pythonStrings(source).map(({ text }) => text);

  it('end where they end in Python', () => {
    assert.deepEqual(texts(`a = "x\\"y" + 'z' + """q"r\n""" # "no"\n'open\n"next"`), [
      'x\\"y',
      'z',
      'q"r\n',
      'open',
      'next',
    ]);
  });

  it('have their place', () => {
    const [string] = pythonStrings('sd["w"]');
    assert.deepEqual(string, { text: 'w', start: 4, end: 5, before: 'sd[' });
  });

  it('are found in time that grows with the source, whatever it holds', async () => {
    for (const part of ['"', "'''", '#', '\\', 'load(', '= "', 'load(a', '((((']) {
      await quickly(300, () => loadedPaths(part.repeat(400_000 / part.length)));
    }
  });
});
