const mark = '…'
const encoder = new TextEncoder()

/** Cuts a text to `max` UTF-16 units with a mark that it was cut, never through a character. */
export function clipUnits(text: string, max: number): string {
  const whole = text.toWellFormed()
  if (whole.length <= max) return whole
  const cut = whole.slice(0, max - mark.length)
  return (cut.isWellFormed() ? cut : cut.slice(0, -1)) + mark
}

/** Cuts a text to `max` bytes of UTF-8 with a mark that it was cut, never through a character. */
export function clipBytes(text: string, max: number): string {
  const whole = text.toWellFormed()
  if (whole.length * 3 <= max || encoder.encode(whole).length <= max) return whole
  const room = new Uint8Array(max - encoder.encode(mark).length)
  return whole.slice(0, encoder.encodeInto(whole, room).read) + mark
}
