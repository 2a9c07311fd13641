/**
 * What the model of the proof answers. It depends on the question alone, so that a reader's text can be compared.
 * @returns the tokens, in order.
 */
export function tokensOf(question: string): string[] {
  const count = 150 + (hash(question) % 100);
  return Array.from({ length: count }, (_, index) => `${hash(`${question} ${index}`).toString(36)} `);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return value;
}
