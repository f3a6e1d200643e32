/** Name of the Ed25519 key in custody that signs the heads of the decision log from its beginning. */
export const logKeyName = 'decision-log'

/** Name in custody of the key of a generation; the first one is made by `init`. */
export const keyNameOf = (generation: number): string => (generation === 1 ? logKeyName : `${logKeyName}-${generation}`)

/** The names in custody, of all that it holds, of the keys that signed heads of the log at any time. */
export const logKeyNames = (held: readonly string[]): readonly string[] =>
  held.filter((name) => /^decision-log(?:-\d+)?$/.test(name))
