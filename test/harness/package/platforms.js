// The packages: which of onnxruntime's libraries each one has, how many files, and its size in megabytes (1e6 bytes).
// `npm run package` takes the libraries from here, the tests hold the rest to what was made.

/** The loader asks for the binding, and the binding for `libonnxruntime.so.1`, nearly all of the package. */
const LINUX = ['libonnxruntime.so.1', 'onnxruntime_binding.node'];

/**
 * `onnxruntime.dll` loads DirectML.dll when the `dml` device is tried, and the two DXC libraries to compile WebGPU's
 * shaders for Direct3D. Without DirectML.dll the package would be 9 MB smaller, and all else would work. It stays in until
 * somebody has measured on Windows that WebGPU is as fast: `auto` takes the faster one.
 */
const WINDOWS = ['DirectML.dll', 'dxcompiler.dll', 'dxil.dll', 'onnxruntime.dll', 'onnxruntime_binding.node'];

/** onnxruntime-node has the same library a second time, as libonnxruntime.1.30.0.dylib, for which nothing asks. */
const MACOS = ['libonnxruntime.1.dylib', 'onnxruntime_binding.node'];

/** onnxruntime has nothing for Intel Macs or for musl: the WASM kernels do all the work there. */
const NONE = [];

module.exports = {
  'linux-x64': { onnxruntime: LINUX, files: 64, packedMB: 21.3, unpackedMB: 56 },
  'linux-arm64': { onnxruntime: LINUX, files: 64, packedMB: 13.8, unpackedMB: 35.3 },
  'win32-x64': { onnxruntime: WINDOWS, files: 68, packedMB: 32.2, unpackedMB: 76.9 },
  'win32-arm64': { onnxruntime: WINDOWS, files: 68, packedMB: 33.4, unpackedMB: 82.5 },
  'darwin-arm64': { onnxruntime: MACOS, files: 64, packedMB: 16.5, unpackedMB: 54.6 },
  'darwin-x64': { onnxruntime: NONE, files: 31, packedMB: 3.2, unpackedMB: 9.4 },
  'alpine-x64': { onnxruntime: NONE, files: 31, packedMB: 3.2, unpackedMB: 9.4 },
  'alpine-arm64': { onnxruntime: NONE, files: 31, packedMB: 3.2, unpackedMB: 9.4 },
};
