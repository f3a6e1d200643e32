/** The shortest rationale that counts, in Unicode characters. Spec: domain.md "Conditions". */
const minRationaleLength = 100

/** Says whether a text is long enough to be a rationale; white space at either end is no text. */
export const isRationale = (text: string): boolean => Array.from(text.trim()).length >= minRationaleLength
