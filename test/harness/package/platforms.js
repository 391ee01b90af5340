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
  'linux-x64': { onnxruntime: LINUX, files: 55, packedMB: 18.7, unpackedMB: 48.6 },
  'linux-arm64': { onnxruntime: LINUX, files: 55, packedMB: 11.2, unpackedMB: 28 },
  'win32-x64': { onnxruntime: WINDOWS, files: 59, packedMB: 29.7, unpackedMB: 69.5 },
  'win32-arm64': { onnxruntime: WINDOWS, files: 59, packedMB: 30.8, unpackedMB: 75.2 },
  'darwin-arm64': { onnxruntime: MACOS, files: 55, packedMB: 13.9, unpackedMB: 47.3 },
  'darwin-x64': { onnxruntime: NONE, files: 22, packedMB: 0.7, unpackedMB: 2 },
  'alpine-x64': { onnxruntime: NONE, files: 22, packedMB: 0.7, unpackedMB: 2 },
  'alpine-arm64': { onnxruntime: NONE, files: 22, packedMB: 0.7, unpackedMB: 2 },
};
