/** Why a signature does not count. */
export type SignatureFaultCode =
  | 'unknown-scheme'
  | 'public-key-invalid'
  | 'public-key-small-order'
  | 'public-key-torsion'
  | 'signature-malformed'
  | 'signature-out-of-range'
  | 'signature-small-order'
  | 'signature-torsion'
  | 'signature-mismatch'

/** The answer of every verifier: valid, or the one reason why not. */
export type SignatureCheck = { readonly ok: true } | { readonly ok: false; readonly code: SignatureFaultCode }

export const signatureValid: SignatureCheck = { ok: true }
export const signatureRefused = (code: SignatureFaultCode): SignatureCheck => ({ ok: false, code })
