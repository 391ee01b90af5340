/** Names of the two matrices of a language model that may be one: the embedding of its input, and its output matrix. */

/** What models call the embedding of their input, and the matrix that turns its kind of vector back into words. */
const EMBEDDING = /(^|[./])(embed_tokens|word_embeddings|tok_embeddings|embed_in|token_embd|shared|wte)\.weight$/;
const OUTPUT =
  /(^|[./])(lm_head(\.decoder)?|proj_out|embed_out|output|output_projection|predictions\.decoder|vocab_projector)\.weight$/;

/** @param name a tensor's */
export function isInputEmbedding(name: string): boolean {
  return EMBEDDING.test(name);
}

/** @param name a tensor's */
export function isOutputMatrix(name: string): boolean {
  return OUTPUT.test(name);
}
