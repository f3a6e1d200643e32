import type { KeyId } from '../../core/index.ts'

/** What opens a signer's key file. */
export type KeyUnlock =
  | { readonly kind: 'passphrase'; readonly passphrase: Uint8Array }
  | { readonly kind: 'key-file'; readonly file: string }

/** What anybody may know of a signer's key. */
export interface SignerKeyInfo {
  readonly scheme: string
  /** Compressed, lower-case hex: what stands in the registry. */
  readonly publicKey: string
  readonly keyid: KeyId
}

/** A signer's key, open. */
export interface SignerKey extends SignerKeyInfo {
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** A signer's own encrypted key file. */
export interface SignerKeys {
  /** Makes a key in a new file; never overwrites one. */
  create(file: string, unlock: KeyUnlock): Promise<SignerKeyInfo>
  /** Puts a secp256k1 key made by other tools (PEM) into a new encrypted file. */
  importPem(file: string, pem: string, unlock: KeyUnlock): Promise<SignerKeyInfo>
  /** What the file says in clear; proves nothing before it is opened. */
  show(file: string): Promise<SignerKeyInfo>
  open(file: string, unlock: KeyUnlock): Promise<SignerKey>
}
