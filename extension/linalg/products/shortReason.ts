/** Onnxruntime says in which source file of whose a condition failed, then what is wrong: only that is for people. */
export function shortReason(message: string): string {
  const [line = ''] = message.split('\n').filter((each) => each.trim() !== '');
  return line.replace(/^\/onnxruntime_src\/.* was false\. /, '').trim();
}
