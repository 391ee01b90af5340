/**
 * A `tokenizer.model` of SentencePiece, of the kind that Llama, Mistral, TinyLlama and Phi-3 have: BPE, texts as they are.
 *
 * @see https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
 */
import { CheckpointError } from '../../checkpoint/checkpointError';
import { ProtobufReader, WIRE, type Field, type Span } from '../../checkpoint/containers/protobufReader';
import { FileReader } from '../../checkpoint/files/fileReader';
import { PIECE, type Pieces } from './sentencePiece';

/** `ModelProto`, and its messages. */
const MODEL = { pieces: 1, trainer: 2, normalizer: 3 } as const;
const PIECE_FIELD = { text: 1, score: 2, type: 3 } as const;
const TRAINER = { kind: 3, bosId: 41, eosId: 42 } as const;
const NORMALIZER = { characters: 2, prefix: 3, collapses: 4 } as const;

/** `TrainerSpec.ModelType`. */
const BPE = 2;
const KINDS = ['', 'Unigram', 'BPE', 'word', 'character'];

const MAX_PIECES = 2_000_000;
const MAX_PIECE_BYTES = 65_536;

export interface SentencePieceModel {
  readonly pieces: Pieces;
  /** A space is put in front of a text. */
  readonly prefix: boolean;
  readonly bos: number;
  readonly eos: number;
}

/** What a file says; undefined where it says nothing of it. */
interface Said {
  kind: number;
  bos: number;
  eos: number;
  prefix: boolean;
  collapses: boolean;
  characters: number;
}

/** @throws CheckpointError `malformed`, `limit`; `unsupported` for Unigram and for texts that are normalised */
export async function readSentencePieceModel(file: string, signal?: AbortSignal): Promise<SentencePieceModel> {
  const bytes = await FileReader.open(file);
  try {
    const reader = new ProtobufReader(bytes, signal);
    const said: Said = { kind: 1, bos: 1, eos: 2, prefix: true, collapses: true, characters: 0 };
    const texts: string[] = [];
    const scores: number[] = [];
    const types: number[] = [];
    await reader.walk({ start: 0, end: bytes.size }, async (field) => {
      if (field.number === MODEL.trainer) await readTrainer(reader, field, said);
      if (field.number === MODEL.normalizer) await readNormalizer(reader, field, said);
      if (field.number !== MODEL.pieces) return;
      if (texts.length >= MAX_PIECES) throw reader.error('limit', `has more than ${MAX_PIECES} pieces`, field.offset);
      const piece = await readPiece(reader, field);
      texts.push(piece.text);
      scores.push(piece.score);
      types.push(piece.type);
    });
    if (texts.length === 0) throw new CheckpointError('malformed', 'has no pieces of SentencePiece', { file });
    refuseOthers(said, file);
    return { pieces: { texts, scores, types }, prefix: said.prefix, bos: said.bos, eos: said.eos };
  } finally {
    await bytes.close();
  }
}

async function readPiece(
  reader: ProtobufReader,
  message: Span,
): Promise<{ text: string; score: number; type: number }> {
  const piece = { text: '', score: 0, type: PIECE.normal as number };
  await reader.walk(message, async (field) => {
    if (field.number === PIECE_FIELD.text) piece.text = await reader.text(field, MAX_PIECE_BYTES);
    if (field.number === PIECE_FIELD.type) piece.type = reader.unsigned(field);
    if (field.number === PIECE_FIELD.score) {
      reader.expectWire(field, WIRE.fixed32);
      reader.position = field.start;
      await reader.load();
      piece.score = new Float32Array(Uint32Array.of(reader.fixed32(field.end)).buffer)[0]!;
    }
  });
  return piece;
}

async function readTrainer(reader: ProtobufReader, message: Span, said: Said): Promise<void> {
  await reader.walk(message, (field) => {
    if (field.number === TRAINER.kind) said.kind = reader.unsigned(field);
    if (field.number === TRAINER.bosId) said.bos = identity(field);
    if (field.number === TRAINER.eosId) said.eos = identity(field);
  });
}

/** -1 where there is none. */
function identity({ low }: Field): number {
  return low | 0;
}

async function readNormalizer(reader: ProtobufReader, message: Span, said: Said): Promise<void> {
  await reader.walk(message, (field) => {
    if (field.number === NORMALIZER.characters) said.characters = field.end - field.start;
    if (field.number === NORMALIZER.prefix) said.prefix = reader.unsigned(field) !== 0;
    if (field.number === NORMALIZER.collapses) said.collapses = reader.unsigned(field) !== 0;
  });
}

function refuseOthers({ kind, characters, collapses }: Said, file: string): void {
  const reason =
    kind !== BPE
      ? `is SentencePiece of the kind ${KINDS[kind] ?? kind}; of tokenizer.model, BPE alone is read here`
      : characters > 0 || collapses
        ? 'changes the characters or the spaces of texts (SentencePiece’s normalizer), which is not known here'
        : undefined;
  if (reason === undefined) return;
  const remedy =
    'put a tokenizer.json beside it: AutoTokenizer.from_pretrained(folder).save_pretrained(folder) writes one';
  throw new CheckpointError('unsupported', reason, { file, remedy });
}
