/** The limits of API.md. Every input has one, so that no caller can make the others wait. */
export const limits = {
  itemsMax: 20,
  quantityMax: 1_000_000,
  totalStockMax: 1_000_000_000,
  ttlSecondsMax: 86_400,
  ttlSecondsDefault: 600,
  maxPerUserMax: 1_000_000,
  metadataPairsMax: 16,
  metadataBytesMax: 2_048,
  priceAmountMax: 100_000_000,
  nameLengthMax: 200,
  descriptionLengthMax: 2_000,
  userIdLengthMax: 128,
  reasonLengthMax: 500,
  idempotencyKeyLengthMax: 255,
  pageSizeMax: 200,
  pageSizeDefault: 50,
} as const

/** How long a stored answer is given again: long enough for every retry a person or a queue makes of one purchase. */
export const idempotencyWindowMs = 24 * 60 * 60 * 1000

export type Metadata = Readonly<Record<string, string>>

/** What is wrong with the metadata, or null. Bytes are counted as the UTF-8 JSON that is stored. */
export function metadataProblem(metadata: Metadata): string | null {
  const pairs = Object.keys(metadata).length
  if (pairs > limits.metadataPairsMax) return `has ${pairs} keys; at most ${limits.metadataPairsMax} are allowed`
  const bytes = utf8Length(JSON.stringify(metadata))
  if (bytes > limits.metadataBytesMax) return `is ${bytes} bytes of JSON; at most ${limits.metadataBytesMax} are allowed`
  return null
}

const printableAscii = /^[\x20-\x7e]+$/

/** What is wrong with an idempotency key, or null. */
export function idempotencyKeyProblem(key: string): string | null {
  if (key.length <= limits.idempotencyKeyLengthMax && printableAscii.test(key)) return null
  return `must be 1 to ${limits.idempotencyKeyLengthMax} printable ASCII characters`
}

function utf8Length(text: string): number {
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}
