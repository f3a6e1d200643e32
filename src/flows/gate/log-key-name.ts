/** Name of the Ed25519 key in custody that signs the heads of the decision log from its beginning. */
export const logKeyName = 'decision-log'

/** What the names of an era's keys begin with; an era follows each break of the log. */
const stemOf = (era: number): string => (era === 0 ? logKeyName : `${logKeyName}-after-${era}`)

/** Name in custody of the key of a generation; the first one is made by `init`, or before a break. */
export const keyNameOf = (generation: number, era = 0): string =>
  generation === 1 ? stemOf(era) : `${stemOf(era)}-${generation}`

/** The names in custody, of all that it holds, of the keys that signed heads of the log in this era at any time. */
export const logKeyNames = (held: readonly string[], era = 0): readonly string[] =>
  held.filter((name) => name === stemOf(era) || new RegExp(`^${stemOf(era)}-\\d+$`).test(name))
