import { join } from 'node:path'

/** Names of the secrets in custody that no configuration chooses. */
export const nonceKeyName = 'nonce'
export const saltKeyName = 'salt'

/** Where the witness inside a server keeps its memory. */
export const witnessMemoryOf = (directory: string): string => join(directory, 'witness')
